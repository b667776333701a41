using ClarityTracking.Core.Attribution.Matching;
using ClarityTracking.Core.Data;
using ClarityTracking.Core.Ingestion.Store;
using ClarityTracking.Core.Routing;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace ClarityTracking.Core.Attribution.Touchpoints;

/// <summary>
/// Follows the log: makes touchpoints of events and queues the conversions they may belong to. One transaction takes entries of the feed and writes what they
/// become, one website after the other under its lock, so that nothing is lost or done twice when a process dies, and late or repeated events do no harm.
/// </summary>
public sealed partial class TouchpointWorker(
    NpgsqlDataSource database, EventLoader loader, TouchpointWriter touchpoints, EventsFed fed, ConversionsQueued queued, TimeProvider clock, ILogger<TouchpointWorker> log) : BackgroundService
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
                    await fed.WaitAsync(Poll, stoppingToken);
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

    /// <summary>Follows some <see cref="EventsPerBatch"/> events; false = there was nothing.</summary>
    internal async Task<bool> FollowAsync(CancellationToken cancel)
    {
        await using var connection = await database.OpenConnectionAsync(cancel);
        await using var transaction = await connection.BeginTransactionAsync(cancel);
        var taken = await EventFeed.TakeAsync(connection, EventFeed.Touchpoints, EventsPerBatch, cancel);
        if (taken.Count == 0)
            return false;
        var events = await loader.LoadAsync(connection, await RelevantAsync(connection, taken, cancel), cancel);
        var websites = await WebsitesAsync(connection, [.. events.Values.Select(e => e.WebsiteId).Distinct()], cancel);
        // in one order everywhere, so that two nodes never wait for each other's websites
        foreach (var group in events.Values.GroupBy(e => e.WebsiteId).OrderBy(g => g.Key))
            if (websites.TryGetValue(group.Key, out var website))
                await TryAsync(connection, transaction, website, [.. group], cancel);
        await transaction.CommitAsync(cancel);
        queued.Raise();
        return true;
    }

    /// <summary>
    /// The events of one website. Where one of them cannot be kept, it alone is left out: all are done again one by one.
    /// </summary>
    private async Task TryAsync(NpgsqlConnection connection, NpgsqlTransaction transaction, TouchpointWebsite website, List<Event> events, CancellationToken cancel)
    {
        const string Before = "before";
        await transaction.SaveAsync(Before, cancel);
        try
        {
            await HandleAsync(connection, website, events, cancel);
            await transaction.ReleaseAsync(Before, cancel);
        }
        catch (Exception error) when (DataErrors.IsAboutRows(error) || error is not (NpgsqlException or OperationCanceledException or IOException or TimeoutException))
        {
            await transaction.RollbackAsync(Before, cancel);
            await transaction.ReleaseAsync(Before, cancel);
            if (events.Count == 1)
                LogPoison(error, events[0].Id);
            else
                foreach (var one in events.OrderBy(e => e.Id))
                    await TryAsync(connection, transaction, website, [one], cancel);
        }
    }

    private async Task HandleAsync(NpgsqlConnection connection, TouchpointWebsite website, List<Event> events, CancellationToken cancel)
    {
        var (workspaceId, websiteId) = (events[0].WorkspaceId, events[0].WebsiteId);
        await LockAsync(connection, websiteId, cancel);
        var candidates = events.Select(e => TouchpointReader.Read(e, website)).OfType<Touchpoint>().ToList();
        var written = await touchpoints.WriteAsync(connection, website, candidates, cancel);
        await MatchQueue.RequeueForAsync(connection, workspaceId, websiteId, written, clock.GetUtcNow(), cancel);
    }

    /// <summary>Takes a website's lock until the transaction ends: who came from where, and who is who, is decided by one at a time.</summary>
    internal static async Task LockAsync(NpgsqlConnection connection, Guid websiteId, CancellationToken cancel)
    {
        await using var command = new NpgsqlCommand("SELECT pg_advisory_xact_lock(hashtextextended($1::text, 11))", connection).With(websiteId);
        await command.ExecuteNonQueryAsync(cancel);
    }

    /// <summary>Of these, the events that can matter, told by their name alone; most others are scrolls and clicks.</summary>
    private static async Task<List<EventAddress>> RelevantAsync(NpgsqlConnection connection, List<EventAddress> taken, CancellationToken cancel)
    {
        await using var command = new NpgsqlCommand("""
            SELECT e.workspace_id, e.website_id, e.id FROM unnest($1, $2, $3) AS w(workspace_id, website_id, id)
              JOIN events e ON e.workspace_id = w.workspace_id AND e.website_id = w.website_id AND e.id = w.id
             WHERE e.id BETWEEN $4 AND $5 AND e.bot_reason IS NULL AND e.name = ANY ($6) AND (e.name <> 'click' OR e.properties ? 'link_url')
            """, connection).With(taken.Select(t => t.WorkspaceId).ToArray(), taken.Select(t => t.WebsiteId).ToArray(), taken.Select(t => t.Id).ToArray(),
            taken.Min(t => t.Id), taken.Max(t => t.Id), TouchpointReader.Names);
        var relevant = new List<EventAddress>();
        await using var row = await command.ExecuteReaderAsync(cancel);
        while (await row.ReadAsync(cancel))
            relevant.Add(new EventAddress(row.GetGuid(0), row.GetGuid(1), row.GetGuid(2)));
        return relevant;
    }

    private static async Task<Dictionary<Guid, TouchpointWebsite>> WebsitesAsync(NpgsqlConnection connection, Guid[] ids, CancellationToken cancel)
    {
        await using var command = new NpgsqlCommand("SELECT id, domain, default_country, currency, privacy_mode FROM websites WHERE id = ANY ($1)", connection).With(ids);
        var websites = new Dictionary<Guid, TouchpointWebsite>();
        await using var row = await command.ExecuteReaderAsync(cancel);
        while (await row.ReadAsync(cancel))
            websites[row.GetGuid(0)] = new TouchpointWebsite(row.GetString(1), row.IsDBNull(2) ? null : row.GetString(2), row.GetString(3), row.GetBoolean(4));
        return websites;
    }

    [LoggerMessage(1901, LogLevel.Error, "Making touchpoints failed; it is tried again")]
    private partial void LogFailed(Exception error);

    [LoggerMessage(1902, LogLevel.Error, "Event {EventId} could not be made a touchpoint and is left out")]
    private partial void LogPoison(Exception error, Guid eventId);
}
