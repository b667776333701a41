using System.Text.Json;
using ClarityTracking.Core.Data;
using ClarityTracking.Core.Destinations;
using ClarityTracking.Core.Ingestion.Store;
using ClarityTracking.Core.Reports;
using ClarityTracking.Core.Routing;
using Npgsql;

namespace ClarityTracking.Core.Delivery.Jobs;

/// <summary>
/// A backfill as SQL and decisions: counted for the plan and done batch by batch by the same conditions. They name the website, as no row level security does.
/// </summary>
internal sealed record BackfillScope(
    Guid WorkspaceId, Guid WebsiteId, Guid ConnectionId, IDestination Destination, JsonElement Settings, DateTimeOffset From, DateTimeOffset To)
{
    /// <summary>Events of one transaction.</summary>
    internal const int Batch = 500;

    /// <summary>A plan decides so many events; of more, a sample.</summary>
    internal const int MostDecided = 20_000;

    /// <summary>How soon to look again whether the queue has become short.</summary>
    private static readonly TimeSpan LookAgain = TimeSpan.FromMilliseconds(250);

    /// <summary>
    /// So many deliveries may be due for the connection when a batch is added: two calls' worth, so that a live event, which is due after what
    /// is due already, waits for hardly more than that.
    /// </summary>
    private int Room => Math.Clamp(2 * Destination.Info.MaxBatch, 50, 1000);

    // A delivery's id carries when it was routed: after its event, but for clocks of nodes that differ. Asked for each event, by an index: as a join the
    // planner, who knows nothing of a week that has just begun, may go through all deliveries for every event.
    private const string IsHad = """
        (EXISTS (SELECT FROM deliveries d WHERE d.workspace_id = @workspace AND d.event_id = e.id AND d.connection_id = @connection AND d.id >= @floor)
         OR EXISTS (SELECT FROM delivery_queue q WHERE q.workspace_id = @workspace AND q.event_id = e.id AND q.connection_id = @connection))
        """;

    // OFFSET 0 keeps the planner from turning the question into a join after all
    private const string Events = $"""
        (SELECT e.id, e.occurred_at < @cutoff AS old, {IsHad} AS had
           FROM events e WHERE e.workspace_id = @workspace AND e.website_id = @website AND e.id >= @lowest AND e.id < @highest OFFSET 0) e
        """;

    /// <summary>The plan.</summary>
    public async Task<BackfillPlan> CountAsync(NpgsqlConnection connection, EventLoader loader, FilterRules filters, DateTimeOffset now, CancellationToken cancel)
    {
        long matched, tooOld, had;
        await using (var command = Command($"""
            SELECT count(*), count(*) FILTER (WHERE old AND NOT had), count(*) FILTER (WHERE had) FROM {Events}
            """, connection, now))
        {
            command.CommandTimeout = PlanTimeout.Seconds;
            await using var reader = await command.ExecuteReaderAsync(cancel);
            await reader.ReadAsync(cancel);
            (matched, tooOld, had) = (reader.GetInt64(0), reader.GetInt64(1), reader.GetInt64(2));
        }
        var open = matched - tooOld - had;
        // an id's last byte is random: that it is below so much is a fair sample of so many of 256
        var share = (int)Math.Clamp(256L * MostDecided / Math.Max(open, 1), 1, 256);
        var ids = new List<Guid>();
        if (open > 0)
        {
            await using var command = Command($"""
                SELECT e.id FROM {Events} WHERE NOT had AND NOT old AND get_byte(uuid_send(e.id), 15) < {share} ORDER BY e.id
                """, connection, now);
            command.CommandTimeout = PlanTimeout.Seconds;
            await using var reader = await command.ExecuteReaderAsync(cancel);
            while (await reader.ReadAsync(cancel))
                ids.Add(reader.GetGuid(0));
        }
        var rules = await filters.LoadAsync(connection, WorkspaceId, WebsiteId, cancel);
        var skips = new Dictionary<string, long>();
        long sends = 0;
        foreach (var chunk in ids.Chunk(Batch))
            foreach (var @event in (await LoadAsync(connection, loader, chunk, cancel)).Values)
                if (Decide(@event, rules, now) is { } skip)
                    skips[skip.Reason.Word()] = skips.GetValueOrDefault(skip.Reason.Word()) + 1;
                else
                    sends++;
        if (share == 256)
            return new BackfillPlan(matched, tooOld, had, skips, sends, IsEstimate: false, From, To);
        var whole = (double)open / Math.Max(1, skips.Values.Sum() + sends);
        var scaled = skips.ToDictionary(s => s.Key, s => (long)Math.Round(s.Value * whole));
        return new BackfillPlan(matched, tooOld, had, scaled, Math.Max(0, open - scaled.Values.Sum()), IsEstimate: true, From, To);
    }

    /// <summary>
    /// Does one batch, the oldest events first, since they are the first to grow too old. Does nothing while deliveries queue up: live events come first.
    /// </summary>
    public async Task RunAsync(NpgsqlConnection connection, EventLoader loader, FilterRules filters, OpenJob job, DateTimeOffset now, CancellationToken cancel)
    {
        if (await IsBusyAsync(connection, now, cancel))
        {
            job.Pause = LookAgain;
            return;
        }
        var page = await PageAsync(connection, job.Position, now, cancel);
        var events = await LoadAsync(connection, loader, [.. page.Where(p => p.LeftOut is null).Select(p => p.Id)], cancel);
        var rules = await filters.LoadAsync(connection, WorkspaceId, WebsiteId, cancel);
        var (deliveries, skips, rollups) = (new List<NewDelivery>(), new List<NewDelivery>(), new RollupWriter());
        foreach (var (id, leftOut) in page)
        {
            if (leftOut is not null || !events.TryGetValue(id, out var @event))
            {
                job.LeaveOut(leftOut ?? "gone");
                continue;
            }
            var skip = Decide(@event, rules, now);
            var delivery = new NewDelivery(@event, ConnectionId, Guid.CreateVersion7(now), skip, now);
            (skip is null ? deliveries : skips).Add(delivery);
            if (skip is null)
            {
                job.Send();
                continue;
            }
            job.LeaveOut(skip.Reason.Word());
            rollups.Add((WorkspaceId, WebsiteId, ConnectionId, @event.Name), DeliveryStatus.Skipped.Word(), skip.Reason.Word(), now, TimeSpan.Zero);
        }
        await NewDelivery.QueueAsync(connection, deliveries, cancel);
        await NewDelivery.RecordSkipsAsync(connection, skips, cancel);
        await rollups.WriteAsync(connection, cancel);
        if (page.Count < Batch)
            job.Finish();
        else
            job.Position = page[^1].Id;
    }

    /// <summary>The same decision as of an event that has just come.</summary>
    private Skip? Decide(Event @event, FilterRuleSet rules, DateTimeOffset now) =>
        EventRouter.Route(@event, rules.About(@event), ConnectionId, Destination, Settings, now).Skip;

    private Task<Dictionary<Guid, Event>> LoadAsync(NpgsqlConnection connection, EventLoader loader, Guid[] ids, CancellationToken cancel) =>
        loader.LoadAsync(connection, Array.ConvertAll(ids, id => new EventAddress(WorkspaceId, WebsiteId, id)), cancel);

    /// <summary>Whether as many deliveries as there is room for are due or on their way. Those that wait for a later try are not in the way.</summary>
    private async Task<bool> IsBusyAsync(NpgsqlConnection connection, DateTimeOffset now, CancellationToken cancel)
    {
        await using var command = Command($"""
            SELECT count(*) FROM (SELECT FROM delivery_queue WHERE workspace_id = @workspace AND connection_id = @connection AND next_attempt_at <= @now LIMIT {Room}) due
            """, connection, now);
        return (long)(await command.ExecuteScalarAsync(cancel))! >= Room;
    }

    /// <summary>
    /// The next events and why they are left out. One statement sees one moment: an event that is still the router's to decide is in the outbox
    /// then, one that it has decided has its delivery, so nothing is decided twice.
    /// </summary>
    private async Task<List<(Guid Id, string? LeftOut)>> PageAsync(NpgsqlConnection connection, Guid position, DateTimeOffset now, CancellationToken cancel)
    {
        await using var command = Command($"""
            SELECT e.id, CASE
                   WHEN {IsHad}
                     OR e.id IN (SELECT unnest(o.event_ids) FROM outbox o WHERE o.workspace_id = @workspace AND o.website_id = @website) THEN 'already_delivered'
                   WHEN e.occurred_at < @cutoff THEN 'too_old' END
              FROM events e
             WHERE e.workspace_id = @workspace AND e.website_id = @website AND e.id >= @lowest AND e.id > @position AND e.id < @highest
             ORDER BY e.id LIMIT {Batch}
            """, connection, now, position);
        var page = new List<(Guid, string?)>(Batch);
        await using var reader = await command.ExecuteReaderAsync(cancel);
        while (await reader.ReadAsync(cancel))
            page.Add((reader.GetGuid(0), reader.IsDBNull(1) ? null : reader.GetString(1)));
        return page;
    }

    private NpgsqlCommand Command(string sql, NpgsqlConnection connection, DateTimeOffset now, Guid position = default)
    {
        var command = new NpgsqlCommand(sql, connection);
        foreach (var (name, value) in new (string, object)[]
        {
            ("workspace", WorkspaceId), ("website", WebsiteId), ("connection", ConnectionId), ("cutoff", now - Destination.Info.MaxAge), ("now", now),
            ("lowest", Partitions.LowestId(From)), ("highest", Partitions.LowestId(To)), ("floor", Partitions.LowestId(From.AddDays(-1))), ("position", position),
        })
            command.Parameters.AddWithValue(name, value);
        return command;
    }
}
