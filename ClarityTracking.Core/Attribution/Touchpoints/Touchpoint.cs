using ClarityTracking.Core.People;

namespace ClarityTracking.Core.Attribution.Touchpoints;

/// <summary>What a touchpoint is.</summary>
public enum TouchpointKind
{
    /// <summary>A visit that began, or a new source inside one.</summary>
    Visit,
    /// <summary>A click on a campaign link, with the landing that followed.</summary>
    Click,
    /// <summary>A form on an ad platform's own pages.</summary>
    PlatformLead,
    /// <summary>A form on the website. Earns no credit; tells who it was.</summary>
    Lead,
    /// <summary>Somebody gave contact data. Earns no credit.</summary>
    Identify,
    /// <summary>A tap on the number. Earns no credit.</summary>
    Call,
    /// <summary>Went to the booking or payment page outside. Earns no credit.</summary>
    Outbound,
}

/// <summary>One event that can earn credit, or that ties a visitor to a person: a row of <c>touchpoints</c>.</summary>
public sealed record Touchpoint
{
    /// <summary>The website.</summary>
    public required Guid WorkspaceId { get; init; }

    /// <summary>The website.</summary>
    public required Guid WebsiteId { get; init; }

    /// <summary>The event's.</summary>
    public required Guid Id { get; init; }

    /// <summary>The sender's id of it.</summary>
    public required string EventId { get; init; }

    /// <summary>When it happened (UTC).</summary>
    public required DateTimeOffset OccurredAt { get; init; }

    /// <summary>What it is.</summary>
    public required TouchpointKind Kind { get; init; }

    /// <summary>The browser's id; null = none is known.</summary>
    public string? VisitorId { get; init; }

    /// <summary>The visit, as the sender counts them.</summary>
    public string? SessionId { get; init; }

    /// <summary>The channel; null = it earns no credit.</summary>
    public string? Channel { get; init; }

    /// <summary>Campaign parameters by short name.</summary>
    public required IReadOnlyDictionary<string, string> Utm { get; init; }

    /// <summary>The campaign link.</summary>
    public Guid? LinkId { get; init; }

    /// <summary>All click ids as kind and value, the one that is shown first.</summary>
    public IReadOnlyList<string> ClickIds { get; init; } = [];

    /// <summary>The first of them; null = none.</summary>
    public string? ClickId => ClickIds.Count == 0 ? null : ClickIds[0];

    /// <summary>Path of the page, without its query.</summary>
    public string? Landing { get; init; }

    /// <summary>Host it came from, where that is a source.</summary>
    public string? Referrer { get; init; }

    /// <summary>The branch.</summary>
    public string? Location { get; init; }

    /// <summary>What was looked at or asked for.</summary>
    public string? Service { get; init; }

    /// <summary>The browser.</summary>
    public BrowserWords Browser { get; init; } = BrowserWords.Unknown;

    /// <summary>Made to try things out: kept apart, earns nothing.</summary>
    public bool IsTest { get; init; }

    /// <summary>Who it was, normalised.</summary>
    public TouchpointPerson Person { get; init; } = TouchpointPerson.Nothing;

    /// <summary>The sender counts visits itself, so each of its page views is one.</summary>
    public bool IsToldOutright { get; init; }

    /// <summary>Id of the click on a campaign link that led here; null = none did.</summary>
    public string? TrackingId { get; init; }

    /// <summary>Whose it is: the visitor's id, or its own where no visitor is known.</summary>
    public string Profile => VisitorId ?? Id.ToString();

    /// <summary>Nothing says where it came from.</summary>
    public bool IsDirect => Channel == Touchpoints.Channel.Direct;

    /// <summary>What it can be found by.</summary>
    public Identity Identity => new(VisitorId, ClickIds, Person, Kind is TouchpointKind.Call or TouchpointKind.Outbound ? OccurredAt : null);

    /// <summary>The same source as another touch's: not a new one. The next page of a visit may keep the address's query and has no outside referrer any more.</summary>
    public bool IsSameSource(string? channel, string? clickId, string? campaign, string? referrer) =>
        Channel == channel && ClickId == clickId && Utm.GetValueOrDefault("campaign") == campaign && (Referrer is null || Referrer == referrer);
}
