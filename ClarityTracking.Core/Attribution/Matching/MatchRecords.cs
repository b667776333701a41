using ClarityTracking.Core.People;

namespace ClarityTracking.Core.Attribution.Matching;

/// <summary>What a touchpoint is to matching.</summary>
public enum TouchKind
{
    /// <summary>Somebody came to the site.</summary>
    Visit,
    /// <summary>A form filled in on an ad platform.</summary>
    PlatformLead,
    /// <summary>A form on the site.</summary>
    Lead,
    /// <summary>Somebody said who they are.</summary>
    Identify,
    /// <summary>A tap on the phone number.</summary>
    Call,
    /// <summary>Somebody went to the booking or payment page of another system.</summary>
    Outbound,
    /// <summary>Another conversion: it shows whose browser or address it was.</summary>
    Conversion,
}

/// <summary>How a conversion came in; bookings by phone look back to calls, those of other systems' pages to the way there.</summary>
public enum IntakeKind
{
    /// <summary>Not told.</summary>
    Unknown,
    /// <summary>The site's own form.</summary>
    Website,
    /// <summary>A booking or payment page of another system.</summary>
    Elsewhere,
    /// <summary>A call.</summary>
    Phone,
    /// <summary>At the desk.</summary>
    WalkIn,
}

/// <summary>A browser, as far as it is told; every part may be missing.</summary>
public readonly record struct Agent(string? Device, string? Os, string? Browser);

/// <summary>A conversion to match.</summary>
/// <param name="Id">Its id.</param>
/// <param name="At">When it was made.</param>
/// <param name="Intake">How it came in.</param>
/// <param name="Person">Its customer; nothing in privacy mode.</param>
/// <param name="Keys">What it is found by, see <see cref="LinkageKeys"/>.</param>
/// <param name="Agent">The browser it was made in.</param>
/// <param name="Location">The branch.</param>
/// <param name="Service">What was booked.</param>
public sealed record MatchSubject(Guid Id, DateTimeOffset At, IntakeKind Intake, TouchpointPerson Person, IReadOnlyList<long> Keys, Agent Agent, string? Location, string? Service)
{
    /// <summary>The click it was recorded with through the conversions API, which has checked it, whatever its age; null = it names none.</summary>
    public MatchTouch? Recorded { get; init; }
}

/// <summary>A touchpoint that may be the customer's.</summary>
/// <param name="Id">Its id.</param>
/// <param name="At">When.</param>
/// <param name="Kind">What it was.</param>
/// <param name="Profile">Whose: touchpoints of one browser have one.</param>
/// <param name="IsOnPath">It has a channel, be it direct.</param>
/// <param name="EarnsCredit">It came from somewhere: its channel is not direct.</param>
/// <param name="Person">Who it says it was; nothing in privacy mode.</param>
/// <param name="Keys">What it is found by.</param>
/// <param name="Agent">The browser.</param>
/// <param name="Location">The branch it was about.</param>
/// <param name="Service">What it was about.</param>
public sealed record MatchTouch(Guid Id, DateTimeOffset At, TouchKind Kind, string Profile, bool IsOnPath, bool EarnsCredit, TouchpointPerson Person, IReadOnlyList<long> Keys, Agent Agent,
    string? Location, string? Service);

/// <summary>What counting over the whole website says about a conversion's values.</summary>
/// <param name="SurnameShare">Share of conversions whose customer has the same family name, smoothed; 0..1.</param>
/// <param name="SharedKeys">Visitor ids, addresses and numbers that so many different people book with that they identify none: the front desk's.</param>
public sealed record KeyStatistics(double SurnameShare, IReadOnlySet<long> SharedKeys)
{
    /// <summary>Visitor ids that bookings with several addresses or numbers carry. Seen in privacy mode too, where no family name tells a front desk.</summary>
    public IReadOnlySet<long> CrowdedVisitors { get; init; } = new HashSet<long>();
}

/// <summary>A touchpoint held to be the customer's.</summary>
public readonly record struct MatchedTouch(MatchTouch Touch, double Confidence);

/// <summary>One piece of evidence for or against.</summary>
/// <param name="Field">Which comparison, with its level: <c>email=equal</c>.</param>
/// <param name="Value">Log-odds; positive speaks for the match.</param>
public readonly record struct Weight(string Field, double Value);

/// <summary>The answer for one conversion.</summary>
/// <param name="Touch">The touchpoint that gets the credit of the last touch; null = none belongs to the customer.</param>
/// <param name="Confidence">Probability that this answer is right.</param>
/// <param name="Touches">Touchpoints held to be the customer's.</param>
/// <param name="Evidence">What speaks for and against the credited touchpoint's visitor, strongest first.</param>
/// <param name="Levels">All levels of the credited touchpoint's visitor; empty when there is none.</param>
/// <param name="Raw">The confidence before calibration.</param>
public sealed record MatchAnswer(MatchTouch? Touch, double Confidence, IReadOnlyList<MatchedTouch> Touches, IReadOnlyList<Weight> Evidence, IReadOnlySet<string> Levels, double Raw)
{
    /// <summary>The conversion itself names its click; nothing was guessed.</summary>
    public bool IsRecorded { get; init; }
}
