using ClarityTracking.Core.Inbound;
using ClarityTracking.Core.Ingestion.Store;
using Npgsql;

namespace ClarityTracking.Core.Conversions;

/// <summary>What a visitor's browser told in its last events; per name the newest.</summary>
/// <param name="ClickIds">Click ids.</param>
/// <param name="Cookies">Platform cookies.</param>
/// <param name="Utm">Campaign parameters of the newest visit that had some.</param>
/// <param name="Consent">What the visitor last allowed.</param>
/// <param name="SessionId">The last visit.</param>
/// <param name="Url">The last page.</param>
/// <param name="Referrer">The address the last visit came from.</param>
/// <param name="Ip">The browser's address; null in privacy mode.</param>
/// <param name="UserAgent">The browser.</param>
public sealed record RecalledVisitor(IReadOnlyDictionary<string, ClickId> ClickIds, IReadOnlyDictionary<string, string> Cookies, IReadOnlyDictionary<string, string> Utm,
    Consent? Consent, string? SessionId, string? Url, string? Referrer, string? Ip, string? UserAgent);

/// <summary>Recalls what a visitor's browser told before, for those who know only its id.</summary>
public sealed class VisitorMemory(NpgsqlDataSource database, EventLoader loader)
{
    private const int Events = 30;

    /// <summary>Before an id of ours in a field that is another's: senders' own ids never look like that.</summary>
    private const string Mark = "v_";

    /// <summary>
    /// A visitor's id as the browser tells it. What came back by a borrowed field carries a mark; an id may also begin so by itself, so who was
    /// seen decides, and for one that was not seen that the snippet's ids are UUIDs.
    /// </summary>
    public async Task<string> NameAsync(SourceConnection source, string told, CancellationToken cancel)
    {
        if (!told.StartsWith(Mark, StringComparison.Ordinal) || told.Length == Mark.Length)
            return told;
        var bare = told[Mark.Length..];
        await using var command = database.CreateCommand("""
            SELECT visitor_id FROM events WHERE workspace_id = $1 AND website_id = $2 AND visitor_id = ANY ($3) AND source = 'browser' ORDER BY visitor_id = $4 DESC LIMIT 1
            """);
        foreach (var value in new object[] { source.WorkspaceId, source.WebsiteId, new[] { told, bare }, told })
            command.Parameters.Add(new NpgsqlParameter { Value = value });
        return await command.ExecuteScalarAsync(cancel) as string ?? (Guid.TryParseExact(bare, "D", out _) ? bare : told);
    }

    /// <summary>What is known of a visitor of the website; null when nothing is.</summary>
    public async Task<RecalledVisitor?> RecallAsync(SourceConnection source, string visitorId, CancellationToken cancel)
    {
        await using var connection = await database.OpenConnectionAsync(cancel);
        await using var command = new NpgsqlCommand("""
            SELECT id FROM events WHERE workspace_id = $1 AND website_id = $2 AND visitor_id = $3 AND source = 'browser' ORDER BY id DESC LIMIT $4
            """, connection);
        foreach (var value in new object[] { source.WorkspaceId, source.WebsiteId, visitorId, Events })
            command.Parameters.Add(new NpgsqlParameter { Value = value });
        var ids = new List<EventAddress>();
        await using (var reader = await command.ExecuteReaderAsync(cancel))
            while (await reader.ReadAsync(cancel))
                ids.Add(new EventAddress(source.WorkspaceId, source.WebsiteId, reader.GetGuid(0)));
        if (ids.Count == 0)
            return null;
        var events = (await loader.LoadAsync(connection, ids, cancel)).Values.OrderByDescending(e => e.Id).ToList();
        var (clickIds, cookies) = (new Dictionary<string, ClickId>(), new Dictionary<string, string>());
        foreach (var seen in events)
        {
            foreach (var (name, click) in seen.ClickIds)
                clickIds.TryAdd(name, click with { FirstSeen = click.FirstSeen ?? seen.OccurredAt });
            foreach (var (name, cookie) in seen.Cookies)
                cookies.TryAdd(name, cookie);
        }
        return new RecalledVisitor(clickIds, cookies, events.Find(e => e.Utm.Count > 0)?.Utm ?? new Dictionary<string, string>(), events.Find(e => e.Consent is not null)?.Consent,
            events[0].SessionId, events.Find(e => e.Url is not null)?.Url, events.Find(e => e.Referrer is not null)?.Referrer,
            events.Find(e => e.Personal?.Ip is not null)?.Personal!.Ip, events.Find(e => e.UserAgent is not null)?.UserAgent);
    }
}
