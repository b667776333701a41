using ClarityTracking.Core.Data;
using ClarityTracking.Tests.Support;
using Npgsql;

namespace ClarityTracking.Tests.Health.Ledger;

/// <summary>Many paid orders of some days, as senders, intake, router and lanes leave them behind.</summary>
static class BulkOrders
{
    /// <summary>
    /// Adds orders, spread evenly over days before now. Each is worth 10 EUR and goes to every destination; of a hundred at each one is dead, one skipped for want of consent, one
    /// retried, and the others delivered, unless all are.
    /// </summary>
    public static async Task AddAsync(AppFixture app, NewSite site, IReadOnlyList<Guid> destinations, int count, int days, bool allDelivered = false)
    {
        await using (var database = NpgsqlDataSource.Create(app.ConnectionString))
            for (var week = 0; week <= days + 7; week += 7)
                await Partitions.EnsureAsync(database, DateTimeOffset.UtcNow.AddDays(-week), CancellationToken.None);
        await TestDatabase.RunAsync(app.ConnectionString + ";Command Timeout=600", $"""
            CREATE TEMP TABLE made AS
                SELECT i, at, (substr(h, 1, 8) || '-' || substr(h, 9, 4) || '-7' || substr(md5('o' || i), 1, 3) || '-8' || substr(md5('o' || i), 4, 3) || '-' || substr(md5('o' || i), 7, 12))::uuid AS id
                  FROM (SELECT i, at, replace(clarity_lowest_id(at)::text, '-', '') AS h
                          FROM (SELECT i, now() - interval '2 hours' - (interval '{days - 1} days' * i / {count}) AS at FROM generate_series(1, {count}) i) t) x;
            INSERT INTO conversions (workspace_id, website_id, id, source, kind, sender_id, number, status, occurred_at, paid_at, value, currency, told_at, updated_at)
                SELECT '{site.WorkspaceId}', '{site.Id}', id, 'generic', 'order', 'bulk-' || i, '#' || i, 'paid', at, at, 10, 'EUR', at, at FROM made;
            INSERT INTO conversion_events (workspace_id, website_id, conversion_id, name, event_id, taken_in_at)
                SELECT '{site.WorkspaceId}', '{site.Id}', id, 'purchase', 'purchase_bulk-' || i, at FROM made;
            INSERT INTO events (workspace_id, website_id, id, event_id, name, source, is_test, occurred_at, received_at, value, currency, properties)
                SELECT '{site.WorkspaceId}', '{site.Id}', id, 'purchase_bulk-' || i, 'purchase', 'webhook', false, at, at, 10, 'EUR', '{"{}"}' FROM made;
            """ + string.Concat(destinations.Select((destination, d) => $"""
            INSERT INTO deliveries (workspace_id, website_id, id, connection_id, event_id, event_name, status, reason, detail, attempts, created_at, finished_at)
                SELECT '{site.WorkspaceId}', '{site.Id}', (left(id::text, 35) || '{d}')::uuid, '{destination}', id, 'purchase',
                       CASE {Odd(d)} WHEN 0 THEN 'dead' WHEN 1 THEN 'skipped' ELSE 'delivered' END, CASE {Odd(d)} WHEN 0 THEN 'permanent' WHEN 1 THEN 'consent' END,
                       CASE {Odd(d)} WHEN 0 THEN 'Invalid parameter: value' END, 1, at, at + interval '1 second' FROM made WHERE {Odd(d)} <> 2;
            INSERT INTO delivery_queue (workspace_id, website_id, id, connection_id, event_id, event_name, attempts, reason, created_at, next_attempt_at)
                SELECT '{site.WorkspaceId}', '{site.Id}', (left(id::text, 35) || '{d}')::uuid, '{destination}', id, 'purchase', 2, 'transient', at, now() + interval '1 hour' FROM made WHERE {Odd(d)} = 2;
            """)) + "DROP TABLE made;");

        string Odd(int destination) => allDelivered ? "-1" : $"(i + {destination}) % 100";
    }
}
