using System.Text.Json;
using ClarityTracking.Core.Connections;
using ClarityTracking.Core.Data;
using ClarityTracking.Core.Destinations;
using ClarityTracking.Core.Tenancy;
using Microsoft.EntityFrameworkCore;

namespace ClarityTracking.Core.Health;

/// <summary>A platform's own score as it was told on a day.</summary>
/// <param name="Day">Of the fetch (UTC).</param>
/// <param name="EventName">The platform's name; empty = all events together.</param>
/// <param name="Score">Null where the platform gave no number.</param>
/// <param name="Verdict">See <see cref="PlatformScore"/>.</param>
/// <param name="Detail">Keys, facts and the platform's own JSON.</param>
/// <param name="FetchedAt">UTC.</param>
public sealed record StoredScore(DateOnly Day, string EventName, decimal? Score, string Verdict, ScoreDetail Detail, DateTimeOffset FetchedAt);

/// <summary>What is known of a connection's own scores.</summary>
/// <param name="HasPublicScore">The platform tells its score to programs.</param>
/// <param name="ScoreName">What it calls it; null when it tells none.</param>
/// <param name="Lag">How late it is and of which time; null when it tells none.</param>
/// <param name="Fetch">How asking went the last time; null = never asked.</param>
/// <param name="Items">Newest day first.</param>
/// <param name="NextCursor">Always null: the days asked for come whole.</param>
public sealed record ScoreHistory(bool HasPublicScore, string? ScoreName, string? Lag, ScoreFetch? Fetch, IReadOnlyList<StoredScore> Items, Guid? NextCursor = null);

/// <summary>Platforms' own scores, read.</summary>
public sealed class PlatformScoreQueries(ClarityDb database, IEnumerable<IScoreReader> readers, TimeProvider clock)
{
    /// <summary>Most days of history in one answer.</summary>
    public const int MostDays = 395;

    private readonly Dictionary<string, IScoreReader> _readers = readers.ToDictionary(r => r.Platform, StringComparer.Ordinal);

    /// <summary>Scores of a connection's present dataset or account; of the last 30 days when not told.</summary>
    public async Task<Result<ScoreHistory>> ListAsync(Caller caller, Guid websiteId, Guid connectionId, DateOnly? from, DateOnly? to, CancellationToken cancel)
    {
        await using var db = database.For(caller);
        var found = await ConnectionService.FindAsync(db, caller, websiteId, connectionId, Role.Viewer, cancel);
        if (!found.IsOk)
            return found.Error;
        if (_readers.GetValueOrDefault(found.Value.Platform) is not { } reader)
            return new ScoreHistory(false, null, null, null, []);
        var last = to ?? DateOnly.FromDateTime(clock.GetUtcNow().UtcDateTime);
        if (last.Year < 2000)
            return Error.Invalid(new FieldError("to", "to must be 2000-01-01 or later."));
        var first = from ?? last.AddDays(-30);
        if (first > last || last.DayNumber - first.DayNumber > MostDays)
            return Error.Invalid(new FieldError("from", $"from must be before to, at most {MostDays} days."));
        var rows = await RowsAsync(db, found.Value, reader, first, last, cancel);
        return new ScoreHistory(true, reader.ScoreName, reader.Lag, await FetchAsync(db, found.Value, cancel), [.. rows.Select(r => r.Stored)]);
    }

    /// <summary>The reader of a platform; null = it tells its score to no program.</summary>
    internal IScoreReader? ReaderOf(string platform) => _readers.GetValueOrDefault(platform);

    /// <summary>How asking went the last time.</summary>
    internal static async Task<ScoreFetch?> FetchAsync(ClarityDbContext db, Connection connection, CancellationToken cancel) => await db.Database.SqlQuery<ScoreFetch>($"""
        SELECT connection_id AS "ConnectionId", outcome AS "Outcome", kind AS "Kind", reason AS "Reason", attempted_at AS "AttemptedAt", succeeded_at AS "SucceededAt",
               not_before AS "NextAt", failures AS "Failures"
          FROM platform_score_fetches WHERE workspace_id = {connection.WorkspaceId} AND connection_id = {connection.Id}
        """).SingleOrDefaultAsync(cancel);

    /// <summary>Scores of the present dataset or account, newest day first, events by name.</summary>
    /// <param name="db">Narrowed to the caller.</param>
    /// <param name="connection">The connection.</param>
    /// <param name="reader">Its platform's.</param>
    /// <param name="from">First day (UTC).</param>
    /// <param name="to">Last day.</param>
    /// <param name="cancel">Ends it.</param>
    /// <param name="platformName">Only this event, and what is said of all together; null = every event.</param>
    /// <param name="withDetail">False leaves the details out, which are most of a row.</param>
    internal static async Task<IReadOnlyList<ScoreRow>> RowsAsync(ClarityDbContext db, Connection connection, IScoreReader reader, DateOnly from, DateOnly to,
        CancellationToken cancel, string? platformName = null, bool withDetail = true)
    {
        var source = reader.SourceOf(JsonElement.Parse(connection.Settings));
        return await db.Database.SqlQuery<ScoreRow>($"""
            SELECT day AS "Day", event_name AS "EventName", score AS "Score", verdict AS "Verdict", CASE WHEN {withDetail} THEN detail::text ELSE '' END AS "Detail",
                   fetched_at AS "FetchedAt"
              FROM platform_scores
             WHERE workspace_id = {connection.WorkspaceId} AND website_id = {connection.WebsiteId} AND connection_id = {connection.Id}
               AND day BETWEEN {from} AND {to} AND source = {source}
               AND ({platformName}::text IS NULL OR event_name = '' OR lower(event_name) = lower({platformName}))
             ORDER BY day DESC, event_name
            """).ToListAsync(cancel);
    }
}

/// <summary>A row of <c>platform_scores</c>.</summary>
internal sealed record ScoreRow(DateOnly Day, string EventName, decimal? Score, string Verdict, string Detail, DateTimeOffset FetchedAt)
{
    public StoredScore Stored => new(Day, EventName, Score, Verdict, JsonSerializer.Deserialize<ScoreDetail>(Detail, JsonSerializerOptions.Web)!, FetchedAt);

    /// <summary>Is it about this event? Platforms write their own names in upper or lower case.</summary>
    public bool IsOf(string platformName) => EventName.Equals(platformName, StringComparison.OrdinalIgnoreCase);
}
