namespace ClarityTracking.Core.Routing;

/// <summary>Why an event was not sent to a connection on purpose. The same words stand in the API, the trace and the tables.</summary>
public enum SkipReason
{
    /// <summary>The visitor refused ads data, or their browser says GPC/DNT.</summary>
    Consent,
    /// <summary>It looks like a bot.</summary>
    Bot,
    /// <summary>A test event, and the connection has no test mode switched on.</summary>
    Test,
    /// <summary>The platform has no event for it, or the connection's mapping says not to send it.</summary>
    Unmapped,
    /// <summary>Too few match keys: the platform would refuse it.</summary>
    MissingKeys,
    /// <summary>Older than the platform takes.</summary>
    TooOld,
    /// <summary>A filter rule excludes it.</summary>
    Filter,
    /// <summary>The platform needs a field that the event does not have (a Purchase without value).</summary>
    MissingField,
    /// <summary>The person was erased before it was sent.</summary>
    Erased,
}

/// <summary>A reason with the detail a person needs to act on it.</summary>
/// <param name="Reason">The kind.</param>
/// <param name="Detail">One short sentence, no personal data.</param>
public sealed record Skip(SkipReason Reason, string Detail);
