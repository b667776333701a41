using ClarityTracking.Core.Ingestion.Identify;
using ClarityTracking.Core.Reports;

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

    private DateTimeOffset? _first, _pageView, _clickId, _identify;
    private string? _clickIdName;

    /// <summary>Newest event taken in; where to go on.</summary>
    public Guid? NewestId { get; private set; }

    public bool Any => _first is not null;

    public bool All => Signs.All(s => s.At is not null);

    public IReadOnlyList<Sign> Signs =>
    [
        new("page_view", "Page view", "The snippet sends one for each page.", _pageView),
        new("click_id", _clickIdName is null ? "Click id" : $"Click id ({_clickIdName})", "Open a page with ?fbclid=test at the end of its address to try it.", _clickId),
        new("identify", "Person identified", "Call ClarityTracking.identify(\"customer@example.com\") when you know who it is.", _identify),
    ];

    /// <summary>Takes events in; newest first, as queries give them.</summary>
    public void Hear(IEnumerable<EventSummary> events)
    {
        foreach (var e in events.OrderBy(e => e.Id))
        {
            NewestId = e.Id;
            _first ??= e.ReceivedAt;
            if (e.Name == "page_view")
                _pageView ??= e.ReceivedAt;
            if (_clickId is null && e.ClickIds.Count > 0)
                (_clickId, _clickIdName) = (e.ReceivedAt, e.ClickIds[0]);
            if (e.Name == "identify" || e.Keys.Any(PersonKeys.Contains))
                _identify ??= e.ReceivedAt;
        }
    }
}
