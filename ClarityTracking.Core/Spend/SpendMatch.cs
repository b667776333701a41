namespace ClarityTracking.Core.Spend;

/// <summary>Something that money was spent on, with what addresses may call it.</summary>
/// <param name="Campaign">Its campaign.</param>
/// <param name="CampaignName">What it was called; a campaign may have had several names.</param>
/// <param name="GroupId">Ad set or group; empty = none.</param>
/// <param name="GroupName">Its name.</param>
/// <param name="AdId">Ad; empty = none.</param>
/// <param name="AdName">Its name.</param>
internal sealed record SpentOn(CampaignKey Campaign, string CampaignName, string GroupId, string GroupName, string AdId, string AdName);

/// <summary>A campaign: by its id, or by its name where a file tells no id.</summary>
/// <param name="Platform">Key of the contract, or a file's source.</param>
/// <param name="AccountId">Ad account; empty where a file tells none.</param>
/// <param name="Id">The platform's id; empty where a file tells none.</param>
/// <param name="Name">Empty where there is an id, since names change.</param>
internal sealed record CampaignKey(string Platform, string AccountId, string Id, string Name)
{
    public static CampaignKey Of(string platform, string accountId, string id, string name) => new(platform, accountId, id, id.Length > 0 ? "" : name);
}

/// <summary>What a conversion says about the click it came from.</summary>
internal sealed record UtmTrace(string? Source, string? Medium, string? Campaign, string? Id, string? Content, string? Term, string? ClickId);

/// <summary>
/// Joins conversions to campaigns: by ids first (utm_id, utm_campaign, utm_content = ad, utm_term = ad group), then by names. The platform is
/// that of utm_source, else of the click id; a campaign of another platform is never taken, nor one of several that fit alike.
/// </summary>
internal sealed class SpendMatch
{
    private readonly Dictionary<(string Kind, string Word), HashSet<CampaignKey>> _known = [];

    public SpendMatch(IEnumerable<SpentOn> spent)
    {
        foreach (var s in spent)
        {
            Know("campaign_id", s.Campaign.Id, s.Campaign);
            Know("campaign", s.CampaignName, s.Campaign);
            Know("group_id", s.GroupId, s.Campaign);
            Know("group", s.GroupName, s.Campaign);
            Know("ad_id", s.AdId, s.Campaign);
            Know("ad", s.AdName, s.Campaign);
        }
    }

    /// <summary>The platform a conversion came from; null = it does not say.</summary>
    public static string? PlatformOf(UtmTrace trace) => SpendSource.PlatformOf(trace.Source) ?? SpendSource.PlatformOfClick(trace.ClickId);

    /// <summary>The campaign; null = none fits, or several do.</summary>
    public CampaignKey? CampaignOf(UtmTrace trace)
    {
        var platform = PlatformOf(trace);
        foreach (var (kind, word) in ((string, string?)[])[("campaign_id", trace.Id), ("campaign_id", trace.Campaign), ("campaign", trace.Campaign),
            ("ad_id", trace.Content), ("group_id", trace.Term), ("ad", trace.Content), ("group", trace.Term)])
        {
            if (Folded(word) is not { } folded || !_known.TryGetValue((kind, folded), out var fitting))
                continue;
            var here = fitting.Where(c => platform is null || c.Platform == platform).Take(2).ToList();
            if (here.Count == 1)
                return here[0];
            if (here.Count > 1 && kind is ("campaign_id" or "campaign"))
                return null; // two campaigns of one name: what follows is less exact still
        }
        return null;
    }

    private void Know(string kind, string word, CampaignKey campaign)
    {
        if (Folded(word) is not { } folded)
            return;
        if (!_known.TryGetValue((kind, folded), out var campaigns))
            _known[(kind, folded)] = campaigns = [];
        campaigns.Add(campaign);
    }

    /// <summary>Addresses write names in lower case, and spaces as plus or underscore.</summary>
    private static string? Folded(string? word) =>
        word?.Trim() is { Length: > 0 } text ? text.ToLowerInvariant().Replace('+', ' ').Replace('_', ' ').Replace("%20", " ", StringComparison.Ordinal) : null;
}
