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
    NpgsqlDataSource database, EventLoader loader, DestinationCatalog catalog, FilterRules rules, EventsStored stored,
    DeliveriesQueued queued, EventsFed fed, TimeProvider clock, ILogger<EventRouter> log) : BackgroundService
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
        foreach (var @event in events.Values)
        {
            IReadOnlyList<FilterRule>? about = null;
            foreach (var target in targets[@event.WebsiteId])
            {
                about ??= target.Rules.About(@event);
                var skip = Route(@event, about, target.ConnectionId, target.Destination, target.Settings, now).Skip;
                var delivery = new NewDelivery(@event, target.ConnectionId, Guid.CreateVersion7(now), skip, now);
                (skip is null ? deliveries : skips).Add(delivery);
                if (skip is not null)
                    rollups.Add((@event.WorkspaceId, @event.WebsiteId, target.ConnectionId, @event.Name), DeliveryStatus.Skipped.Word(), skip.Reason.Word(), now, TimeSpan.Zero);
            }
        }
        await NewDelivery.QueueAsync(connection, deliveries, cancel);
        await NewDelivery.RecordSkipsAsync(connection, skips, cancel);
        await EventFeed.AddAsync(connection, entries, cancel);
        await rollups.WriteAsync(connection, cancel);
        await transaction.CommitAsync(cancel);
        fed.Raise();
        if (deliveries.Count > 0)
            queued.Raise();
        return mayBeMore;
    }

    /// <summary>
    /// What a connection gets of a stored event, or why nothing: reasons that hold for every platform first, then the website's rules, then the
    /// platform's own reasons, asked of the event as the rules changed it. The same when it is routed, sent, sent again and previewed.
    /// </summary>
    /// <param name="stored">The event.</param>
    /// <param name="about">The rules that are about it.</param>
    /// <param name="connectionId">The connection.</param>
    /// <param name="destination">Its platform.</param>
    /// <param name="settings">Its settings.</param>
    /// <param name="now">Now (UTC).</param>
    internal static Routed Route(Event stored, IReadOnlyList<FilterRule> about, Guid connectionId, IDestination destination, JsonElement settings, DateTimeOffset now)
    {
        if (stored.BotReason is { } bot)
            return new Routed(stored, new Skip(SkipReason.Bot, bot));
        if (ConsentRule.ReasonToSkip(stored, destination.Info, settings) is { } refused)
            return new Routed(stored, refused);
        var routed = FilterRuleSet.Apply(about, stored, connectionId);
        return routed.Skip is null ? routed with { Skip = destination.ReasonToSkip(routed.Event, settings, now) } : routed;
    }

    private static List<EventAddress> AddressesOf(IEnumerable<OutboxEntry> entries) =>
        [.. entries.SelectMany(e => e.EventIds.Select(id => new EventAddress(e.WorkspaceId, e.WebsiteId, id)))];

    /// <summary>The enabled destinations of the batch's websites with their rules, read afresh so that a change counts from the next event on.</summary>
    private async Task<ILookup<Guid, Target>> TargetsAsync(NpgsqlConnection connection, List<OutboxEntry> entries, CancellationToken cancel)
    {
        var websites = entries.Select(e => (e.WorkspaceId, e.WebsiteId)).Distinct().ToList();
        await using var command = new NpgsqlCommand($"""
            SELECT c.website_id, c.id, c.platform, c.settings, wanted.workspace_id, wanted.rules_version
              FROM (SELECT w.workspace_id, w.website_id, {FilterRules.VersionSql("w")} AS rules_version FROM unnest($1, $2) AS w(workspace_id, website_id)) AS wanted
              JOIN connections c ON c.workspace_id = wanted.workspace_id AND c.website_id = wanted.website_id
             WHERE c.enabled
            """, connection);
        command.Parameters.Add(new NpgsqlParameter { Value = websites.Select(w => w.WorkspaceId).ToArray(), NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Uuid });
        command.Parameters.Add(new NpgsqlParameter { Value = websites.Select(w => w.WebsiteId).ToArray(), NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Uuid });
        var targets = new List<Target>();
        var versions = new Dictionary<Guid, (Guid WorkspaceId, string Version)>();
        await using (var reader = await command.ExecuteReaderAsync(cancel))
            while (await reader.ReadAsync(cancel))
            {
                if (catalog.Find(reader.GetString(2)) is not { } destination)
                    continue;
                targets.Add(new Target(reader.GetGuid(0), reader.GetGuid(1), destination, JsonSerializer.Deserialize<JsonElement>(reader.GetString(3)), FilterRuleSet.Empty));
                if (!reader.IsDBNull(5))
                    versions[reader.GetGuid(0)] = (reader.GetGuid(4), reader.GetString(5));
            }
        foreach (var (websiteId, (workspaceId, version)) in versions)
        {
            var set = await rules.GetAsync(connection, workspaceId, websiteId, version, cancel);
            for (var i = 0; i < targets.Count; i++)
                if (targets[i].WebsiteId == websiteId)
                    targets[i] = targets[i] with { Rules = set };
        }
        return targets.ToLookup(t => t.WebsiteId);
    }

    private sealed record Target(Guid WebsiteId, Guid ConnectionId, IDestination Destination, JsonElement Settings, FilterRuleSet Rules);

    [LoggerMessage(1101, LogLevel.Error, "Routing failed; it is tried again")]
    private partial void LogFailed(Exception error);
}
