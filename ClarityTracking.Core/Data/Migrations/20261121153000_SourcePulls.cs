using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Migrations;

namespace ClarityTracking.Core.Data.Migrations;

/// <summary>Pulls of past bookings and orders from senders' APIs.</summary>
[DbContext(typeof(ClarityDbContext))]
[Migration("20261121153000_SourcePulls")]
public sealed class SourcePullsTable : Migration
{
    protected override void Up(MigrationBuilder migrationBuilder) => migrationBuilder.Sql(EventLog.Read("source_pulls.sql"));
}
