using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Migrations;

namespace ClarityTracking.Core.Data.Migrations;

/// <summary>The few calls that failed by connection, so that the last one is found without going through a week of calls that did not.</summary>
[DbContext(typeof(ClarityDbContext))]
[Migration("20261121171000_CallFailures")]
public sealed class CallFailures : Migration
{
    protected override void Up(MigrationBuilder migrationBuilder) => migrationBuilder.Sql(
        "CREATE INDEX delivery_calls_failed ON delivery_calls (workspace_id, connection_id, id) WHERE http_status IS NULL OR http_status >= 400");
}
