using ClarityTracking.Core.Data;
using ClarityTracking.Core.Spend;
using ClarityTracking.Core.Tenancy;
using Microsoft.EntityFrameworkCore;

namespace ClarityTracking.Core.Attribution.Reports;

/// <summary>
/// Lays ad spend beside the rows of a report: by channel through the platform that a channel's name means, by campaign through ids and names
/// (<see cref="SpendMatch"/>). Nothing is converted. Channels of one platform (Facebook and Instagram) share its spend by their touches of the
/// period; a campaign that is not exactly one row's stands apart with its reason.
/// </summary>
internal sealed class SpendByKey
{
    private static readonly string[] PaidEndings = ["_cpc", "_ppc", "_ads", "_ad", "_paid", " cpc", " ads", " paid"];

    private readonly Dictionary<string, decimal> _byKey = new(StringComparer.Ordinal);

    private SpendByKey(decimal? total, List<UnplacedSpend> unplaced) => (Total, Unplaced) = (total, unplaced);

    /// <summary>Is some platform's spend divided between channels?</summary>
    public bool IsDivided { get; private set; }

    /// <summary>All spend in the website's currency; null = none is known.</summary>
    public decimal? Total { get; }

    /// <summary>What no row stands for.</summary>
    public IReadOnlyList<UnplacedSpend> Unplaced { get; }

    /// <summary>What was spent on a row; null = not known.</summary>
    public decimal? Of(string key) => _byKey.TryGetValue(key, out var spend) ? spend : null;

    private sealed record Row(string Platform, string AccountId, string CampaignId, string CampaignName, string GroupId, string GroupName, string AdId, string AdName, string Currency, decimal Spend);

    public static async Task<SpendByKey> ReadAsync(ClarityDbContext db, AttributionData data, CancellationToken cancel)
    {
        var (website, ask) = (data.Website, data.Ask);
        var zone = Core.Reports.ReportPeriod.Zone(website.TimeZone);
        // days of spend are the ad account's; those that touch the period count
        var (first, last) = (Day(ask.From, zone), Day(ask.To.AddTicks(-1), zone));
        var rows = await db.Database.SqlQuery<Row>($"""
            SELECT platform AS "Platform", account_id AS "AccountId", campaign_id AS "CampaignId", campaign_name AS "CampaignName", group_id AS "GroupId", group_name AS "GroupName",
                   ad_id AS "AdId", ad_name AS "AdName", currency AS "Currency", sum(spend) AS "Spend"
              FROM ad_spend WHERE workspace_id = {website.WorkspaceId} AND website_id = {website.Id} AND day BETWEEN {first} AND {last}
             GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9
            """).ToListAsync(cancel);
        var own = rows.Where(r => r.Currency == website.Currency).ToList();
        var unplaced = rows.Where(r => r.Currency != website.Currency).GroupBy(r => (r.Platform, r.Currency))
            .Select(g => new UnplacedSpend(g.Key.Platform, g.Key.Currency, g.Sum(r => r.Spend), "other_currency")).ToList();
        var spend = new SpendByKey(own.Count == 0 ? null : own.Sum(r => r.Spend), unplaced);
        switch (ask.By)
        {
            case AttributionBy.Channel:
                var keys = data.Journeys.Keys.ToLookup(PlatformOf);
                var touches = own.Any(r => keys[r.Platform].Skip(1).Any()) ? await TouchesAsync(db, data, cancel) : [];
                spend.Place(own, keys, row => row.Platform, unplaced, touches);
                break;
            case AttributionBy.Campaign:
                var match = new SpendMatch(own.Select(r => new SpentOn(Campaign(r), r.CampaignName, r.GroupId, r.GroupName, r.AdId, r.AdName)));
                spend.Place(own, data.Journeys.Keys.ToLookup(key => match.CampaignOf(Trace(key, data.Campaigns.GetValueOrDefault(key)))), Campaign, unplaced, null);
                break;
        }
        return spend;
    }

    private void Place<TPlace>(List<Row> rows, ILookup<TPlace?, string> keys, Func<Row, TPlace> placeOf, List<UnplacedSpend> unplaced, Dictionary<string, long>? touches) where TPlace : class
    {
        foreach (var place in rows.GroupBy(placeOf))
        {
            var (spent, mine) = (place.Sum(r => r.Spend), keys[place.Key].ToList());
            var weights = mine.ConvertAll(key => touches?.GetValueOrDefault(key) ?? 0);
            if (mine.Count == 1)
                _byKey[mine[0]] = _byKey.GetValueOrDefault(mine[0]) + spent;
            else if (weights.Sum() is > 0 and var all)
            {
                IsDivided = true;
                for (var i = 0; i < mine.Count; i++)
                    if (weights[i] > 0)
                        _byKey[mine[i]] = _byKey.GetValueOrDefault(mine[i]) + spent * weights[i] / all;
            }
            else
                Add(unplaced, new UnplacedSpend(place.First().Platform, place.First().Currency, spent, mine.Count == 0 ? "no_touches" : "several_rows"));
        }
    }

    private sealed record Count(string Channel, long Touches);

    private static async Task<Dictionary<string, long>> TouchesAsync(ClarityDbContext db, AttributionData data, CancellationToken cancel) =>
        (await db.Database.SqlQuery<Count>($"""
            SELECT channel AS "Channel", count(*) AS "Touches" FROM touchpoints
             WHERE workspace_id = {data.Website.WorkspaceId} AND website_id = {data.Website.Id} AND occurred_at >= {data.Ask.From} AND occurred_at < {data.Ask.To}
               AND channel IS NOT NULL AND NOT is_test GROUP BY channel
            """).ToListAsync(cancel)).ToDictionary(c => c.Channel, c => c.Touches);

    private static void Add(List<UnplacedSpend> unplaced, UnplacedSpend more)
    {
        var place = unplaced.FindIndex(u => u.Platform == more.Platform && u.Reason == more.Reason && u.Currency == more.Currency);
        if (place < 0)
            unplaced.Add(more);
        else
            unplaced[place] = unplaced[place] with { Spend = unplaced[place].Spend + more.Spend };
    }

    /// <summary>The platform that is paid for a channel; null = it costs nothing there.</summary>
    private static string? PlatformOf(string channel)
    {
        if (channel.Contains("organic", StringComparison.OrdinalIgnoreCase))
            return null;
        var ending = PaidEndings.FirstOrDefault(e => channel.EndsWith(e, StringComparison.OrdinalIgnoreCase));
        return SpendSource.PlatformOf(ending is null ? channel : channel[..^ending.Length]);
    }

    private static CampaignKey Campaign(Row row) => CampaignKey.Of(row.Platform, row.AccountId, row.CampaignId, row.CampaignName);

    private static UtmTrace Trace(string campaign, CampaignFact? fact) => new(fact?.Source, fact?.Medium, campaign, null, null, null, null);

    private static DateOnly Day(DateTimeOffset at, TimeZoneInfo zone) => DateOnly.FromDateTime(TimeZoneInfo.ConvertTime(at, zone).DateTime);
}
