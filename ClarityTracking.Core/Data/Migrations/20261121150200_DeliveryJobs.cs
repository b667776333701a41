using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Migrations;

namespace ClarityTracking.Core.Data.Migrations;

/// <summary>Replays and backfills as jobs.</summary>
[DbContext(typeof(ClarityDbContext))]
[Migration("20261121150200_DeliveryJobs")]
public sealed class DeliveryJobs : Migration
{
    protected override void Up(MigrationBuilder migrationBuilder) => migrationBuilder.Sql(EventLog.Read("delivery_jobs.sql"));
}
