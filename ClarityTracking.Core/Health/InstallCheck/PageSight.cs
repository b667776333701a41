namespace ClarityTracking.Core.Health.InstallCheck;

/// <summary>A request that a page made, as the browser tells it.</summary>
/// <param name="Url">Whole address.</param>
/// <param name="Status">HTTP status; null when no answer came.</param>
/// <param name="Blocked">Why the browser did not send it (<c>csp</c>, <c>mixed-content</c> ...), or the network's error; null = it was answered.</param>
public sealed record PageRequest(string Url, int? Status, string? Blocked);

/// <summary>What was seen of a page.</summary>
public sealed record PageSight
{
    /// <summary>The name that robots.txt and the server know the check by; intake marks what a page sends under it as a test.</summary>
    public const string Agent = "ClarityTrackingCheck";

    /// <summary>Where it ended, after redirects.</summary>
    public required Uri Url { get; init; }

    /// <summary>Of the page; null when it did not answer.</summary>
    public int? Status { get; init; }

    /// <summary>Why there is nothing to look at, a sentence; null = there is.</summary>
    public string? Trouble { get; init; }

    /// <summary>The document: as it stands after the scripts ran, or as the server sent it.</summary>
    public string Html { get; init; } = "";

    /// <summary>More of it there was than is looked at.</summary>
    public bool IsCut { get; init; }

    /// <summary>Its content security policies, by header; those of meta elements stand in the document.</summary>
    public IReadOnlyList<string> Policies { get; init; } = [];

    /// <summary>A browser ran it; else only the document as sent is known.</summary>
    public bool ByBrowser { get; init; }

    /// <summary>What the page asked for; empty without a browser.</summary>
    public IReadOnlyList<PageRequest> Requests { get; init; } = [];

    /// <summary>Violations of its policy: directive and what it kept out.</summary>
    public IReadOnlyList<(string Directive, string Blocked)> Violations { get; init; } = [];

    /// <summary>Names of the globals of <see cref="KnownTags"/> that exist.</summary>
    public IReadOnlyList<string> Globals { get; init; } = [];
}
