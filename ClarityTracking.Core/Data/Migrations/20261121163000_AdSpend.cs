using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Migrations;

namespace ClarityTracking.Core.Data.Migrations;

/// <summary>What was spent on ads, and how its imports go.</summary>
[DbContext(typeof(ClarityDbContext))]
[Migration("20261121163000_AdSpend")]
public sealed class AdSpend : Migration
{
    protected override void Up(MigrationBuilder migrationBuilder) => migrationBuilder.Sql(EventLog.Read("ad_spend.sql"));
}
