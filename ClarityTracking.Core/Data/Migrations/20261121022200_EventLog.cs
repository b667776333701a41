using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Migrations;

namespace ClarityTracking.Core.Data.Migrations;

/// <summary>The partitioned tables, queues and rollups, and row level security over all tenant tables.</summary>
[DbContext(typeof(ClarityDbContext))]
[Migration("20261121022200_EventLog")]
public sealed class EventLog : Migration
{
    protected override void Up(MigrationBuilder migrationBuilder)
    {
        migrationBuilder.Sql(Read("event_log.sql"));
        migrationBuilder.Sql(Read("tenant_isolation.sql"));
    }

    internal static string Read(string name)
    {
        using var stream = typeof(EventLog).Assembly.GetManifestResourceStream(name)!;
        using var reader = new StreamReader(stream);
        return reader.ReadToEnd();
    }
}
