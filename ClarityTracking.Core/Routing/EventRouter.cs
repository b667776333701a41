using System.Text.Json;
using ClarityTracking.Core.Data;
using ClarityTracking.Core.Delivery;
using ClarityTracking.Core.Destinations;
using ClarityTracking.Core.Ingestion.Store;
using ClarityTracking.Core.Reports;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Npgsql;
using NpgsqlTypes;

namespace ClarityTracking.Core.Routing;

/// <summary>
/// Turns each stored event into one decision per enabled connection: a delivery to make, or a skip with its reason. One transaction
/// takes rows from the outbox, writes the decisions and adds to the hourly sums, so every event is decided and counted exactly once,
/// also when a node dies in between. Several nodes share the work (<c>SKIP LOCKED</c>).
/// </summary>
public sealed partial class EventRouter(
    NpgsqlDataSource database, EventLoader loader, DestinationCatalog catalog, EventsStored stored, DeliveriesQueued queued,
    TimeProvider clock, ILogger<EventRouter> log) : BackgroundService
{
    private const int EventsPerBatch = 1000;
    /// <summary>Commits come by the hundred a second; routing a few of them together costs a tenth of routing each.</summary>
    private static readonly TimeSpan Gather = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan Poll = TimeSpan.FromMilliseconds(500), AfterFailure = TimeSpan.FromSeconds(2);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        while (!stoppingToken.IsCancellationRequested)
        {
            try
            {
                if (!await RouteBatchAsync(stoppingToken))
                {
                    await stored.WaitAsync(Poll, stoppingToken);
                    await Task.Delay(Gather, clock, stoppingToken);
                }
            }
            catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
            {
                return;
            }
            catch (Exception error) // nothing was committed; the outbox still has the rows
            {
                LogFailed(error);
                await Task.Delay(AfterFailure, clock, stoppingToken);
            }
        }
    }

    /// <summary>Routes some <see cref="EventsPerBatch"/> events and says whether there may be more.</summary>
    internal async Task<bool> RouteBatchAsync(CancellationToken cancel)
    {
        await using var connection = await database.OpenConnectionAsync(cancel);
        await using var transaction = await connection.BeginTransactionAsync(cancel);
        var (entries, mayBeMore) = await OutboxEntry.TakeAsync(connection, EventsPerBatch, cancel);
        if (entries.Count == 0)
            return false;
        var rollups = new RollupWriter();
        entries.ForEach(rollups.Add);
        var targets = await TargetsAsync(connection, entries, cancel);
        var events = await loader.LoadAsync(connection, AddressesOf(entries.Where(e => targets.Contains(e.WebsiteId))), cancel);
        var now = clock.GetUtcNow();
        var (deliveries, skips) = (new List<NewDelivery>(), new List<NewDelivery>());
        foreach (var routed in events.Values)
            foreach (var target in targets[routed.WebsiteId])
            {
                var skip = ReasonToSkip(routed, target.Destination, target.Settings, now);
                var delivery = new NewDelivery(routed, target.ConnectionId, Guid.CreateVersion7(now), skip, now);
                (skip is null ? deliveries : skips).Add(delivery);
                if (skip is not null)
                    rollups.Add((routed.WorkspaceId, routed.WebsiteId, target.ConnectionId, routed.Name), DeliveryStatus.Skipped.Word(), skip.Reason.Word(), now, TimeSpan.Zero);
            }
        await NewDelivery.QueueAsync(connection, deliveries, cancel);
        await NewDelivery.RecordSkipsAsync(connection, skips, cancel);
        await rollups.WriteAsync(connection, cancel);
        await transaction.CommitAsync(cancel);
        if (deliveries.Count > 0)
            queued.Raise();
        return mayBeMore;
    }

    /// <summary>Reasons that hold for every ad platform come first, then the platform's own.</summary>
    internal static Skip? ReasonToSkip(Event routed, IDestination destination, JsonElement settings, DateTimeOffset now)
    {
        if (routed.BotReason is { } bot)
            return new Skip(SkipReason.Bot, bot);
        if (routed.Consent?.RefusesAds == true && destination.Info.IsForAds)
            return new Skip(SkipReason.Consent, routed.Consent.Signal switch
            {
                "gpc" => "The browser asks not to be tracked (Global Privacy Control).",
                "dnt" => "The browser asks not to be tracked (Do Not Track).",
                _ => "The visitor did not allow ads data.",
            });
        return destination.ReasonToSkip(routed, settings, now);
    }

    private static List<EventAddress> AddressesOf(IEnumerable<OutboxEntry> entries) =>
        [.. entries.SelectMany(e => e.EventIds.Select(id => new EventAddress(e.WorkspaceId, e.WebsiteId, id)))];

    /// <summary>The enabled destinations of the batch's websites, read afresh so that a change counts from the next event on.</summary>
    private async Task<ILookup<Guid, Target>> TargetsAsync(NpgsqlConnection connection, List<OutboxEntry> entries, CancellationToken cancel)
    {
        var websites = entries.Select(e => (e.WorkspaceId, e.WebsiteId)).Distinct().ToList();
        await using var command = new NpgsqlCommand("""
            SELECT c.website_id, c.id, c.platform, c.settings
              FROM unnest($1, $2) AS wanted(workspace_id, website_id)
              JOIN connections c ON c.workspace_id = wanted.workspace_id AND c.website_id = wanted.website_id
             WHERE c.enabled
            """, connection);
        command.Parameters.Add(new NpgsqlParameter { Value = websites.Select(w => w.WorkspaceId).ToArray(), NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Uuid });
        command.Parameters.Add(new NpgsqlParameter { Value = websites.Select(w => w.WebsiteId).ToArray(), NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Uuid });
        var targets = new List<Target>();
        await using var reader = await command.ExecuteReaderAsync(cancel);
        while (await reader.ReadAsync(cancel))
            if (catalog.Find(reader.GetString(2)) is { } destination)
                targets.Add(new Target(reader.GetGuid(0), reader.GetGuid(1), destination, JsonSerializer.Deserialize<JsonElement>(reader.GetString(3))));
        return targets.ToLookup(t => t.WebsiteId);
    }

    private sealed record Target(Guid WebsiteId, Guid ConnectionId, IDestination Destination, JsonElement Settings);

    [LoggerMessage(1101, LogLevel.Error, "Routing failed; it is tried again")]
    private partial void LogFailed(Exception error);
}
