using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Migrations;

namespace ClarityTracking.Core.Data.Migrations;

/// <summary>Touchpoints, persons and matches, and the feed that followers of the log read.</summary>
[DbContext(typeof(ClarityDbContext))]
[Migration("20261121180000_Touchpoints")]
public sealed class Touchpoints : Migration
{
    protected override void Up(MigrationBuilder migrationBuilder) => migrationBuilder.Sql(EventLog.Read("touchpoints.sql"));
}
