using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Migrations;

namespace ClarityTracking.Core.Data.Migrations;

/// <summary>What the ledger and the alert about silent webhooks look up.</summary>
[DbContext(typeof(ClarityDbContext))]
[Migration("20261121185000_Ledger")]
public sealed class Ledger : Migration
{
    protected override void Up(MigrationBuilder migrationBuilder) => migrationBuilder.Sql("""
        -- webhooks that became nothing are few; the log of them all is not
        CREATE INDEX inbound_webhooks_unread ON inbound_webhooks (workspace_id, website_id, id) WHERE status IN ('failed', 'received');
        CREATE INDEX inbound_webhooks_heard ON inbound_webhooks (workspace_id, connection_id, last_received_at) WHERE verdict = 'ok';
        CREATE INDEX conversion_changes_by_webhook ON conversion_changes (workspace_id, webhook_id) WHERE webhook_id IS NOT NULL;
        """);
}
