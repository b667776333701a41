using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Migrations;

namespace ClarityTracking.Core.Data.Migrations;

/// <summary>Webhooks of sources, and the conversions they tell of.</summary>
[DbContext(typeof(ClarityDbContext))]
[Migration("20261121150000_Inbound")]
public sealed class Inbound : Migration
{
    protected override void Up(MigrationBuilder migrationBuilder) => migrationBuilder.Sql(EventLog.Read("inbound.sql"));
}
