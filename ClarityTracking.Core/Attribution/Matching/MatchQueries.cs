using System.Runtime.CompilerServices;
using System.Text.Json;
using ClarityTracking.Core.Data;
using ClarityTracking.Core.Tenancy;
using Npgsql;

namespace ClarityTracking.Core.Attribution.Matching;

/// <summary>A match as a caller sees it.</summary>
/// <param name="ConversionId">The conversion.</param>
/// <param name="BookingId">The sender's id of it.</param>
/// <param name="OccurredAt">When it was made (UTC).</param>
/// <param name="Value">In major units of <paramref name="Currency"/>; null = unknown.</param>
/// <param name="Currency">ISO 4217.</param>
/// <param name="Decision"><c>matched unmatched review confirmed rejected</c>.</param>
/// <param name="Confidence">Probability that the answer is right, 0..1.</param>
/// <param name="Touchpoint">The touchpoint that is credited; null = none.</param>
/// <param name="Reasons">What speaks for it and against it, strongest first.</param>
/// <param name="Evidence">Fields with their levels and weights (log-odds).</param>
/// <param name="Model">Which weights were used.</param>
/// <param name="MatchedAt">UTC.</param>
/// <param name="DecidedAt">When a person decided (UTC); null = none has.</param>
public sealed record MatchInfo(Guid ConversionId, string BookingId, DateTimeOffset OccurredAt, decimal? Value, string? Currency, string Decision, double Confidence, MatchedTouchpoint? Touchpoint,
    IReadOnlyList<string> Reasons, JsonElement Evidence, string Model, DateTimeOffset MatchedAt, DateTimeOffset? DecidedAt);

/// <summary>The touchpoint of a match.</summary>
/// <param name="Id">Our id.</param>
/// <param name="EventId">The sender's id.</param>
/// <param name="OccurredAt">UTC.</param>
/// <param name="Channel">Where it came from.</param>
/// <param name="Campaign">The campaign.</param>
public sealed record MatchedTouchpoint(Guid Id, string EventId, DateTimeOffset OccurredAt, string? Channel, string? Campaign);

/// <summary>A touchpoint on a conversion's path.</summary>
/// <param name="Touchpoint">The touchpoint.</param>
/// <param name="Confidence">Probability that it is the customer's, 0..1.</param>
/// <param name="Landing">Path of the page it led to.</param>
public sealed record PathTouch(MatchedTouchpoint Touchpoint, double Confidence, string? Landing);

/// <summary>How a website's matches stand.</summary>
/// <param name="ByDecision">How many, by decision.</param>
/// <param name="Waiting">Conversions that wait to be matched, again or for the first time.</param>
public sealed record MatchCounts(IReadOnlyDictionary<string, long> ByDecision, long Waiting);

/// <summary>A line of <c>/matches?format=jsonl</c>, in the sender's ids.</summary>
public sealed record MatchLine(string BookingId, string? TpId, double Confidence, IReadOnlyList<MatchLineTouch> Matches, IReadOnlyList<string> Reasons);

/// <summary>A touchpoint held to be the customer's.</summary>
public sealed record MatchLineTouch(string TpId, double Confidence);

/// <summary>Lines that are read while they are written out.</summary>
public sealed record MatchLines(IAsyncEnumerable<MatchLine> All);

/// <summary>Matches, read.</summary>
public sealed class MatchQueries(ClarityDb tenants, NpgsqlDataSource database)
{
    private static readonly string[] Decisions = ["matched", "unmatched", "review", "confirmed", "rejected"];
    private static readonly JsonSerializerOptions TouchShape = new() { PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower };

    /// <summary>Matches of a website, those of the newest conversions first.</summary>
    /// <param name="caller">Who asks.</param>
    /// <param name="websiteId">The website.</param>
    /// <param name="decision">Only those that stand so; null = all.</param>
    /// <param name="cursor">Last id of the page before.</param>
    /// <param name="limit">How many.</param>
    /// <param name="cancel">Cancels.</param>
    public async Task<Result<Page<MatchInfo>>> ListAsync(Caller caller, Guid websiteId, string? decision, Guid? cursor, int limit, CancellationToken cancel)
    {
        await using var db = tenants.For(caller);
        var website = await db.WebsiteAsync(caller, websiteId, Role.Viewer, cancel);
        if (!website.IsOk)
            return website.Error;
        if (decision is not null && !Decisions.Contains(decision))
            return Error.Invalid(new Destinations.FieldError("decision", $"decision must be {string.Join(", ", Decisions)}."));
        limit = Page.Clamp(limit);
        return Page.Of(await ReadAsync(website.Value.WorkspaceId, websiteId, null, decision, cursor, limit + 1, cancel), limit, m => m.ConversionId);
    }

    /// <summary>How many stand how.</summary>
    public async Task<Result<MatchCounts>> CountsAsync(Caller caller, Guid websiteId, CancellationToken cancel)
    {
        await using var db = tenants.For(caller);
        var website = await db.WebsiteAsync(caller, websiteId, Role.Viewer, cancel);
        if (!website.IsOk)
            return website.Error;
        await using var command = database.CreateCommand("""
            SELECT decision, count(*) FROM matches WHERE workspace_id = $1 AND website_id = $2 GROUP BY decision
            UNION ALL SELECT NULL, count(*) FROM match_queue WHERE workspace_id = $1 AND website_id = $2
            """).With(website.Value.WorkspaceId, websiteId);
        var (counts, waiting) = (new Dictionary<string, long>(StringComparer.Ordinal), 0L);
        await using var row = await command.ExecuteReaderAsync(cancel);
        while (await row.ReadAsync(cancel))
            if (row.IsDBNull(0))
                waiting = row.GetInt64(1);
            else
                counts[row.GetString(0)] = row.GetInt64(1);
        return new MatchCounts(counts, waiting);
    }

    /// <summary>How many conversions wait to be matched; 100,000 stands for more. Cheap enough to ask again and again.</summary>
    public async Task<Result<long>> WaitingAsync(Caller caller, Guid websiteId, CancellationToken cancel)
    {
        await using var db = tenants.For(caller);
        var website = await db.WebsiteAsync(caller, websiteId, Role.Viewer, cancel);
        if (!website.IsOk)
            return website.Error;
        await using var command = database.CreateCommand("SELECT count(*) FROM (SELECT FROM match_queue WHERE workspace_id = $1 AND website_id = $2 LIMIT 100000) q")
            .With(website.Value.WorkspaceId, websiteId);
        return (long)(await command.ExecuteScalarAsync(cancel))!;
    }

    /// <summary>The touchpoints held to be a conversion's customer's, newest first.</summary>
    public async Task<Result<IReadOnlyList<PathTouch>>> PathAsync(Caller caller, Guid websiteId, Guid conversionId, CancellationToken cancel)
    {
        await using var db = tenants.For(caller);
        var website = await db.WebsiteAsync(caller, websiteId, Role.Viewer, cancel);
        if (!website.IsOk)
            return website.Error;
        await using var command = database.CreateCommand("""
            SELECT t.id, t.event_id, t.occurred_at, t.channel, t.campaign, m.confidence, t.landing
              FROM match_touches m JOIN touchpoints t ON t.workspace_id = $1 AND t.website_id = $2 AND t.id = m.touchpoint_id
             WHERE m.workspace_id = $1 AND m.website_id = $2 AND m.conversion_id = $3 ORDER BY t.occurred_at DESC, t.id DESC LIMIT 200
            """).With(website.Value.WorkspaceId, websiteId, conversionId);
        var path = new List<PathTouch>();
        await using var row = await command.ExecuteReaderAsync(cancel);
        while (await row.ReadAsync(cancel))
            path.Add(new PathTouch(new MatchedTouchpoint(row.GetGuid(0), row.GetString(1), row.GetFieldValue<DateTimeOffset>(2), Text(row, 3), Text(row, 4)), row.GetDouble(5), Text(row, 6)));
        return path;
    }

    /// <summary>One match.</summary>
    public async Task<Result<MatchInfo>> GetAsync(Caller caller, Guid websiteId, Guid conversionId, CancellationToken cancel)
    {
        await using var db = tenants.For(caller);
        var website = await db.WebsiteAsync(caller, websiteId, Role.Viewer, cancel);
        if (!website.IsOk)
            return website.Error;
        return await ReadAsync(website.Value.WorkspaceId, websiteId, conversionId, null, null, 1, cancel) is [var match] ? match : Error.NotFound("match");
    }

    /// <summary>
    /// One line for every booking, order and payment of a website, tests left out, in the order they were made; also for those of which nothing is known. What is not matched yet has confidence 0.
    /// </summary>
    public async Task<Result<MatchLines>> LinesAsync(Caller caller, Guid websiteId, CancellationToken cancel)
    {
        await using var db = tenants.For(caller);
        var website = await db.WebsiteAsync(caller, websiteId, Role.Viewer, cancel);
        return website.IsOk ? new MatchLines(LinesAsync(website.Value.WorkspaceId, websiteId, cancel)) : website.Error;
    }

    private async IAsyncEnumerable<MatchLine> LinesAsync(Guid workspaceId, Guid websiteId, [EnumeratorCancellation] CancellationToken cancel)
    {
        await using var command = database.CreateCommand($"""
            SELECT c.sender_id, t.event_id, coalesce(m.confidence, 0), coalesce(m.reasons, '["not matched yet"]')::text, coalesce(x.touches, '[]')::text
              FROM conversions c
              LEFT JOIN matches m ON m.workspace_id = $1 AND m.conversion_id = c.id
              LEFT JOIN touchpoints t ON t.workspace_id = $1 AND t.website_id = $2 AND t.id = m.touchpoint_id
              LEFT JOIN LATERAL (
                SELECT jsonb_agg(jsonb_build_object('tp_id', p.event_id, 'confidence', mt.confidence) ORDER BY p.occurred_at) AS touches
                  FROM match_touches mt CROSS JOIN LATERAL (SELECT * FROM touchpoints p WHERE p.workspace_id = $1 AND p.website_id = $2 AND p.id = mt.touchpoint_id OFFSET 0) p
                 WHERE mt.workspace_id = $1 AND mt.conversion_id = c.id AND p.channel <> 'direct' AND p.occurred_at > c.occurred_at - interval '{Matcher.WindowDays + 1} days') x ON true
             WHERE c.workspace_id = $1 AND c.website_id = $2 AND c.kind IN ('booking', 'order', 'payment') AND NOT c.is_test
             ORDER BY c.occurred_at, c.id
            """).With(workspaceId, websiteId);
        await using var row = await command.ExecuteReaderAsync(cancel);
        while (await row.ReadAsync(cancel))
            yield return new MatchLine(row.GetString(0), row.IsDBNull(1) ? null : row.GetString(1), row.GetDouble(2), JsonSerializer.Deserialize<List<MatchLineTouch>>(row.GetString(4), TouchShape)!,
                JsonSerializer.Deserialize<List<string>>(row.GetString(3))!);
    }

    private async Task<List<MatchInfo>> ReadAsync(Guid workspaceId, Guid websiteId, Guid? conversionId, string? decision, Guid? cursor, int limit, CancellationToken cancel)
    {
        await using var command = database.CreateCommand("""
            SELECT m.conversion_id, c.sender_id, c.occurred_at, c.value, c.currency, m.decision, m.confidence, m.reasons::text, m.evidence::text, m.model, m.matched_at, m.decided_at,
                   t.id, t.event_id, t.occurred_at, t.channel, t.campaign
              FROM matches m JOIN conversions c ON c.workspace_id = $1 AND c.id = m.conversion_id
              LEFT JOIN touchpoints t ON t.workspace_id = $1 AND t.website_id = $2 AND t.id = m.touchpoint_id
             WHERE m.workspace_id = $1 AND m.website_id = $2 AND ($3::uuid IS NULL OR m.conversion_id = $3) AND ($4::text IS NULL OR m.decision = $4) AND ($5::uuid IS NULL OR m.conversion_id < $5)
             ORDER BY m.conversion_id DESC LIMIT $6
            """).With(workspaceId, websiteId, conversionId, decision, cursor, limit);
        var matches = new List<MatchInfo>();
        await using var row = await command.ExecuteReaderAsync(cancel);
        while (await row.ReadAsync(cancel))
            matches.Add(new MatchInfo(row.GetGuid(0), row.GetString(1), row.GetFieldValue<DateTimeOffset>(2), row.IsDBNull(3) ? null : row.GetDecimal(3), Text(row, 4), row.GetString(5), row.GetDouble(6),
                row.IsDBNull(12) ? null : new MatchedTouchpoint(row.GetGuid(12), row.GetString(13), row.GetFieldValue<DateTimeOffset>(14), Text(row, 15), Text(row, 16)),
                JsonSerializer.Deserialize<List<string>>(row.GetString(7))!, JsonElement.Parse(row.GetString(8)), row.GetString(9), row.GetFieldValue<DateTimeOffset>(10),
                row.IsDBNull(11) ? null : row.GetFieldValue<DateTimeOffset>(11)));
        return matches;
    }

    private static string? Text(NpgsqlDataReader row, int column) => row.IsDBNull(column) ? null : row.GetString(column);
}
