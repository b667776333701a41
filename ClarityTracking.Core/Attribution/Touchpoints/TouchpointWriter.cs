using ClarityTracking.Core.Connections;
using ClarityTracking.Core.Data;
using ClarityTracking.Core.Ingestion.Store;
using ClarityTracking.Core.People;
using Npgsql;
using NpgsqlTypes;

namespace ClarityTracking.Core.Attribution.Touchpoints;

/// <summary>
/// Writes the touchpoints of one website: decides which page views begin a visit or bring a new source, joins the landing to the click that led to it,
/// and writes each with its keys. All in the caller's transaction, which holds the website's lock.
/// </summary>
public sealed class TouchpointWriter(LinkageKeys linkage, SecretProtector protector)
{
    /// <summary>A visit ends when nothing is heard of the visitor for so long.</summary>
    public static readonly TimeSpan Session = TimeSpan.FromMinutes(30);

    /// <summary>Clocks of sender and server may differ by so much on the way into the log.</summary>
    private static readonly TimeSpan Skew = TimeSpan.FromMinutes(15);

    /// <summary>How far back a running visit is looked for.</summary>
    private static readonly TimeSpan LongestVisit = TimeSpan.FromDays(1);

    /// <summary>Writes what of these is new.</summary>
    /// <param name="connection">Inside a transaction.</param>
    /// <param name="website">The website.</param>
    /// <param name="candidates">Touchpoints of one website; page views may be none.</param>
    /// <param name="cancel">Cancels before the commit.</param>
    /// <returns>Ids of those that were written or learnt whose they are.</returns>
    public async Task<IReadOnlyList<Guid>> WriteAsync(NpgsqlConnection connection, TouchpointWebsite website, IReadOnlyList<Touchpoint> candidates, CancellationToken cancel)
    {
        if (candidates.Count == 0)
            return [];
        var ordered = candidates.OrderBy(t => t.OccurredAt).ThenBy(t => t.Id).ToList();
        var clicks = await WithLinksAsync(connection, [.. ordered.Where(t => t.Kind == TouchpointKind.Click)], cancel);
        var told = await WithoutLandedAsync(connection, clicks, cancel);
        told.AddRange(ordered.Where(t => t.Kind != TouchpointKind.Click && t.Kind != TouchpointKind.Visit));
        var written = new HashSet<Guid>(await InsertAsync(connection, website, told, cancel));

        var (joined, views) = await JoinLandingsAsync(connection, website, [.. ordered.Where(t => t.Kind == TouchpointKind.Visit)], cancel);
        written.UnionWith(joined);
        written.UnionWith(await InsertAsync(connection, website, await BeginningsAsync(connection, views, cancel), cancel));
        return [.. written];
    }

    /// <summary>Of page views, those that begin a visit or bring a new source.</summary>
    private static async Task<List<Touchpoint>> BeginningsAsync(NpgsqlConnection connection, List<Touchpoint> views, CancellationToken cancel)
    {
        // a view of nobody says nothing unless it has a source
        var beginnings = views.FindAll(v => v.IsToldOutright || (v.VisitorId is null && !v.IsDirect));
        var undecided = views.FindAll(v => v is { IsToldOutright: false, VisitorId: not null });
        if (undecided.Count == 0)
            return beginnings;
        var active = await ActiveAsync(connection, undecided, cancel);
        var known = await KnownAsync(connection, undecided, cancel);
        foreach (var view in undecided)
        {
            var touches = known.TryGetValue(view.VisitorId!, out var all) ? all : known[view.VisitorId!] = [];
            var last = touches.Where(t => t.At < view.OccurredAt || (t.At == view.OccurredAt && t.Id.CompareTo(view.Id) < 0)).MaxBy(t => (t.At, t.Id));
            if (active.Contains(view.Id) && (view.IsDirect || (last is not null && view.IsSameSource(last.Channel, last.ClickId, last.Campaign, last.Referrer))))
                continue;
            beginnings.Add(view);
            touches.Add(new KnownTouch(view.Id, view.OccurredAt, view.Channel, view.ClickId, view.Utm.GetValueOrDefault("campaign"), view.Referrer));
        }
        return beginnings;
    }

    /// <summary>Which of these views belong to a running visit: something of the visitor was seen shortly before.</summary>
    private static async Task<HashSet<Guid>> ActiveAsync(NpgsqlConnection connection, List<Touchpoint> views, CancellationToken cancel)
    {
        await using var command = new NpgsqlCommand("""
            SELECT w.id FROM unnest($3, $4, $5, $6) AS w(id, visitor_id, at, lowest)
             -- OFFSET 0 and LIMIT keep it a look-up for each visitor (docs/decisions/0017); EXISTS may become one pass over all events
             CROSS JOIN LATERAL (SELECT FROM (SELECT * FROM events e WHERE e.visitor_id = w.visitor_id AND e.id >= w.lowest OFFSET 0) e
                                  WHERE e.workspace_id = $1 AND e.website_id = $2 AND (e.occurred_at, e.id) < (w.at, w.id) AND e.occurred_at >= w.at - $7 AND e.bot_reason IS NULL AND e.source IN ('browser', 'server') LIMIT 1) seen
            """, connection).With(views[0].WorkspaceId, views[0].WebsiteId, views.Select(v => v.Id).ToArray(), views.Select(v => v.VisitorId).ToArray(),
            views.Select(v => v.OccurredAt.UtcDateTime).ToArray(), views.Select(v => Partitions.LowestId(v.OccurredAt - Session - Skew)).ToArray(), Session);
        var active = new HashSet<Guid>();
        await using var row = await command.ExecuteReaderAsync(cancel);
        while (await row.ReadAsync(cancel))
            active.Add(row.GetGuid(0));
        return active;
    }

    private sealed record KnownTouch(Guid Id, DateTimeOffset At, string? Channel, string? ClickId, string? Campaign, string? Referrer);

    /// <summary>The visitors' touches around these views.</summary>
    private static async Task<Dictionary<string, List<KnownTouch>>> KnownAsync(NpgsqlConnection connection, List<Touchpoint> views, CancellationToken cancel)
    {
        await using var command = new NpgsqlCommand("""
            SELECT profile, id, occurred_at, channel, click_id, campaign, referrer FROM touchpoints
             WHERE workspace_id = $1 AND website_id = $2 AND profile = ANY ($3) AND occurred_at BETWEEN $4 AND $5 AND kind IN ('visit', 'click')
            """, connection).With(views[0].WorkspaceId, views[0].WebsiteId, views.Select(v => v.Profile).Distinct().ToArray(),
            views.Min(v => v.OccurredAt) - LongestVisit, views.Max(v => v.OccurredAt));
        var known = new Dictionary<string, List<KnownTouch>>(StringComparer.Ordinal);
        await using var row = await command.ExecuteReaderAsync(cancel);
        while (await row.ReadAsync(cancel))
        {
            if (!known.TryGetValue(row.GetString(0), out var touches))
                known[row.GetString(0)] = touches = [];
            touches.Add(new KnownTouch(row.GetGuid(1), row.GetFieldValue<DateTimeOffset>(2), Text(row, 3), Text(row, 4), Text(row, 5), Text(row, 6)));
        }
        return known;
    }

    /// <summary>Clicks with the campaign of their link, where the address names none.</summary>
    private static async Task<List<Touchpoint>> WithLinksAsync(NpgsqlConnection connection, List<Touchpoint> clicks, CancellationToken cancel)
    {
        if (clicks.Count == 0)
            return clicks;
        var campaigns = new Dictionary<Guid, string>();
        await using var command = new NpgsqlCommand("SELECT id, campaign FROM campaign_links WHERE workspace_id = $1 AND website_id = $2 AND id = ANY ($3) AND campaign IS NOT NULL", connection)
            .With(clicks[0].WorkspaceId, clicks[0].WebsiteId, clicks.Select(c => c.LinkId).OfType<Guid>().Distinct().ToArray());
        await using var row = await command.ExecuteReaderAsync(cancel);
        while (await row.ReadAsync(cancel))
            campaigns[row.GetGuid(0)] = row.GetString(1);
        return clicks.ConvertAll(c => c.LinkId is { } link && !c.Utm.ContainsKey("campaign") && campaigns.TryGetValue(link, out var campaign)
            ? c with { Utm = new Dictionary<string, string>(c.Utm) { ["campaign"] = campaign } } : c);
    }

    /// <summary>
    /// Clicks whose landing is not known yet. A landing that was faster than its click (two nodes share the feed) is a visit already: it becomes the click.
    /// </summary>
    private static async Task<List<Touchpoint>> WithoutLandedAsync(NpgsqlConnection connection, List<Touchpoint> clicks, CancellationToken cancel)
    {
        if (clicks.Count == 0)
            return clicks;
        var landed = await ByClickAsync(connection, clicks[0].WorkspaceId, clicks[0].WebsiteId, clicks.Select(c => c.TrackingId), cancel);
        foreach (var click in clicks)
            if (click.TrackingId is { } tracking && landed.TryGetValue(tracking, out var visit) && visit.Kind != "click")
            {
                await using var become = new NpgsqlCommand("""
                    UPDATE touchpoints SET kind = 'click', channel = $4, link_id = coalesce($5::uuid, link_id), campaign = coalesce($6::text, campaign)
                     WHERE workspace_id = $1 AND website_id = $2 AND id = $3
                    """, connection).With(click.WorkspaceId, click.WebsiteId, visit.Id, click.Channel, click.LinkId, click.Utm.GetValueOrDefault("campaign"));
                await become.ExecuteNonQueryAsync(cancel);
            }
        return clicks.FindAll(c => c.TrackingId is null || !landed.ContainsKey(c.TrackingId));
    }

    private sealed record ClickRow(Guid Id, DateTimeOffset At, string Kind, string? VisitorId);

    private static async Task<Dictionary<string, ClickRow>> ByClickAsync(NpgsqlConnection connection, Guid workspaceId, Guid websiteId, IEnumerable<string?> trackingIds, CancellationToken cancel)
    {
        var found = new Dictionary<string, ClickRow>(StringComparer.Ordinal);
        var clickIds = trackingIds.OfType<string>().Distinct().Select(t => $"{TouchpointReader.TrackingKind}.{t}").ToArray();
        if (clickIds.Length == 0)
            return found;
        await using var command = new NpgsqlCommand("""
            SELECT click_id, id, occurred_at, kind, visitor_id FROM touchpoints
             WHERE workspace_id = $1 AND website_id = $2 AND click_id = ANY ($3) AND kind IN ('click', 'visit') AND click_id LIKE 'ct\_tracking\_id.%' ORDER BY kind
            """, connection).With(workspaceId, websiteId, clickIds);
        await using var row = await command.ExecuteReaderAsync(cancel);
        while (await row.ReadAsync(cancel))
            found.TryAdd(row.GetString(0)[(TouchpointReader.TrackingKind.Length + 1)..], new ClickRow(row.GetGuid(1), row.GetFieldValue<DateTimeOffset>(2), row.GetString(3), Text(row, 4)));
        return found;
    }

    /// <summary>
    /// The view that follows a click on a campaign link is the same touch: it tells the click whose it is. What remains are views that no such click is
    /// known of, or that another visitor made by an address that was passed on.
    /// </summary>
    private async Task<(List<Guid> Joined, List<Touchpoint> Others)> JoinLandingsAsync(NpgsqlConnection connection, TouchpointWebsite website, List<Touchpoint> views, CancellationToken cancel)
    {
        var (joined, others) = (new List<Guid>(), new List<Touchpoint>());
        var clicks = views.Exists(v => v.TrackingId is not null) ? await ByClickAsync(connection, views[0].WorkspaceId, views[0].WebsiteId, views.Select(v => v.TrackingId), cancel) : [];
        foreach (var view in views)
        {
            if (view.TrackingId is not { } tracking || !clicks.TryGetValue(tracking, out var click) || (view.IsToldOutright && click.Kind != "click"))
            {
                others.Add(view);
                continue;
            }
            if (click.VisitorId is not null || view.VisitorId is null)
            {
                if (view.VisitorId is not null && click.VisitorId != view.VisitorId)
                    others.Add(view);
                continue;
            }
            clicks[tracking] = click with { VisitorId = view.VisitorId };
            var landed = view with { Id = click.Id, OccurredAt = click.At };
            await using var join = new NpgsqlCommand("""
                UPDATE touchpoints SET visitor_id = $4, profile = $4, session_id = $5::text, landing = coalesce($6::text, landing), device = coalesce($7::text, device), os = coalesce($8::text, os),
                       browser = coalesce($9::text, browser), personal_sealed = coalesce($10::bytea, personal_sealed),
                       keys = ARRAY(SELECT DISTINCT unnest(keys || $11::bigint[]))
                 WHERE workspace_id = $1 AND website_id = $2 AND id = $3
                """, connection).With(view.WorkspaceId, view.WebsiteId, click.Id, view.VisitorId, view.SessionId, view.Landing, view.Browser.Device, view.Browser.Os, view.Browser.Browser,
                Sealed(website, landed), KeysOf(landed).ToArray());
            await join.ExecuteNonQueryAsync(cancel);
            await InsertKeysAsync(connection, [landed], cancel);
            joined.Add(click.Id);
        }
        return (joined, others);
    }

    private byte[]? Sealed(TouchpointWebsite website, Touchpoint touch) =>
        website.PrivacyMode || touch.Person.IsEmpty ? null : touch.Person.Seal(protector, touch.WorkspaceId, touch.Id);

    /// <summary>Inserts those that are not there yet, with their keys.</summary>
    private async Task<List<Guid>> InsertAsync(NpgsqlConnection connection, TouchpointWebsite website, List<Touchpoint> touches, CancellationToken cancel)
    {
        if (touches.Count == 0)
            return [];
        await using var insert = new NpgsqlCommand("""
            INSERT INTO touchpoints (workspace_id, website_id, id, event_id, occurred_at, kind, profile, visitor_id, session_id, channel, source, medium, campaign, content, term,
                                     link_id, click_id, landing, referrer, location, service, device, os, browser, is_test, personal_sealed, keys)
            SELECT $1, $2, id, event_id, occurred_at, kind, profile, visitor_id, session_id, channel, source, medium, campaign, content, term,
                   link_id, click_id, landing, referrer, location, service, device, os, browser, is_test, personal_sealed, keys::bigint[]
              FROM unnest($3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24, $25, $26, $27)
                AS t(id, event_id, occurred_at, kind, profile, visitor_id, session_id, channel, source, medium, campaign, content, term,
                     link_id, click_id, landing, referrer, location, service, device, os, browser, is_test, personal_sealed, keys)
            ON CONFLICT (workspace_id, website_id, id) DO NOTHING
            RETURNING id
            """, connection).With(touches[0].WorkspaceId, touches[0].WebsiteId, touches.Select(t => t.Id).ToArray());
        void Texts(Func<Touchpoint, string?> text) => insert.Parameters.Add(new NpgsqlParameter { Value = touches.Select(text).ToArray(), NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Text });
        void Values<T>(Func<Touchpoint, T> value, NpgsqlDbType type) => insert.Parameters.Add(new NpgsqlParameter { Value = touches.Select(value).ToArray(), NpgsqlDbType = NpgsqlDbType.Array | type });
        Texts(t => t.EventId);
        Values(t => t.OccurredAt.UtcDateTime, NpgsqlDbType.TimestampTz);
        Texts(t => t.Kind.Word());
        Texts(t => t.Profile);
        Texts(t => t.VisitorId);
        Texts(t => t.SessionId);
        Texts(t => t.Channel);
        foreach (var name in new[] { "source", "medium", "campaign", "content", "term" })
            Texts(t => t.Utm.GetValueOrDefault(name));
        Values(t => t.LinkId, NpgsqlDbType.Uuid);
        Texts(t => t.ClickId);
        Texts(t => t.Landing);
        Texts(t => t.Referrer);
        Texts(t => t.Location);
        Texts(t => t.Service);
        Texts(t => t.Browser.Device);
        Texts(t => t.Browser.Os);
        Texts(t => t.Browser.Browser);
        Values(t => t.IsTest, NpgsqlDbType.Boolean);
        Values(t => Sealed(website, t), NpgsqlDbType.Bytea);
        Texts(t => $"{{{string.Join(',', KeysOf(t))}}}");
        var inserted = new List<Guid>();
        await using (var row = await insert.ExecuteReaderAsync(cancel))
            while (await row.ReadAsync(cancel))
                inserted.Add(row.GetGuid(0));
        var isNew = inserted.ToHashSet();
        await InsertKeysAsync(connection, touches.FindAll(t => isNew.Contains(t.Id)), cancel);
        return inserted;
    }

    /// <summary>Of tests there are none: nothing may be joined to them.</summary>
    private IReadOnlyList<long> KeysOf(Touchpoint touch) => touch.IsTest ? [] : linkage.Of(touch.WebsiteId, touch.Identity);

    private async Task InsertKeysAsync(NpgsqlConnection connection, List<Touchpoint> touches, CancellationToken cancel)
    {
        var rows = touches.SelectMany(t => KeysOf(t).Select(key => (Key: key, Touch: t))).ToList();
        if (rows.Count == 0)
            return;
        await using var insert = new NpgsqlCommand("""
            INSERT INTO touchpoint_keys (workspace_id, website_id, key, occurred_at, touchpoint_id) SELECT $1, $2, k.* FROM unnest($3, $4, $5) AS k ON CONFLICT DO NOTHING
            """, connection).With(touches[0].WorkspaceId, touches[0].WebsiteId, rows.Select(r => r.Key).ToArray(), rows.Select(r => r.Touch.OccurredAt.UtcDateTime).ToArray(),
            rows.Select(r => r.Touch.Id).ToArray());
        await insert.ExecuteNonQueryAsync(cancel);
    }

    private static string? Text(NpgsqlDataReader row, int column) => row.IsDBNull(column) ? null : row.GetString(column);
}
