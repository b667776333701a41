using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Migrations;

namespace ClarityTracking.Core.Data.Migrations;

/// <summary>Alerts, their rules, channels and messages, under row level security. Read and written without entities.</summary>
[DbContext(typeof(ClarityDbContext))]
[Migration("20261121150600_Alerts")]
public sealed class Alerts : Migration
{
    protected override void Up(MigrationBuilder migrationBuilder) => migrationBuilder.Sql(EventLog.Read("alerts.sql"));
}
