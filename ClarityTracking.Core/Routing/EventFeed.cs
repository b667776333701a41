using ClarityTracking.Core.Data;
using ClarityTracking.Core.Ingestion.Store;
using Npgsql;
using NpgsqlTypes;

namespace ClarityTracking.Core.Routing;

/// <summary>Followers have new events to read; each hears it for itself.</summary>
public sealed class EventsFed
{
    private readonly Signal[] _heard = [.. EventFeed.Followers.Select(_ => new Signal())];

    /// <summary>There are new events.</summary>
    public void Raise()
    {
        foreach (var signal in _heard)
            signal.Raise();
    }

    /// <summary>Returns when there are new events for a follower, or after <paramref name="atMost"/>.</summary>
    internal Task WaitAsync(string follower, TimeSpan atMost, CancellationToken cancel) => _heard[Array.IndexOf(EventFeed.Followers, follower)].WaitAsync(atMost, cancel);
}

/// <summary>
/// Hands every stored event once to each follower of the log, in about the order of arrival. The router adds what it took out of the outbox in its
/// own transaction; a follower takes entries and writes what it makes of them in one transaction, so that nothing is lost or done twice when a
/// process dies. Several nodes share the work (<c>SKIP LOCKED</c>).
/// </summary>
internal static class EventFeed
{
    /// <summary>Touchpoints and persons.</summary>
    public const string Touchpoints = "touchpoints";

    /// <summary>Duplicates.</summary>
    public const string Duplicates = "duplicates";

    /// <summary>Conversions that changed, in the same queue: their ids in place of events'. <see cref="AddConversionAsync"/> adds them, <see cref="Touchpoints"/>' worker takes them.</summary>
    public const string Conversions = "conversions";

    /// <summary>Events that intake ended as repeats, for <see cref="Duplicates"/>' follower too: their ids are those of <c>dropped_events</c>.</summary>
    public const string Repeats = "repeats";

    /// <summary>Everybody who follows what is stored.</summary>
    internal static readonly string[] Followers = [Touchpoints, Duplicates];

    /// <summary>Adds the events of entries of the outbox for every follower.</summary>
    public static Task AddAsync(NpgsqlConnection connection, IReadOnlyList<OutboxEntry> entries, CancellationToken cancel) =>
        CopyAsync(connection, Followers.SelectMany(follower => entries.Select(e => (follower, e.Id, e.WorkspaceId, e.WebsiteId, e.EventIds.ToArray()))), cancel);

    private static async Task CopyAsync(NpgsqlConnection connection, IEnumerable<(string Follower, Guid Id, Guid WorkspaceId, Guid WebsiteId, Guid[] EventIds)> rows, CancellationToken cancel)
    {
        await using var copy = await connection.BeginBinaryImportAsync("COPY event_feed (follower, id, workspace_id, website_id, event_ids) FROM STDIN (FORMAT binary)", cancel);
        foreach (var row in rows)
        {
            await copy.StartRowAsync(cancel);
            await copy.WriteAsync(row.Follower, NpgsqlDbType.Text, cancel);
            await copy.WriteAsync(row.Id, NpgsqlDbType.Uuid, cancel);
            await copy.WriteAsync(row.WorkspaceId, NpgsqlDbType.Uuid, cancel);
            await copy.WriteAsync(row.WebsiteId, NpgsqlDbType.Uuid, cancel);
            await copy.WriteAsync(row.EventIds, NpgsqlDbType.Array | NpgsqlDbType.Uuid, cancel);
        }
        await copy.CompleteAsync(cancel);
    }

    /// <summary>Says that a conversion changed, in the transaction that changes it.</summary>
    public static async Task AddConversionAsync(NpgsqlConnection connection, Guid workspaceId, Guid websiteId, Guid conversionId, DateTimeOffset now, CancellationToken cancel)
    {
        await using var add = new NpgsqlCommand("INSERT INTO event_feed (follower, id, workspace_id, website_id, event_ids) VALUES ($1, $2, $3, $4, $5)", connection)
            .With(Conversions, Guid.CreateVersion7(now), workspaceId, websiteId, new[] { conversionId });
        await add.ExecuteNonQueryAsync(cancel);
    }

    /// <summary>Adds what intake ended as repeats, in its own transaction: one round trip, however many websites it is of.</summary>
    public static async Task AddRepeatsAsync(NpgsqlConnection connection, IEnumerable<DroppedEvent> repeats, DateTimeOffset now)
    {
        var sites = repeats.GroupBy(r => (r.WorkspaceId, r.WebsiteId)).Select(g => (Repeats, Guid.CreateVersion7(now), g.Key.WorkspaceId, g.Key.WebsiteId, g.Select(r => r.Id).ToArray())).ToList();
        if (sites.Count > 0)
            await CopyAsync(connection, sites, CancellationToken.None);
    }

    /// <summary>
    /// Takes entries out for a follower, oldest first, about <paramref name="mostEvents"/> events; they are gone when the transaction around
    /// it commits. Empty = nothing to do.
    /// </summary>
    public static async Task<List<EventAddress>> TakeAsync(NpgsqlConnection connection, string follower, int mostEvents, CancellationToken cancel)
    {
        await using var take = new NpgsqlCommand("""
            WITH seen AS (SELECT id, cardinality(event_ids) AS size FROM event_feed WHERE follower = $1 ORDER BY id LIMIT 200 FOR UPDATE SKIP LOCKED),
                 counted AS (SELECT id, sum(size) OVER (ORDER BY id) - size AS before FROM seen)
            DELETE FROM event_feed f USING counted c WHERE f.follower = $1 AND f.id = c.id AND c.before < $2
            RETURNING f.workspace_id, f.website_id, f.event_ids
            """, connection).With(follower, mostEvents);
        var events = new List<EventAddress>();
        await using var row = await take.ExecuteReaderAsync(cancel);
        while (await row.ReadAsync(cancel))
        {
            var (workspaceId, websiteId) = (row.GetGuid(0), row.GetGuid(1));
            events.AddRange(row.GetFieldValue<Guid[]>(2).Select(id => new EventAddress(workspaceId, websiteId, id)));
        }
        return events;
    }
}
