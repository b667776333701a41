using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Migrations;

namespace ClarityTracking.Core.Data.Migrations;

/// <summary>
/// The try that delivered is told by the delivery itself, not by a row of its own (docs/decisions/0011); a connection remembers that it was asked
/// for fewer calls.
/// </summary>
[DbContext(typeof(ClarityDbContext))]
[Migration("20261121150300_DeliveryResults")]
public sealed class DeliveryResults : Migration
{
    protected override void Up(MigrationBuilder migrationBuilder) => migrationBuilder.Sql(EventLog.Read("delivery_results.sql"));
}
