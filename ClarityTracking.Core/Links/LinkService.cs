using System.Text.Json;
using ClarityTracking.Core.Data;
using ClarityTracking.Core.Destinations;
using ClarityTracking.Core.Tenancy;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Configuration;
using Npgsql;

namespace ClarityTracking.Core.Links;

/// <summary>A link as a caller sees it.</summary>
/// <param name="Id">Its id, the <c>ct_campaign_link_id</c>.</param>
/// <param name="Name">As people call it.</param>
/// <param name="Slug">What stands behind <c>/r/</c>.</param>
/// <param name="Url">The short address; without host while the operator has set no public address.</param>
/// <param name="TargetUrl">Where it leads.</param>
/// <param name="Channel">The channel its clicks count for; null = told by the UTM parameters.</param>
/// <param name="Campaign">The campaign; also the target's utm_campaign when the template names none.</param>
/// <param name="Utm">Campaign parameters it adds to the target, by short name.</param>
/// <param name="WindowDays">How many whole days after a click a conversion still counts.</param>
/// <param name="ExpiresAt">It leads nowhere from then on (UTC).</param>
/// <param name="CreatedAt">UTC.</param>
/// <param name="Clicks">Clicks of the last 30 days, bots left out.</param>
/// <param name="Conversions">Conversions recorded by its clicks, of all time.</param>
/// <param name="Revenue">Value of those in the website's currency, in its major units.</param>
public sealed record LinkDetails(Guid Id, string Name, string Slug, string Url, string TargetUrl, string? Channel, string? Campaign, IReadOnlyDictionary<string, string> Utm, int WindowDays,
    DateTimeOffset? ExpiresAt, DateTimeOffset CreatedAt, long Clicks, long Conversions, decimal Revenue);

/// <summary>What can be set; null = as it is, or the default of a new link. <c>NoExpiry</c> takes an expiry off.</summary>
public sealed record LinkValues(string? Name, string? TargetUrl, string? Slug, string? Channel, string? Campaign, int? WindowDays, DateTimeOffset? ExpiresAt,
    IReadOnlyDictionary<string, string>? Utm, bool NoExpiry = false);

/// <summary>Campaign links of a website.</summary>
public sealed class LinkService(ClarityDb database, LinkDirectory directory, IConfiguration configuration, TimeProvider clock)
{
    private const int LongestUrl = 4000, LongestText = 200, SlugTries = 5;
    private static readonly string[] UtmNames = ["source", "medium", "campaign", "term", "content", "id"];

    /// <summary>Links of a website, newest first.</summary>
    public async Task<Result<Page<LinkDetails>>> ListAsync(Caller caller, Guid websiteId, Guid? cursor, int limit, CancellationToken cancel)
    {
        await using var db = database.For(caller);
        var website = await db.WebsiteAsync(caller, websiteId, Role.Viewer, cancel);
        if (!website.IsOk)
            return website.Error;
        limit = Page.Clamp(limit);
        return Page.Of(await ReadAsync(db, website.Value, null, cursor, limit + 1, cancel), limit, l => l.Id);
    }

    /// <summary>One link.</summary>
    public async Task<Result<LinkDetails>> GetAsync(Caller caller, Guid websiteId, Guid id, CancellationToken cancel)
    {
        await using var db = database.For(caller);
        var website = await db.WebsiteAsync(caller, websiteId, Role.Viewer, cancel);
        if (!website.IsOk)
            return website.Error;
        return await ReadAsync(db, website.Value, id, null, 1, cancel) is [var link] ? link : Error.NotFound("link");
    }

    /// <summary>Makes a link.</summary>
    public async Task<Result<LinkDetails>> CreateAsync(Caller caller, Guid websiteId, LinkValues values, CancellationToken cancel)
    {
        await using var db = database.For(caller);
        var website = await db.WebsiteAsync(caller, websiteId, Role.Analyst, cancel);
        if (!website.IsOk)
            return website.Error;
        var now = clock.GetUtcNow();
        if (Check(values, now, isNew: true) is { Count: > 0 } errors)
            return Error.Invalid(errors);
        var (workspaceId, id) = (website.Value.WorkspaceId, Guid.CreateVersion7(now));
        var utm = values.Utm is null ? null : JsonSerializer.Serialize(Trimmed(values.Utm));
        for (var tries = 0; ; tries++)
        {
            var slug = values.Slug?.Trim() ?? Slug.New();
            try
            {
                await db.Database.ExecuteSqlAsync($"""
                    INSERT INTO campaign_links (workspace_id, website_id, id, slug, name, target_url, channel, campaign, utm, window_days, expires_at, created_at, updated_at)
                    VALUES ({workspaceId}, {websiteId}, {id}, {slug}, {values.Name!.Trim()}, {LinkTarget.Ascii(values.TargetUrl!)}, {Text(values.Channel)?.ToLowerInvariant()}, {Text(values.Campaign)},
                            {utm}::jsonb, {values.WindowDays ?? CampaignLink.DefaultWindowDays}, {values.ExpiresAt?.ToUniversalTime()}, {now}, {now})
                    """, cancel);
                break;
            }
            catch (PostgresException error) when (error.SqlState == PostgresErrorCodes.UniqueViolation)
            {
                if (values.Slug is not null || tries == SlugTries)
                    return SlugTaken;
            }
        }
        db.Audit(workspaceId, caller, "link.created", $"link {id}", values.Name, now);
        await db.SaveChangesAsync(cancel);
        directory.Forget();
        return (await ReadAsync(db, website.Value, id, null, 1, cancel))[0];
    }

    /// <summary>Changes what is given. The slug stays: it may be printed somewhere.</summary>
    public async Task<Result<LinkDetails>> ChangeAsync(Caller caller, Guid websiteId, Guid id, LinkValues values, CancellationToken cancel)
    {
        await using var db = database.For(caller);
        var website = await db.WebsiteAsync(caller, websiteId, Role.Analyst, cancel);
        if (!website.IsOk)
            return website.Error;
        var now = clock.GetUtcNow();
        var errors = Check(values, now, isNew: false);
        var workspaceId = website.Value.WorkspaceId;
        if (await ReadAsync(db, website.Value, id, null, 1, cancel) is not [var link])
            return Error.NotFound("link");
        if (values.Slug is { } slug && !slug.Equals(link.Slug, StringComparison.OrdinalIgnoreCase))
            errors.Add(new("slug", "slug cannot be changed: the old address may be printed somewhere. Make another link instead."));
        if (errors.Count > 0)
            return Error.Invalid(errors);
        var utm = values.Utm is null ? null : JsonSerializer.Serialize(Trimmed(values.Utm));
        await db.Database.ExecuteSqlAsync($"""
            UPDATE campaign_links SET name = coalesce({values.Name?.Trim()}, name), target_url = coalesce({(values.TargetUrl is null ? null : LinkTarget.Ascii(values.TargetUrl))}, target_url),
                   channel = CASE WHEN {values.Channel is null} THEN channel ELSE {Text(values.Channel)?.ToLowerInvariant()} END,
                   campaign = CASE WHEN {values.Campaign is null} THEN campaign ELSE {Text(values.Campaign)} END,
                   utm = coalesce({utm}::jsonb, utm), window_days = coalesce({values.WindowDays}, window_days), 
                   expires_at = CASE WHEN {values.NoExpiry} THEN NULL ELSE coalesce({values.ExpiresAt?.ToUniversalTime()}, expires_at) END,
                   updated_at = {now}
             WHERE workspace_id = {workspaceId} AND website_id = {websiteId} AND id = {id}
            """, cancel);
        db.Audit(workspaceId, caller, "link.changed", $"link {id}", null, now);
        await db.SaveChangesAsync(cancel);
        directory.Forget();
        return (await ReadAsync(db, website.Value, id, null, 1, cancel))[0];
    }

    /// <summary>Ends a link: it leads nowhere any more; its clicks and conversions stay.</summary>
    public async Task<Result<Done>> DeleteAsync(Caller caller, Guid websiteId, Guid id, CancellationToken cancel)
    {
        await using var db = database.For(caller);
        var website = await db.WebsiteAsync(caller, websiteId, Role.Analyst, cancel);
        if (!website.IsOk)
            return website.Error;
        var now = clock.GetUtcNow();
        var ended = await db.Database.ExecuteSqlAsync($"""
            UPDATE campaign_links SET deleted_at = {now} WHERE workspace_id = {website.Value.WorkspaceId} AND website_id = {websiteId} AND id = {id} AND deleted_at IS NULL
            """, cancel);
        if (ended == 0)
            return Error.NotFound("link");
        db.Audit(website.Value.WorkspaceId, caller, "link.deleted", $"link {id}", null, now);
        await db.SaveChangesAsync(cancel);
        directory.Forget();
        return Done.It;
    }

    private static readonly Error SlugTaken = new(ErrorKind.Conflict, "slug_taken", "Another link has this slug; choose another one.", [new FieldError("slug", "Another link has this slug.")]);

    private static List<FieldError> Check(LinkValues values, DateTimeOffset now, bool isNew)
    {
        var rules = new FieldRules();
        rules.Name("name", values.Name, LongestText, required: isNew);
        if (isNew || values.TargetUrl is not null)
        {
            var target = values.TargetUrl?.Trim() ?? "";
            if (LinkTarget.Ascii(target) is not { Length: <= LongestUrl } || !Uri.TryCreate(target, UriKind.Absolute, out var url) || url.Scheme is not ("http" or "https") || url.UserInfo.Length > 0 || !FieldRules.IsStorable(target))
                rules.Add("targetUrl", $"targetUrl must be an address that begins with https:// or http://, at most {LongestUrl} characters when percent-encoded.");
        }
        if (values.Slug is { } slug && !Slug.IsOne(slug.Trim()))
            rules.Add("slug", "slug must be 3 to 64 characters of letters, digits, hyphen and underscore.");
        if (values.WindowDays is < 0 or > CampaignLink.MostWindowDays)
            rules.Add("windowDays", $"windowDays must be 0 to {CampaignLink.MostWindowDays}.");
        if (values is { NoExpiry: true, ExpiresAt: not null })
            rules.Add("noExpiry", "noExpiry takes the expiry off; leave expiresAt away.");
        if (isNew && values.ExpiresAt <= now)
            rules.Add("expiresAt", "expiresAt is in the past.");
        foreach (var (field, text) in new[] { ("channel", values.Channel), ("campaign", values.Campaign) })
            if (text is not null && (text.Length > LongestText || !FieldRules.IsStorable(text)))
                rules.Add(field, $"{field} is longer than {LongestText} characters, or holds control characters.");
        foreach (var (name, text) in values.Utm ?? new Dictionary<string, string>())
            if (!UtmNames.Contains(name))
                rules.Add($"utm.{name}", $"utm knows {string.Join(", ", UtmNames)}.");
            else if (text is null || text.Length > LongestText || !FieldRules.IsStorable(text))
                rules.Add($"utm.{name}", $"Must be a text of at most {LongestText} characters.");
        return [.. rules.Errors];
    }

    private static string? Text(string? text) => text?.Trim() is { Length: > 0 } trimmed ? trimmed : null;

    private static Dictionary<string, string> Trimmed(IReadOnlyDictionary<string, string> utm) =>
        utm.Where(u => u.Value.Trim().Length > 0).ToDictionary(u => u.Key, u => u.Value.Trim());

    private sealed record Row(Guid Id, string Name, string Slug, string TargetUrl, string? Channel, string? Campaign, string? Utm, int WindowDays, DateTimeOffset? ExpiresAt,
        DateTimeOffset CreatedAt, long Clicks, long Conversions, decimal Revenue);

    private async Task<List<LinkDetails>> ReadAsync(ClarityDbContext db, Website website, Guid? id, Guid? cursor, int limit, CancellationToken cancel)
    {
        var lowest = Partitions.LowestId(clock.GetUtcNow() - TimeSpan.FromDays(30));
        var rows = await db.Database.SqlQuery<Row>($"""
            WITH links AS (
                SELECT * FROM campaign_links
                 WHERE workspace_id = {website.WorkspaceId} AND website_id = {website.Id} AND deleted_at IS NULL AND ({id}::uuid IS NULL OR id = {id}) AND ({cursor}::uuid IS NULL OR id < {cursor})
                 ORDER BY id DESC LIMIT {limit})
            SELECT l.id AS "Id", l.name AS "Name", l.slug AS "Slug", l.target_url AS "TargetUrl", l.channel AS "Channel", l.campaign AS "Campaign", l.utm::text AS "Utm",
                   l.window_days AS "WindowDays", l.expires_at AS "ExpiresAt", l.created_at AS "CreatedAt", k.clicks AS "Clicks",
                   coalesce(c.conversions, 0) AS "Conversions", coalesce(c.revenue, 0) AS "Revenue"
              FROM links l
             CROSS JOIN LATERAL (SELECT count(*) AS clicks FROM events e
                                  WHERE e.workspace_id = l.workspace_id AND e.website_id = l.website_id AND e.click_ids ? 'ct_campaign_link_id'
                                    AND e.click_ids -> 'ct_campaign_link_id' ->> 'value' = l.id::text AND e.id >= {lowest}
                                    AND e.name = {LinkRedirect.ClickName} AND e.source = 'link' AND e.bot_reason IS NULL) k
              LEFT JOIN LATERAL (SELECT count(*) AS conversions, sum(value) FILTER (WHERE c.currency = {website.Currency}) AS revenue FROM conversions c
                                  WHERE c.workspace_id = l.workspace_id AND c.website_id = l.website_id AND c.link_id = l.id AND NOT c.is_test) c ON true
             ORDER BY l.id DESC
            """).ToListAsync(cancel);
        var publicUrl = configuration["Clarity:PublicUrl"]?.TrimEnd('/');
        return rows.ConvertAll(r => new LinkDetails(r.Id, r.Name, r.Slug, $"{publicUrl}/r/{r.Slug}", r.TargetUrl, r.Channel, r.Campaign,
            r.Utm is null ? new Dictionary<string, string>() : JsonSerializer.Deserialize<Dictionary<string, string>>(r.Utm)!, r.WindowDays, r.ExpiresAt, r.CreatedAt, r.Clicks, r.Conversions, r.Revenue));
    }
}
