using ClarityTracking.Core.Data;
using ClarityTracking.Core.Ingestion.Store;
using ClarityTracking.Core.Routing;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace ClarityTracking.Core.Health.Duplicates;

/// <summary>
/// Follows the log: compares each new conversion with what it shares a key with and writes which are one. One transaction takes entries of the feed and
/// writes what they come to, so each is looked at once, also when a node dies in between. Two nodes never work at one website at a time: what the one
/// has just kept, the other must see.
/// </summary>
public sealed partial class DuplicateWorker(NpgsqlDataSource database, EventsFed fed, TimeProvider clock, ILogger<DuplicateWorker> log) : BackgroundService
{
    private const int EventsPerBatch = 1000, DefaultMinutes = 10;
    private static readonly TimeSpan Poll = TimeSpan.FromSeconds(1), AfterFailure = TimeSpan.FromSeconds(2);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        while (!stoppingToken.IsCancellationRequested)
        {
            try
            {
                if (await FollowBatchAsync(stoppingToken) == 0)
                    await fed.WaitAsync(EventFeed.Duplicates, Poll, stoppingToken);
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

    /// <summary>Looks at some <see cref="EventsPerBatch"/> events and says how many they were.</summary>
    internal async Task<int> FollowBatchAsync(CancellationToken cancel)
    {
        await using var connection = await database.OpenConnectionAsync(cancel);
        await using var transaction = await connection.BeginTransactionAsync(cancel);
        var events = await EventFeed.TakeAsync(connection, EventFeed.Duplicates, EventsPerBatch, cancel);
        var repeats = await EventFeed.TakeAsync(connection, EventFeed.Repeats, EventsPerBatch, cancel);
        if (events.Count + repeats.Count == 0)
            return 0;
        await LockAsync(connection, events.Concat(repeats).Select(e => e.WebsiteId).Distinct(), cancel);
        await transaction.SaveAsync("batch", cancel);
        try
        {
            await LookAsync(connection, events, repeats, cancel);
        }
        catch (Exception error) when (IsAboutEvents(error))
        {
            // one of them cannot be read or kept: the others must not wait for it
            await transaction.RollbackAsync("batch", cancel);
            foreach (var (one, isRepeat) in events.Select(e => (e, false)).Concat(repeats.Select(r => (r, true))))
                await LookAtOneAsync(connection, transaction, one, isRepeat, cancel);
        }
        await transaction.CommitAsync(cancel);
        return events.Count + repeats.Count;
    }

    private async Task LookAtOneAsync(NpgsqlConnection connection, NpgsqlTransaction transaction, EventAddress one, bool isRepeat, CancellationToken cancel)
    {
        await transaction.SaveAsync("one", cancel);
        try
        {
            await LookAsync(connection, isRepeat ? [] : [one], isRepeat ? [one] : [], cancel);
            await transaction.ReleaseAsync("one", cancel);
        }
        catch (Exception error) when (IsAboutEvents(error))
        {
            await transaction.RollbackAsync("one", cancel);
            LogLeftOut(error, one.Id);
        }
    }

    /// <summary>What another try would meet again; not the database that is away, nor the end of the process.</summary>
    private static bool IsAboutEvents(Exception error) =>
        DataErrors.IsAboutRows(error) || error is not (NpgsqlException or OperationCanceledException or IOException or TimeoutException);

    private async Task LookAsync(NpgsqlConnection connection, List<EventAddress> events, List<EventAddress> repeats, CancellationToken cancel)
    {
        var now = clock.GetUtcNow();
        var fresh = await PrintStore.ReadAsync(connection, events, cancel);
        if (fresh.Count > 0)
        {
            var windows = await WindowsAsync(connection, fresh, cancel);
            await PrintStore.AddAsync(connection, fresh, cancel);
            var looked = await PrintStore.WithNeighboursAsync(connection, fresh, WindowOf, cancel);
            var clusters = looked.GroupBy(p => p.Address.WebsiteId).SelectMany(site => DuplicateClusters.Find([.. site], WindowOf(site.Key))).ToList();
            await GroupStore.WriteAsync(connection, looked, clusters, now, cancel);

            TimeSpan WindowOf(Guid websiteId) => TimeSpan.FromMinutes(windows.GetValueOrDefault(websiteId, DefaultMinutes));
        }
        await RepeatStore.WriteAsync(connection, repeats, now, cancel);
    }

    internal static async Task LockAsync(NpgsqlConnection connection, IEnumerable<Guid> websites, CancellationToken cancel)
    {
        await using var own = new NpgsqlCommand("SELECT pg_advisory_xact_lock(hashtextextended('clarity duplicates ' || site, 0)) FROM unnest($1) AS site", connection)
            // in one order: two nodes cannot wait for each other; an object, or the array would be taken for the list of parameters
            .With((object)websites.Select(w => w.ToString()).Order(StringComparer.Ordinal).ToArray());
        await own.ExecuteNonQueryAsync(cancel);
    }

    private static async Task<Dictionary<Guid, int>> WindowsAsync(NpgsqlConnection connection, IReadOnlyList<ConversionPrint> prints, CancellationToken cancel)
    {
        await using var read = new NpgsqlCommand("SELECT website_id, window_minutes FROM duplicate_settings WHERE (workspace_id, website_id) IN (SELECT * FROM unnest($1, $2))", connection)
            .With(prints.Select(p => p.Address.WorkspaceId).ToArray(), prints.Select(p => p.Address.WebsiteId).ToArray());
        var windows = new Dictionary<Guid, int>();
        await using var row = await read.ExecuteReaderAsync(cancel);
        while (await row.ReadAsync(cancel))
            windows[row.GetGuid(0)] = row.GetInt32(1);
        return windows;
    }

    [LoggerMessage(1551, LogLevel.Error, "Looking for duplicates failed; it is tried again")]
    private partial void LogFailed(Exception error);

    [LoggerMessage(1552, LogLevel.Error, "Event {EventId} cannot be compared with others; it is left out")]
    private partial void LogLeftOut(Exception error, Guid eventId);
}
