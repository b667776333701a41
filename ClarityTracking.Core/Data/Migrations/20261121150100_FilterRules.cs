using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Migrations;

namespace ClarityTracking.Core.Data.Migrations;

/// <summary>The filter rules of websites, under row level security.</summary>
[DbContext(typeof(ClarityDbContext))]
[Migration("20261121150100_FilterRules")]
public sealed class FilterRules : Migration
{
    protected override void Up(MigrationBuilder migrationBuilder) => migrationBuilder.Sql(EventLog.Read("filter_rules.sql"));

    protected override void Down(MigrationBuilder migrationBuilder) => migrationBuilder.DropTable("filter_rules");
}
