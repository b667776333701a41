using ClarityTracking.Core.Data;
using ClarityTracking.Core.Destinations;
using ClarityTracking.Core.Tenancy;
using Microsoft.EntityFrameworkCore;

namespace ClarityTracking.Core.Spend;

/// <summary>Spend of a day, a platform or a campaign, in one currency.</summary>
/// <param name="Key">The day, the platform, or the campaign's id (its name where it has none).</param>
/// <param name="Day">By day only.</param>
/// <param name="Platform">By platform and campaign.</param>
/// <param name="AccountId">By campaign only.</param>
/// <param name="CampaignId">By campaign only; empty where a file tells none.</param>
/// <param name="CampaignName">By campaign only, as it was called last.</param>
/// <param name="Currency">As told; nothing is converted.</param>
/// <param name="Impressions">Times shown.</param>
/// <param name="Clicks">As the platform counts them.</param>
/// <param name="Spend">In <paramref name="Currency"/>.</param>
/// <param name="Cpc">Spend for a click; null without clicks.</param>
/// <param name="Conversions">Conversions whose own campaign parameters or click id name it.</param>
/// <param name="Revenue">Their value less refunds, in the same currency.</param>
/// <param name="Roas">Revenue by spend; null without spend.</param>
public sealed record SpendReportRow(string Key, DateOnly? Day, string? Platform, string? AccountId, string? CampaignId, string? CampaignName, string Currency,
    long Impressions, long Clicks, decimal Spend, decimal? Cpc, long Conversions, decimal Revenue, decimal? Roas);

/// <summary>Conversions no row stands for.</summary>
/// <param name="Reason"><c>no_campaign</c> (names neither campaign nor platform that money was spent on), <c>campaign_unknown</c> (the platform only), <c>other_currency</c>.</param>
/// <param name="Currency">Of the revenue.</param>
/// <param name="Conversions">How many.</param>
/// <param name="Revenue">Their value.</param>
public sealed record SpendUnmatched(string Reason, string Currency, long Conversions, decimal Revenue);

/// <summary>What was spent and what it brought.</summary>
/// <param name="From">First day.</param>
/// <param name="To">Last day.</param>
/// <param name="By"><c>day</c>, <c>platform</c> or <c>campaign</c>.</param>
/// <param name="Items">Most spent first; days in order.</param>
/// <param name="Totals">By currency.</param>
/// <param name="Unmatched">Conversions of the days that no item stands for.</param>
/// <param name="Note">How the two were joined.</param>
/// <param name="NextCursor">Always null: the report comes whole.</param>
public sealed record SpendReport(DateOnly From, DateOnly To, string By, IReadOnlyList<SpendReportRow> Items, IReadOnlyList<SpendReportRow> Totals, IReadOnlyList<SpendUnmatched> Unmatched, string Note,
    Guid? NextCursor = null);

/// <summary>Reports of spend against what conversions brought.</summary>
public sealed class SpendQueries(ClarityDb database, TimeProvider clock)
{
    /// <summary>Most days of a report.</summary>
    public const int MostDays = 395;

    private const int DaysBeforeConversion = 30;

    private const string Note = "A conversion counts for the campaign that its own campaign parameters or click id name, else those of the visitor's last visit of the 30 days before that had any (last touch). "
        + "Days of spend are the ad account's, days of conversions the website's. Currencies are not converted; an appointment counts when it is confirmed.";

    private static readonly string[] Bys = ["day", "platform", "campaign"];

    private sealed record Spent(DateOnly Day, string Platform, string AccountId, string CampaignId, string CampaignName, string Currency, long Impressions, long Clicks, decimal Spend);

    private sealed record Brought(DateOnly Day, string Currency, string? Source, string? Medium, string? Campaign, string? UtmId, string? Content, string? Term, string? ClickId, long Conversions, decimal Revenue)
    {
        public UtmTrace Trace => new(Source, Medium, Campaign, UtmId, Content, Term, ClickId);
    }

    private sealed record Named(string Platform, string AccountId, string CampaignId, string CampaignName, string GroupId, string GroupName, string AdId, string AdName);

    /// <summary>Spend of some days; the last 30 days to today (by the website's zone) when none are named.</summary>
    public async Task<Result<SpendReport>> ReportAsync(Caller caller, Guid websiteId, DateOnly? from, DateOnly? to, string? by, CancellationToken cancel)
    {
        await using var db = database.For(caller);
        var website = await db.WebsiteAsync(caller, websiteId, Role.Viewer, cancel);
        if (!website.IsOk)
            return website.Error;
        var zone = TimeZoneInfo.TryFindSystemTimeZoneById(website.Value.TimeZone, out var known) ? known : TimeZoneInfo.Utc;
        var last = to ?? DateOnly.FromDateTime(TimeZoneInfo.ConvertTime(clock.GetUtcNow(), zone).DateTime);
        var first = from ?? last.AddDays(-29);
        by ??= "campaign";
        if (first > last || last.DayNumber - first.DayNumber >= MostDays || first.Year < 2000 || last.Year > 9000)
            return Error.Invalid(new FieldError("from", $"from must be before to, at most {MostDays} days."));
        if (!Bys.Contains(by))
            return Error.Invalid(new FieldError("by", "by must be day, platform or campaign."));
        var spent = await SpentAsync(db, website.Value, first, last, cancel);
        var match = new SpendMatch((await NamedAsync(db, website.Value, first.AddDays(-DaysBeforeConversion), last, cancel))
            .Select(n => new SpentOn(CampaignKey.Of(n.Platform, n.AccountId, n.CampaignId, n.CampaignName), n.CampaignName, n.GroupId, n.GroupName, n.AdId, n.AdName)));
        return Report(first, last, by, spent, await BroughtAsync(db, website.Value, first, last, cancel), match);
    }

    private static SpendReport Report(DateOnly from, DateOnly to, string by, List<Spent> spent, List<Brought> brought, SpendMatch match)
    {
        // what spend of a conversion's platform or campaign there is at all, with its currencies
        var rows = new Dictionary<(object Key, string Currency), Sum>();
        foreach (var s in spent)
        {
            object key = by switch { "day" => s.Day, "platform" => s.Platform, _ => CampaignKey.Of(s.Platform, s.AccountId, s.CampaignId, s.CampaignName) };
            if (!rows.TryGetValue((key, s.Currency), out var sum))
                rows[(key, s.Currency)] = sum = new Sum();
            sum.Add(s);
        }
        var platforms = spent.Select(s => s.Platform).ToHashSet(StringComparer.Ordinal);
        var currencies = spent.Select(s => (s.Platform, s.Currency)).ToHashSet();
        var unmatched = new Dictionary<(string Reason, string Currency), (long Conversions, decimal Revenue)>();
        foreach (var b in brought)
        {
            var campaign = match.CampaignOf(b.Trace);
            var platform = campaign?.Platform ?? SpendMatch.PlatformOf(b.Trace);
            object? key = by switch { "day" => b.Day, "platform" => platform, _ => campaign };
            var isKnown = platform is not null && (campaign is not null || platforms.Contains(platform));
            var reason = !isKnown ? "no_campaign"
                : key is null ? "campaign_unknown"
                : !rows.ContainsKey((key, b.Currency)) && (by == "campaign" ? rows.Keys.Any(k => k.Key.Equals(key)) : !currencies.Contains((platform!, b.Currency))) ? "other_currency"
                : null;
            if (reason is null)
            {
                if (!rows.TryGetValue((key!, b.Currency), out var sum))
                    rows[(key!, b.Currency)] = sum = new Sum(); // it brought something after the last money was spent
                sum.Conversions += b.Conversions;
                sum.Revenue += b.Revenue;
                sum.Name = sum.Name.Length > 0 ? sum.Name : b.Campaign ?? "";
            }
            else
            {
                var (conversions, revenue) = unmatched.GetValueOrDefault((reason, b.Currency));
                unmatched[(reason, b.Currency)] = (conversions + b.Conversions, revenue + b.Revenue);
            }
        }
        var items = rows.Select(r => r.Value.Row(r.Key.Key, r.Key.Currency));
        items = by == "day" ? items.OrderBy(r => r.Day).ThenBy(r => r.Currency, StringComparer.Ordinal) : items.OrderByDescending(r => r.Spend).ThenByDescending(r => r.Revenue).ThenBy(r => r.Key, StringComparer.Ordinal);
        var totals = rows.GroupBy(r => r.Key.Currency).Select(g => g.Aggregate(new Sum(), (all, r) => all.Add(r.Value)).Row("total", g.Key)).OrderByDescending(r => r.Spend);
        return new SpendReport(from, to, by, [.. items], [.. totals],
            [.. unmatched.OrderByDescending(u => u.Value.Conversions).Select(u => new SpendUnmatched(u.Key.Reason, u.Key.Currency, u.Value.Conversions, u.Value.Revenue))], Note);
    }

    private sealed class Sum
    {
        private long _impressions, _clicks;
        private decimal _spend;

        public string Name { get; set; } = "";

        public long Conversions { get; set; }

        public decimal Revenue { get; set; }

        public void Add(Spent s)
        {
            (_impressions, _clicks, _spend) = (_impressions + s.Impressions, _clicks + s.Clicks, _spend + s.Spend);
            Name = s.CampaignName; // rows come in order of days: the last name is the newest
        }

        public Sum Add(Sum other)
        {
            (_impressions, _clicks, _spend) = (_impressions + other._impressions, _clicks + other._clicks, _spend + other._spend);
            (Conversions, Revenue) = (Conversions + other.Conversions, Revenue + other.Revenue);
            return this;
        }

        public SpendReportRow Row(object key, string currency)
        {
            var campaign = key as CampaignKey;
            var (text, day, platform) = key switch
            {
                DateOnly date => (SpendJson.Iso(date), date, null),
                CampaignKey c => (c.Id.Length > 0 ? c.Id : c.Name, (DateOnly?)null, c.Platform),
                _ => ((string)key, (DateOnly?)null, (string)key == "total" ? null : (string?)key),
            };
            return new SpendReportRow(text, day, platform, campaign?.AccountId, campaign?.Id, campaign is null ? null : Name, currency, _impressions, _clicks, _spend,
                _clicks > 0 ? Math.Round(_spend / _clicks, 4) : null, Conversions, Revenue, _spend > 0 ? Math.Round(Revenue / _spend, 4) : null);
        }
    }

    private static Task<List<Spent>> SpentAsync(ClarityDbContext db, Website website, DateOnly from, DateOnly to, CancellationToken cancel) => db.Database.SqlQuery<Spent>($"""
        SELECT day AS "Day", platform AS "Platform", account_id AS "AccountId", campaign_id AS "CampaignId", max(campaign_name) AS "CampaignName", currency AS "Currency",
               sum(impressions)::bigint AS "Impressions", sum(clicks)::bigint AS "Clicks", sum(spend) AS "Spend"
          FROM ad_spend WHERE workspace_id = {website.WorkspaceId} AND website_id = {website.Id} AND day BETWEEN {from} AND {to}
         GROUP BY day, platform, account_id, campaign_id, CASE WHEN campaign_id = '' THEN campaign_name END, currency ORDER BY day
        """).ToListAsync(cancel);

    private static Task<List<Named>> NamedAsync(ClarityDbContext db, Website website, DateOnly from, DateOnly to, CancellationToken cancel) => db.Database.SqlQuery<Named>($"""
        SELECT DISTINCT platform AS "Platform", account_id AS "AccountId", campaign_id AS "CampaignId", campaign_name AS "CampaignName", group_id AS "GroupId", group_name AS "GroupName",
               ad_id AS "AdId", ad_name AS "AdName"
          FROM ad_spend WHERE workspace_id = {website.WorkspaceId} AND website_id = {website.Id} AND day BETWEEN {from} AND {to}
        """).ToListAsync(cancel);

    /// <summary>
    /// Conversions of some days by what they say about their click. What pages tell is among them until a source tells the same order
    /// (<see cref="Conversions.TrackedConversions"/>).
    /// </summary>
    private static Task<List<Brought>> BroughtAsync(ClarityDbContext db, Website website, DateOnly from, DateOnly to, CancellationToken cancel)
    {
        // a day on either side, since the days are the website's
        var (earliest, latest) = (new DateTimeOffset(from.AddDays(-1).ToDateTime(TimeOnly.MinValue), TimeSpan.Zero), new DateTimeOffset(to.AddDays(2).ToDateTime(TimeOnly.MinValue), TimeSpan.Zero));
        var visits = Partitions.LowestId(earliest.AddDays(-DaysBeforeConversion));
        return db.Database.SqlQuery<Brought>($"""
            WITH told AS (
                SELECT c.occurred_at, coalesce(c.currency, {website.Currency}) AS currency, greatest(coalesce(c.value, 0) - c.refunded, 0) AS revenue, c.visitor_id,
                       coalesce(c.attribution ->> 'utm_source', l.utm ->> 'source', l.channel) AS source, coalesce(c.attribution ->> 'utm_medium', l.utm ->> 'medium') AS medium,
                       coalesce(c.attribution ->> 'utm_campaign', l.utm ->> 'campaign', l.campaign) AS campaign, coalesce(c.attribution ->> 'utm_id', l.utm ->> 'id') AS utm_id,
                       coalesce(c.attribution ->> 'utm_content', l.utm ->> 'content') AS content, coalesce(c.attribution ->> 'utm_term', l.utm ->> 'term') AS term,
                       (SELECT min(k) FROM unnest({SpendSource.ClickNames}) k WHERE c.attribution ? k) AS click_id
                  FROM conversions c LEFT JOIN campaign_links l ON l.workspace_id = c.workspace_id AND l.id = c.link_id
                 WHERE c.workspace_id = {website.WorkspaceId} AND c.website_id = {website.Id} AND NOT c.is_test AND c.status IN ('confirmed', 'paid', 'completed')
                   AND c.occurred_at >= {earliest} AND c.occurred_at < {latest}),
            traced AS (
                SELECT t.*, v.utm, v.click_id AS visit_click, coalesce(t.source, t.campaign, t.utm_id, t.click_id) IS NULL AS is_bare
                  FROM told t LEFT JOIN LATERAL (
                    SELECT e.utm, (SELECT min(k) FROM unnest({SpendSource.ClickNames}) k WHERE e.click_ids ? k) AS click_id
                      FROM events e
                     WHERE coalesce(t.source, t.campaign, t.utm_id, t.click_id) IS NULL AND t.visitor_id IS NOT NULL AND e.workspace_id = {website.WorkspaceId} AND e.website_id = {website.Id}
                       AND e.visitor_id = t.visitor_id AND e.id >= {visits} AND e.occurred_at <= t.occurred_at AND e.occurred_at >= t.occurred_at - interval '30 days'
                       AND (e.utm IS NOT NULL OR e.click_ids ?| {SpendSource.ClickNames})
                     ORDER BY e.id DESC LIMIT 1) v ON true)
            SELECT * FROM (
                SELECT (occurred_at AT TIME ZONE {website.TimeZone})::date AS "Day", currency AS "Currency",
                       CASE WHEN is_bare THEN utm ->> 'source' ELSE source END AS "Source", CASE WHEN is_bare THEN utm ->> 'medium' ELSE medium END AS "Medium",
                       CASE WHEN is_bare THEN utm ->> 'campaign' ELSE campaign END AS "Campaign", CASE WHEN is_bare THEN utm ->> 'id' ELSE utm_id END AS "UtmId",
                       CASE WHEN is_bare THEN utm ->> 'content' ELSE content END AS "Content", CASE WHEN is_bare THEN utm ->> 'term' ELSE term END AS "Term",
                       CASE WHEN is_bare THEN visit_click ELSE click_id END AS "ClickId", count(*) AS "Conversions", sum(revenue) AS "Revenue"
                  FROM traced GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9) days
             WHERE "Day" BETWEEN {from} AND {to}
            """).ToListAsync(cancel);
    }
}
