using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Migrations;

namespace ClarityTracking.Core.Data.Migrations;

/// <summary>Campaign links, and conversions recorded by their clicks.</summary>
[DbContext(typeof(ClarityDbContext))]
[Migration("20261121153300_Links")]
public sealed class Links : Migration
{
    protected override void Up(MigrationBuilder migrationBuilder) => migrationBuilder.Sql(EventLog.Read("links.sql"));
}
