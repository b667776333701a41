using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Migrations;

namespace ClarityTracking.Core.Data.Migrations;

/// <summary>Platforms' own scores, when they were asked, and each website's chances for the estimate.</summary>
[DbContext(typeof(ClarityDbContext))]
[Migration("20261121150400_MatchQuality")]
public sealed class MatchQuality : Migration
{
    protected override void Up(MigrationBuilder migrationBuilder) => migrationBuilder.Sql(EventLog.Read("match_quality.sql"));
}
