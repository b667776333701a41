using ClarityTracking.Core.Ingestion.Store;
using ClarityTracking.Core.Ingestion.Validate;

namespace ClarityTracking.Core.Ingestion;

/// <summary>What all events of one request share.</summary>
public sealed record IngestContext
{
    /// <summary>The website, and what its key allows.</summary>
    public required KeyOwner Owner { get; init; }

    /// <summary>Where the request comes from.</summary>
    public required EventSource Source { get; init; }

    /// <summary>When the request arrived (UTC).</summary>
    public required DateTimeOffset ReceivedAt { get; init; }

    /// <summary>The sender's clock when it sent, if it told; a skewed clock is corrected by it.</summary>
    public DateTimeOffset? SentAt { get; init; }

    /// <summary>The client's address.</summary>
    public string? Ip { get; init; }

    /// <summary>The client's user agent.</summary>
    public string? UserAgent { get; init; }

    /// <summary>What the browser says it fetches for (Sec-Purpose, Purpose): a prefetch is no visit.</summary>
    public string? Purpose { get; init; }

    /// <summary><c>gpc</c> or <c>dnt</c> when the browser asks not to be tracked (Sec-GPC, DNT); else null.</summary>
    public string? PrivacySignal { get; init; }

    /// <summary>How a browser's request came; null for what no browser sent.</summary>
    public ArrivalWay? Way { get; init; }
}

/// <summary>How a request of the snippet came here.</summary>
/// <param name="Served"><c>first_party</c> or <c>cross_site</c> seen from the page, <c>unknown</c> where the browser does not tell; with <c>_alias</c> when it came by the website's own word.</param>
/// <param name="Transport"><c>fetch</c>, <c>beacon</c> (the page was being left) or <c>image</c> (nothing else got through).</param>
public sealed record ArrivalWay(string Served, string Transport);

/// <summary>Why one event was not taken.</summary>
/// <param name="Reason">Its stable code is the word of this member.</param>
/// <param name="Detail">One sentence that says what to change.</param>
public sealed record Drop(DropReason Reason, string Detail);

/// <summary>A refused event's place in its request.</summary>
/// <param name="Index">From 0.</param>
/// <param name="Drop">Why.</param>
public sealed record RejectedEvent(int Index, Drop Drop);

/// <summary>What became of a request's events: <c>Accepted + Rejected.Count</c> is how many were sent.</summary>
/// <param name="Accepted">Stored durably, or stored already.</param>
/// <param name="Duplicates">Of the accepted, how many were stored already within 7 days.</param>
/// <param name="Rejected">Refused ones with their reasons.</param>
public sealed record IngestResult(int Accepted, int Duplicates, IReadOnlyList<RejectedEvent> Rejected);
