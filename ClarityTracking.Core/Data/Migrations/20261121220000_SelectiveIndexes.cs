using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Migrations;

namespace ClarityTracking.Core.Data.Migrations;

/// <summary>
/// Indexes of large tables begin with what tells rows apart, not with the tenant (see docs/decisions/0017). Of a tenant that the planner's statistics have
/// not seen yet it expects one row, so any index that begins with the tenant looks as good to it as the primary key, and it reads all of the tenant's rows
/// for each one asked for.
/// </summary>
[DbContext(typeof(ClarityDbContext))]
[Migration("20261121220000_SelectiveIndexes")]
public sealed class SelectiveIndexes : Migration
{
    private static readonly (string Index, string Table, string Columns)[] Indexes =
    [
        ("events_by_event_id", "events", "(event_id, workspace_id, website_id)"),
        ("events_by_visitor", "events", "(visitor_id, workspace_id, website_id, id) WHERE visitor_id IS NOT NULL"),
        ("deliveries_by_event", "deliveries", "(event_id, workspace_id)"),
        ("delivery_queue_by_event", "delivery_queue", "(event_id, workspace_id)"),
        ("conversions_by_sender", "conversions", "(sender_id, workspace_id, website_id)"),
        ("conversions_by_visitor", "conversions", "(visitor_id, workspace_id, website_id) WHERE visitor_id IS NOT NULL"),
        ("conversions_by_number", "conversions", "(number, workspace_id, website_id) WHERE number IS NOT NULL"),
        ("conversions_by_tracking", "conversions", "(tracking_id, workspace_id, website_id) WHERE tracking_id IS NOT NULL"),
        ("conversion_events_by_event", "conversion_events", "(event_id, workspace_id, website_id)"),
        ("conversion_events_by_webhook", "conversion_events", "(webhook_id, workspace_id)"),
        ("conversion_ids_by_conversion", "conversion_ids", "(conversion_id, workspace_id)"),
        ("touchpoints_by_profile", "touchpoints", "(profile, workspace_id, website_id, occurred_at)"),
        ("touchpoint_keys_by_touchpoint", "touchpoint_keys", "(touchpoint_id, workspace_id, website_id)"),
        ("conversion_keys_by_conversion", "conversion_keys", "(conversion_id, workspace_id)"),
        ("match_touches_by_touchpoint", "match_touches", "(touchpoint_id, workspace_id)"),
        ("person_ids_by_person", "person_ids", "(person_id, workspace_id)"),
        ("person_merges_by_kept", "person_merges", "(kept_id, workspace_id)"),
        ("person_merges_by_merged", "person_merges", "(merged_id, workspace_id)"),
        ("duplicate_members_by_event", "duplicate_members", "(id, workspace_id, website_id)"),
        // Ranges of time need the tenant first. The condition is always true, but only a query by time shows it to the planner.
        ("conversions_by_time", "conversions", "(workspace_id, website_id, occurred_at) WHERE occurred_at IS NOT NULL"),
        ("duplicate_groups_by_time", "duplicate_groups", "(workspace_id, website_id, last_at) WHERE last_at IS NOT NULL"),
    ];

    protected override void Up(MigrationBuilder migrationBuilder)
    {
        foreach (var (index, table, columns) in Indexes)
            migrationBuilder.Sql($"DROP INDEX {index}; CREATE INDEX {index} ON {table} {columns}");
        // nobody reads a website's touchpoints in the order of their ids
        migrationBuilder.Sql("ALTER TABLE touchpoints DROP CONSTRAINT touchpoints_pkey, ADD PRIMARY KEY (id, workspace_id, website_id)");
    }
}
