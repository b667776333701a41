using ClarityTracking.Core.Ingestion.Identify;
using ClarityTracking.Core.Ingestion.Store;
using ClarityTracking.Core.Reports;
using ClarityTracking.Web.Components.Shared;

namespace ClarityTracking.Web.Components.Pages.Install;

/// <summary>Something the install page listens for.</summary>
/// <param name="Key">Stable word.</param>
/// <param name="Words">What it is, with what was heard.</param>
/// <param name="Missing">What to do while it has not been heard.</param>
/// <param name="At">When it was first heard (UTC); null = not yet.</param>
internal sealed record Sign(string Key, string Words, string Missing, DateTimeOffset? At);

/// <summary>What a website has been heard to send.</summary>
internal sealed class FirstSigns
{
    private static readonly string[] PersonKeys = [MatchKeyNames.Email, MatchKeyNames.Phone, MatchKeyNames.ExternalId];

    private EventSummary? _first, _pageView, _clickId, _identify, _consent, _purchase;

    /// <summary>Newest event taken in; where to go on.</summary>
    public Guid? NewestId { get; private set; }

    public bool Any => _first is not null;

    public bool All => Signs.All(s => s.At is not null);

    public IReadOnlyList<Sign> Signs =>
    [
        new("page_view", "Page view", "The snippet sends one for each page.", _pageView?.ReceivedAt),
        new("click_id", With("Click id", _clickId?.ClickIds[0]), "Open a page with ?fbclid=test at the end of its address to try it.", _clickId?.ReceivedAt),
        new("identify", "Person identified", "Call ClarityTracking.identify(\"customer@example.com\") when you know who it is.", _identify?.ReceivedAt),
        new("consent", With("Consent", _consent is null ? null : InWords(_consent.Consent!)),
            "Consent Mode and TCF banners are read by themselves; any other calls ClarityTracking.consent({ads: true, analytics: true}).", _consent?.ReceivedAt),
        new("purchase", With("Purchase", _purchase is null ? null : InWords(_purchase)),
            "Place an order on the site, or run the purchase example above on any page of it.", _purchase?.ReceivedAt),
    ];

    /// <summary>Takes events in; newest first, as queries give them.</summary>
    public void Hear(IEnumerable<EventSummary> events)
    {
        foreach (var e in events.OrderBy(e => e.Id))
        {
            if (NewestId is null || e.Id > NewestId)
                NewestId = e.Id;
            _first ??= e;
            if (e.Name == "page_view")
                _pageView ??= e;
            if (e.ClickIds.Count > 0)
                _clickId ??= e;
            if (e.Name == "identify" || e.Keys.Any(PersonKeys.Contains))
                _identify ??= e;
            if (e.Consent is not null)
                _consent ??= e;
            if (e.Name == "purchase")
                _purchase ??= e;
        }
    }

    private static string With(string what, string? heard) => heard is null ? what : $"{what} ({heard})";

    private static string InWords(EventSummary purchase) =>
        string.Join(", ", new[] { purchase.Value is { } value ? Words.Money(value, purchase.Currency) : null, purchase.OrderId is { } order ? $"order {order}" : "no order id" }.OfType<string>());

    private static string InWords(Consent consent) => consent.Signal switch
    {
        "gpc" => "refused by Global Privacy Control",
        "dnt" => "refused by Do Not Track",
        _ => $"ads {Choice(consent.AdUserData ?? consent.AdStorage)}, analytics {Choice(consent.AnalyticsStorage)}",
    };

    private static string Choice(bool? allowed) => allowed switch { true => "granted", false => "denied", null => "not told" };
}
