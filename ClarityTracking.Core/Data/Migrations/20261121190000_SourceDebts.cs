using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Migrations;

namespace ClarityTracking.Core.Data.Migrations;

/// <summary>Webhooks that the app made in a shop, kept with what was granted; the log of one connection by an index of its own.</summary>
[DbContext(typeof(ClarityDbContext))]
[Migration("20261121190000_SourceDebts")]
public sealed class SourceDebts : Migration
{
    protected override void Up(MigrationBuilder migrationBuilder) => migrationBuilder.Sql("""
        ALTER TABLE oauth_grants ADD COLUMN webhooks jsonb; -- [{Topic, Problem}]; NULL = none were to be made
        CREATE INDEX inbound_webhooks_by_connection ON inbound_webhooks (workspace_id, connection_id, id);
        """);
}
