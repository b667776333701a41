using ClarityTracking.Core.Attribution.Matching;
using ClarityTracking.Core.Conversions;
using ClarityTracking.Core.Data;
using ClarityTracking.Core.Ingestion.Store;
using ClarityTracking.Core.People;
using ClarityTracking.Core.Routing;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace ClarityTracking.Core.Attribution.Touchpoints;

/// <summary>A website whose events are followed.</summary>
public sealed record FollowedWebsite(Guid WorkspaceId, Guid Id, TouchpointWebsite Facts);

/// <summary>
/// Follows the log: makes touchpoints, persons and tracked conversions of events and queues the conversions they may belong to. One transaction takes entries of the feed and writes what they
/// become, one website after the other under its lock, so that nothing is lost or done twice when a process dies, and late or repeated events do no harm.
/// </summary>
public sealed partial class TouchpointWorker(
    NpgsqlDataSource database, EventLoader loader, TouchpointWriter touchpoints, TrackedConversions tracked, PersonFollower people, EventsFed fed, ConversionLinkage linkage, ConversionsQueued queued, TimeProvider clock, ILogger<TouchpointWorker> log) : BackgroundService
{
    private const int EventsPerBatch = 1000;
    private static readonly TimeSpan Gather = TimeSpan.FromMilliseconds(100), Poll = TimeSpan.FromSeconds(1), AfterFailure = TimeSpan.FromSeconds(2);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        while (!stoppingToken.IsCancellationRequested)
        {
            try
            {
                if (!await FollowAsync(stoppingToken))
                {
                    await fed.WaitAsync(EventFeed.Touchpoints, Poll, stoppingToken);
                    await Task.Delay(Gather, clock, stoppingToken);
                }
            }
            catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
            {
                return;
            }
            catch (Exception error) // nothing was committed; the feed still has the entries
            {
                LogFailed(error);
                await Task.Delay(AfterFailure, clock, stoppingToken);
            }
        }
    }

    /// <summary>Follows some <see cref="EventsPerBatch"/> events and the conversions that changed; false = there was nothing.</summary>
    internal async Task<bool> FollowAsync(CancellationToken cancel)
    {
        await using var connection = await database.OpenConnectionAsync(cancel);
        await using var transaction = await connection.BeginTransactionAsync(cancel);
        var taken = await EventFeed.TakeAsync(connection, EventFeed.Touchpoints, EventsPerBatch, cancel);
        var changed = await EventFeed.TakeAsync(connection, EventFeed.Conversions, EventsPerBatch, cancel);
        if (taken.Count + changed.Count == 0)
            return false;
        var events = await loader.LoadAsync(connection, await RelevantAsync(connection, taken, cancel), cancel);
        var ofWebsite = events.Values.ToLookup(e => e.WebsiteId);
        var conversions = changed.ToLookup(c => c.WebsiteId, c => c.Id);
        var ids = ofWebsite.Select(w => w.Key).Concat(conversions.Select(w => w.Key)).Distinct().Order().ToArray();
        var websites = await WebsitesAsync(connection, ids, cancel);
        // in one order everywhere, so that two nodes never wait for each other's websites
        foreach (var id in ids)
            if (websites.TryGetValue(id, out var website))
                await TryAsync(connection, transaction, website, [.. ofWebsite[id]], [.. conversions[id].Distinct()], cancel);
        await transaction.CommitAsync(cancel);
        queued.Raise();
        return true;
    }

    /// <summary>
    /// The events and conversions of one website. Where one of them cannot be kept, it alone is left out: all are done again one by one.
    /// </summary>
    private async Task TryAsync(NpgsqlConnection connection, NpgsqlTransaction transaction, FollowedWebsite website, List<Event> events, List<Guid> conversions, CancellationToken cancel)
    {
        const string Before = "before";
        await transaction.SaveAsync(Before, cancel);
        try
        {
            await HandleAsync(connection, website, events, conversions, cancel);
            await transaction.ReleaseAsync(Before, cancel);
        }
        catch (Exception error) when (DataErrors.IsAboutRows(error) || error is not (NpgsqlException or OperationCanceledException or IOException or TimeoutException))
        {
            await transaction.RollbackAsync(Before, cancel);
            await transaction.ReleaseAsync(Before, cancel);
            if (events.Count + conversions.Count == 1)
            {
                LogPoison(error, events.Count == 1 ? events[0].Id : conversions[0]);
                return;
            }
            foreach (var one in events.OrderBy(e => e.Id))
                await TryAsync(connection, transaction, website, [one], [], cancel);
            foreach (var one in conversions)
                await TryAsync(connection, transaction, website, [], [one], cancel);
        }
    }

    private async Task HandleAsync(NpgsqlConnection connection, FollowedWebsite website, List<Event> events, List<Guid> changed, CancellationToken cancel)
    {
        await LockAsync(connection, website.Id, cancel);
        var candidates = events.Select(e => (Event: e, Touch: TouchpointReader.Read(e, website.Facts))).Where(c => c.Touch is not null).ToList();
        var written = await touchpoints.WriteAsync(connection, website.Facts, candidates.ConvertAll(c => c.Touch!), cancel);
        foreach (var conversion in changed)
            await TrackedConversions.GiveWayAsync(connection, website.WorkspaceId, website.Id, conversion, cancel);
        var made = await tracked.TakeAsync(connection, website.Facts, events, cancel);
        Guid[] conversions = [.. changed.Concat(made).Distinct()];
        var isWritten = written.ToHashSet();
        var sightings = candidates.Where(c => !c.Event.IsTest && (c.Touch!.Kind is not (TouchpointKind.Visit or TouchpointKind.Click) || isWritten.Contains(c.Event.Id)))
            .Select(c => people.OfEvent(c.Event, c.Touch!));
        await people.StitchAsync(connection, website, sightings, conversions, cancel);
        await linkage.LinkAsync(connection, website.WorkspaceId, website.Id, website.Facts.DefaultCountry, conversions, cancel);
        await MatchQueue.RequeueForAsync(connection, website.WorkspaceId, website.Id, written, clock.GetUtcNow(), cancel);
    }

    /// <summary>Takes a website's lock until the transaction ends: who came from where, and who is who, is decided by one at a time.</summary>
    internal static async Task LockAsync(NpgsqlConnection connection, Guid websiteId, CancellationToken cancel)
    {
        await using var command = new NpgsqlCommand("SELECT pg_advisory_xact_lock(hashtextextended($1::text, 11))", connection).With(websiteId);
        await command.ExecuteNonQueryAsync(cancel);
    }

    private static readonly string[] Names = [.. TouchpointReader.Names.Union(TrackedConversions.Names)];

    /// <summary>Of these, the events that can matter, told by their name alone; most others are scrolls and clicks.</summary>
    private static async Task<List<EventAddress>> RelevantAsync(NpgsqlConnection connection, List<EventAddress> taken, CancellationToken cancel)
    {
        if (taken.Count == 0)
            return [];
        await using var command = new NpgsqlCommand($"""
            SELECT e.workspace_id, e.website_id, e.id FROM {EventAddresses.In("events", "e")}
             WHERE e.bot_reason IS NULL AND e.source <> 'webhook' AND e.name = ANY ($6) AND (e.name <> 'click' OR e.properties ? 'link_url')
            """, connection).WithAddresses(taken).With((object)Names);
        var relevant = new List<EventAddress>();
        await using var row = await command.ExecuteReaderAsync(cancel);
        while (await row.ReadAsync(cancel))
            relevant.Add(new EventAddress(row.GetGuid(0), row.GetGuid(1), row.GetGuid(2)));
        return relevant;
    }

    private static async Task<Dictionary<Guid, FollowedWebsite>> WebsitesAsync(NpgsqlConnection connection, Guid[] ids, CancellationToken cancel)
    {
        await using var command = new NpgsqlCommand("SELECT workspace_id, id, domain, default_country, currency, privacy_mode FROM websites WHERE id = ANY ($1)", connection).With(ids);
        var websites = new Dictionary<Guid, FollowedWebsite>();
        await using var row = await command.ExecuteReaderAsync(cancel);
        while (await row.ReadAsync(cancel))
            websites[row.GetGuid(1)] = new FollowedWebsite(row.GetGuid(0), row.GetGuid(1), new TouchpointWebsite(row.GetString(2), row.IsDBNull(3) ? null : row.GetString(3), row.GetString(4), row.GetBoolean(5)));
        return websites;
    }

    [LoggerMessage(1901, LogLevel.Error, "Making touchpoints failed; it is tried again")]
    private partial void LogFailed(Exception error);

    [LoggerMessage(1902, LogLevel.Error, "Event or conversion {EventId} could not be made touchpoints and persons and is left out")]
    private partial void LogPoison(Exception error, Guid eventId);
}
