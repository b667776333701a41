using ClarityTracking.Core.Attribution.Touchpoints;
using ClarityTracking.Core.Data;
using ClarityTracking.Core.Ingestion.Store;
using ClarityTracking.Core.Ingestion.Validate;
using ClarityTracking.Core.Reports;
using ClarityTracking.Core.Routing;
using ClarityTracking.Core.Tenancy;
using Microsoft.EntityFrameworkCore;
using Npgsql;

namespace ClarityTracking.Core.Health.Bots;

/// <summary>What was held back as bots.</summary>
/// <param name="Events">Events of the period, bots among them; counted by whole hours.</param>
/// <param name="Bots">Of these, how many are held back.</param>
/// <param name="Groups">By reason, the most frequent first, at most <see cref="Quarantine.MostGroups"/>.</param>
public sealed record QuarantineSummary(long Events, long Bots, IReadOnlyList<BotGroup> Groups);

/// <summary>Events held back for one reason.</summary>
/// <param name="Category">The part of the reason before its colon (<c>known crawler</c>, <c>own rule</c> …).</param>
/// <param name="Reason">The whole reason, as events carry it.</param>
/// <param name="Events">How many.</param>
/// <param name="Visitors">How many different visitors.</param>
/// <param name="LastAt">When the newest arrived (UTC).</param>
/// <param name="UserAgent">The newest one's browser; null = it told none.</param>
public sealed record BotGroup(string Category, string Reason, long Events, long Visitors, DateTimeOffset LastAt, string? UserAgent);

/// <summary>Which events to turn round. What is null does not narrow; one of <see cref="EventIds"/>, <see cref="Reason"/> and <see cref="VisitorId"/> must be named.</summary>
/// <param name="IsBot">True = hold them back; false = they are no bots.</param>
/// <param name="EventIds">Our ids.</param>
/// <param name="Reason">Only those held back for this reason; for releasing.</param>
/// <param name="VisitorId">Only this visitor's.</param>
/// <param name="From">Received at or after (UTC); null = 7 days ago.</param>
/// <param name="To">Received before (UTC).</param>
/// <param name="DryRun">Count only.</param>
public sealed record BotReview(bool IsBot, IReadOnlyList<Guid>? EventIds = null, string? Reason = null, string? VisitorId = null, DateTimeOffset? From = null, DateTimeOffset? To = null,
    bool DryRun = false);

/// <summary>What a review did.</summary>
/// <param name="ReviewId">Names it, to put it back; null = nothing was changed.</param>
/// <param name="Matched">Events it fits; counted up to <see cref="Quarantine.MostReviewed"/> and one.</param>
/// <param name="Changed">Events turned round now.</param>
/// <param name="More">There are more than one review turns round: say it again.</param>
public sealed record BotReviewResult(Guid? ReviewId, long Matched, long Changed, bool More);

/// <summary>
/// Events that look like bots: they are stored, seen here, and delivered nowhere. A member can say that they are none, which routes them as if they had
/// just arrived; or hold back others. Both can be put back; what a platform was sent meanwhile stays sent.
/// </summary>
public sealed class Quarantine(ClarityDb database, NpgsqlDataSource source, EventsStored stored, TimeProvider clock)
{
    /// <summary>Reasons that a summary names.</summary>
    public const int MostGroups = 200;

    /// <summary>Events of one review.</summary>
    public const int MostReviewed = 10_000;

    private const int Batch = 500;
    private static readonly TimeSpan DefaultPeriod = TimeSpan.FromDays(7), LongestPeriod = TimeSpan.FromDays(92);

    /// <summary>What was held back.</summary>
    /// <param name="caller">A viewer.</param>
    /// <param name="websiteId">The website.</param>
    /// <param name="from">Received at or after (UTC); null = 7 days ago; at most 92 days are looked at.</param>
    /// <param name="to">Received before (UTC); null = now.</param>
    /// <param name="cancel">Ends it.</param>
    public async Task<Result<QuarantineSummary>> SummaryAsync(Caller caller, Guid websiteId, DateTimeOffset? from, DateTimeOffset? to, CancellationToken cancel)
    {
        await using var db = database.For(caller);
        var website = await db.WebsiteAsync(caller, websiteId, Role.Viewer, cancel);
        if (!website.IsOk)
            return website.Error;
        var now = clock.GetUtcNow();
        var begin = from is { } told && told > now - LongestPeriod ? told : now - (from is null ? DefaultPeriod : LongestPeriod);
        var (workspaceId, end) = (website.Value.WorkspaceId, to ?? DateTimeOffset.MaxValue);
        var (lowest, highest) = (Partitions.LowestId(begin), to is { } until ? Partitions.LowestId(until) : Guid.AllBitsSet);
        var groups = await db.Database.SqlQuery<GroupRow>($"""
            WITH grouped AS (
                SELECT bot_reason, count(*) AS events, count(DISTINCT visitor_id) AS visitors, max(received_at) AS last_at
                  FROM events WHERE workspace_id = {workspaceId} AND website_id = {websiteId} AND id >= {lowest} AND id < {highest} AND bot_reason IS NOT NULL
                 GROUP BY bot_reason ORDER BY count(*) DESC, bot_reason LIMIT {MostGroups})
            SELECT g.bot_reason AS "Reason", g.events AS "Events", g.visitors AS "Visitors", g.last_at AS "LastAt",
                   (SELECT e.user_agent FROM events e WHERE e.workspace_id = {workspaceId} AND e.website_id = {websiteId} AND e.id >= {lowest} AND e.id < {highest} AND e.bot_reason = g.bot_reason
                     ORDER BY e.id DESC LIMIT 1) AS "UserAgent"
              FROM grouped g ORDER BY g.events DESC, g.bot_reason
            """).ToListAsync(cancel);
        var hour = RollupWriter.HourOf(begin);
        var all = await db.EventRollups.AsNoTracking().Where(r => r.WorkspaceId == workspaceId && r.WebsiteId == websiteId && r.Hour >= hour && r.Hour < end).SumAsync(r => r.Events, cancel);
        return new QuarantineSummary(all, groups.Sum(g => g.Events), groups.ConvertAll(g => new BotGroup(g.Reason.Split(':')[0], g.Reason, g.Events, g.Visitors, g.LastAt, g.UserAgent)));
    }

    private sealed record GroupRow(string Reason, long Events, long Visitors, DateTimeOffset LastAt, string? UserAgent);

    /// <summary>Turns verdicts round.</summary>
    public async Task<Result<BotReviewResult>> ReviewAsync(Caller caller, Guid websiteId, BotReview review, CancellationToken cancel)
    {
        var site = await OwnAsync(caller, websiteId, cancel);
        if (!site.IsOk)
            return site.Error;
        if (review is { EventIds: null, Reason: null, VisitorId: null })
            return Error.Invalid(new Destinations.FieldError("eventIds", "Name eventIds, a reason or a visitorId."));
        if (review.EventIds?.Count > MostReviewed)
            return Error.Invalid(new Destinations.FieldError("eventIds", $"A review has at most {MostReviewed} events."));
        await using var connection = await source.OpenConnectionAsync(cancel);
        var matched = await CountAsync(connection, site.Value, review, cancel);
        if (review.DryRun || matched == 0)
            return new BotReviewResult(null, matched, 0, matched > MostReviewed);
        var (reviewId, changed) = (Guid.CreateVersion7(clock.GetUtcNow()), 0);
        while (changed < MostReviewed)
        {
            var turned = await TurnAsync(connection, site.Value, review, reviewId, caller.UserId, Math.Min(Batch, MostReviewed - changed), cancel);
            changed += turned;
            if (turned == 0)
                break;
        }
        await AuditAsync(caller, site.Value, review.IsBot ? "bots.held_back" : "bots.released", reviewId, $"{changed} events{(review.Reason is { } why ? $": {why}" : "")}", cancel);
        stored.Raise();
        return new BotReviewResult(changed == 0 ? null : reviewId, matched, changed, matched > MostReviewed);
    }

    /// <summary>Puts back what a review turned round and nobody has turned round since.</summary>
    public async Task<Result<BotReviewResult>> UndoAsync(Caller caller, Guid websiteId, Guid reviewId, CancellationToken cancel)
    {
        var site = await OwnAsync(caller, websiteId, cancel);
        if (!site.IsOk)
            return site.Error;
        await using var connection = await source.OpenConnectionAsync(cancel);
        var (ids, wasBot) = (new List<Guid>(), false);
        await using (var look = new NpgsqlCommand("SELECT event_id, is_bot FROM bot_reviews WHERE workspace_id = $1 AND website_id = $2 AND review_id = $3", connection)
            .With(site.Value.WorkspaceId, websiteId, reviewId))
        await using (var row = await look.ExecuteReaderAsync(cancel))
            while (await row.ReadAsync(cancel))
            {
                ids.Add(row.GetGuid(0));
                wasBot = row.GetBoolean(1);
            }
        if (ids.Count == 0)
            return Error.NotFound("review, or all of it was turned round again");
        return await ReviewAsync(caller, websiteId, new BotReview(!wasBot, ids, From: DateTimeOffset.MinValue), cancel);
    }

    private async Task<Result<Website>> OwnAsync(Caller caller, Guid websiteId, CancellationToken cancel)
    {
        await using var db = database.For(caller);
        return await db.WebsiteAsync(caller, websiteId, Role.Admin, cancel);
    }

    private async Task AuditAsync(Caller caller, Website site, string action, Guid reviewId, string detail, CancellationToken cancel)
    {
        await using var db = database.For(caller);
        db.Audit(site.WorkspaceId, caller, action, $"review {reviewId}", detail, clock.GetUtcNow());
        await db.SaveChangesAsync(cancel);
    }

    private const string Fitting = """
          FROM events WHERE workspace_id = $1 AND website_id = $2 AND id >= $3 AND id < $4 AND (bot_reason IS NULL) = $5
           AND ($6::uuid[] IS NULL OR id = ANY ($6)) AND ($7::text IS NULL OR bot_reason = $7) AND ($8::text IS NULL OR visitor_id = $8)
        """;

    private NpgsqlCommand Command(NpgsqlConnection connection, string sql, Website site, BotReview review)
    {
        var from = review.From ?? (review.EventIds is null ? clock.GetUtcNow() - DefaultPeriod : DateTimeOffset.MinValue);
        return new NpgsqlCommand(sql, connection).With(site.WorkspaceId, site.Id, from == DateTimeOffset.MinValue ? Guid.Empty : Partitions.LowestId(from),
            review.To is { } to ? Partitions.LowestId(to) : Guid.AllBitsSet, review.IsBot, review.EventIds?.ToArray(), review.Reason, review.VisitorId);
    }

    private async Task<long> CountAsync(NpgsqlConnection connection, Website site, BotReview review, CancellationToken cancel)
    {
        await using var command = Command(connection, $"SELECT count(*) FROM (SELECT 1 {Fitting} LIMIT {MostReviewed + 1}) fitting", site, review);
        return (long)(await command.ExecuteScalarAsync(cancel))!;
    }

    /// <summary>One batch in one transaction: the verdicts, what they were, and what follows for deliveries, touchpoints and conversions.</summary>
    private async Task<int> TurnAsync(NpgsqlConnection connection, Website site, BotReview review, Guid reviewId, Guid? member, int most, CancellationToken cancel)
    {
        await using var transaction = await connection.BeginTransactionAsync(cancel);
        await TouchpointWorker.LockAsync(connection, site.Id, cancel);
        var now = clock.GetUtcNow();
        await using var turn = Command(connection, $"""
            WITH picked AS (SELECT id, bot_reason {Fitting} ORDER BY id LIMIT $9 FOR UPDATE),
            turned AS (
                UPDATE events e SET bot_reason = CASE WHEN $5 THEN coalesce(r.reason, $10) END
                  FROM picked p LEFT JOIN bot_reviews r ON r.workspace_id = $1 AND r.event_id = p.id
                 WHERE e.workspace_id = $1 AND e.website_id = $2 AND e.id = p.id AND e.id >= $3 AND e.id < $4
                RETURNING e.id, p.bot_reason)
            INSERT INTO bot_reviews AS b (workspace_id, website_id, event_id, review_id, reason, is_bot, reviewed_at, reviewed_by)
            SELECT $1, $2, id, $11, bot_reason, $5, $12, $13::uuid FROM turned
            ON CONFLICT (workspace_id, event_id) DO UPDATE
               SET review_id = excluded.review_id, is_bot = excluded.is_bot, reviewed_at = excluded.reviewed_at, reviewed_by = excluded.reviewed_by,
                   reason = coalesce(b.reason, excluded.reason)
            RETURNING event_id
            """, site, review).With(most, BotVerdict.Marked, reviewId, now, member);
        var ids = new List<Guid>();
        await using (var row = await turn.ExecuteReaderAsync(cancel))
            while (await row.ReadAsync(cancel))
                ids.Add(row.GetGuid(0));
        if (ids.Count > 0 && review.IsBot)
            await ForgetTouchpointsAsync(connection, site, ids, now, cancel);
        else if (ids.Count > 0)
            await LetInAsync(connection, site, ids, now, cancel);
        await transaction.CommitAsync(cancel);
        return ids.Count;
    }

    /// <summary>
    /// The router takes them as if they had just arrived; the skips that told of a bot go. Their hour has counted them already. Events that were routed before
    /// somebody held them back have had their decisions: those go to the followers of the log alone, or every platform would get them twice.
    /// </summary>
    private static async Task LetInAsync(NpgsqlConnection connection, Website site, List<Guid> ids, DateTimeOffset now, CancellationToken cancel)
    {
        var gone = new List<(Guid, string, string, string, DateTimeOffset)>();
        await using (var delete = new NpgsqlCommand("""
            DELETE FROM deliveries WHERE workspace_id = $1 AND website_id = $2 AND event_id = ANY ($3) AND id >= $4 AND status = 'skipped' AND reason = 'bot'
            RETURNING connection_id, event_name, status, reason, finished_at
            """, connection).With(site.WorkspaceId, site.Id, ids.ToArray(), Partitions.LowestId(EventQueries.TimeOf(ids.Min()))))
        await using (var row = await delete.ExecuteReaderAsync(cancel))
            while (await row.ReadAsync(cancel))
                gone.Add((row.GetGuid(0), row.GetString(1), row.GetString(2), row.GetString(3), row.GetFieldValue<DateTimeOffset>(4)));
        var decided = new HashSet<Guid>();
        await using (var look = new NpgsqlCommand("SELECT DISTINCT event_id FROM delivery_states WHERE workspace_id = $1 AND event_id = ANY ($2)", connection).With(site.WorkspaceId, ids.ToArray()))
        await using (var row = await look.ExecuteReaderAsync(cancel))
            while (await row.ReadAsync(cancel))
                decided.Add(row.GetGuid(0));
        OutboxEntry Entry(IEnumerable<Guid> events) => new(Guid.CreateVersion7(now), site.WorkspaceId, site.Id, RollupWriter.HourOf(now), [.. events], [], []);
        if (ids.Count > decided.Count)
            await OutboxEntry.CopyAsync(connection, [Entry(ids.Where(id => !decided.Contains(id)))]);
        if (decided.Count > 0)
            await EventFeed.AddAsync(connection, [Entry(decided)], cancel);
        await RollupWriter.TakeBackAsync(connection, site.WorkspaceId, site.Id, gone, cancel);
    }

    /// <summary>They earn nothing any more, and conversions that they alone told of are none; what was matched with them is matched anew.</summary>
    private static async Task ForgetTouchpointsAsync(NpgsqlConnection connection, Website site, List<Guid> ids, DateTimeOffset now, CancellationToken cancel)
    {
        await using var forget = new NpgsqlCommand("""
            WITH matched AS (
                INSERT INTO match_queue (workspace_id, website_id, conversion_id, due_at)
                SELECT DISTINCT $1::uuid, $2::uuid, m.conversion_id, $4::timestamptz FROM match_touches m WHERE m.workspace_id = $1 AND m.touchpoint_id = ANY ($3)
                ON CONFLICT (workspace_id, conversion_id) DO UPDATE SET due_at = excluded.due_at, attempts = 0),
            told AS (
                SELECT x.conversion_id, count(*) FILTER (WHERE e.id = ANY ($3)) = count(*) AS alone
                  FROM conversion_events x JOIN conversions c ON c.workspace_id = $1 AND c.id = x.conversion_id AND c.website_id = $2 AND c.source = 'event'
                  LEFT JOIN events e ON e.workspace_id = $1 AND e.website_id = $2 AND e.event_id = x.event_id AND e.name = x.name
                 WHERE x.workspace_id = $1 AND x.conversion_id IN (
                       SELECT y.conversion_id FROM conversion_events y JOIN events b ON b.workspace_id = $1 AND b.website_id = $2 AND b.id = ANY ($3) AND b.event_id = y.event_id AND b.name = y.name
                        WHERE y.workspace_id = $1 AND y.website_id = $2)
                 GROUP BY x.conversion_id),
            gone AS (DELETE FROM conversions WHERE workspace_id = $1 AND id IN (SELECT conversion_id FROM told WHERE alone)),
            keys AS (DELETE FROM touchpoint_keys WHERE workspace_id = $1 AND website_id = $2 AND touchpoint_id = ANY ($3))
            DELETE FROM touchpoints WHERE workspace_id = $1 AND website_id = $2 AND id = ANY ($3)
            """, connection).With(site.WorkspaceId, site.Id, ids.ToArray(), now);
        await forget.ExecuteNonQueryAsync(cancel);
    }
}
