using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Migrations;

namespace ClarityTracking.Core.Data.Migrations;

/// <summary>Volume by minute and hour, latencies, the ways events take, and what was seen last.</summary>
[DbContext(typeof(ClarityDbContext))]
[Migration("20261121184500_Volume")]
public sealed class Volume : Migration
{
    protected override void Up(MigrationBuilder migrationBuilder) => migrationBuilder.Sql(EventLog.Read("volume.sql"));
}
