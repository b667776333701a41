using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Migrations;

namespace ClarityTracking.Core.Data.Migrations;

/// <summary>What matching learned from each workspace's decisions.</summary>
[DbContext(typeof(ClarityDbContext))]
[Migration("20261121181000_MatchingModels")]
public sealed class MatchingModels : Migration
{
    protected override void Up(MigrationBuilder migrationBuilder) => migrationBuilder.Sql(EventLog.Read("matching_models.sql"));
}
