using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Migrations;

namespace ClarityTracking.Core.Data.Migrations;

/// <summary>What conversions are compared by, and the groups that were told twice.</summary>
[DbContext(typeof(ClarityDbContext))]
[Migration("20261121184000_Duplicates")]
public sealed class Duplicates : Migration
{
    protected override void Up(MigrationBuilder migrationBuilder) => migrationBuilder.Sql(EventLog.Read("duplicates.sql"));
}
