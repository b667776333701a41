namespace ClarityTracking.Core.Ingestion;

/// <summary>Why an event was refused. Stable: the word of a member is the <c>code</c> that integrators see and count on.</summary>
public enum DropReason
{
    /// <summary>Stored already within 7 days; answered as accepted.</summary>
    Duplicate,
    /// <summary>An element of <c>events</c> is not a JSON object.</summary>
    NotAnObject,
    /// <summary><c>event_type</c> is missing.</summary>
    EventTypeMissing,
    /// <summary><c>event_type</c> is not one of the known types.</summary>
    EventTypeUnknown,
    /// <summary>A custom event without <c>properties.event_name</c>.</summary>
    EventNameMissing,
    /// <summary>A field holds another JSON type than the contract says.</summary>
    WrongType,
    /// <summary>A text is longer than its field allows.</summary>
    TextTooLong,
    /// <summary>A text holds NUL or half of a surrogate pair, which no database can keep.</summary>
    InvalidText,
    /// <summary><c>timestamp</c> is no time.</summary>
    TimestampInvalid,
    /// <summary>Older than this key may send.</summary>
    TimestampTooOld,
    /// <summary>Ahead of our clock by more than a skewed clock explains.</summary>
    TimestampInFuture,
    /// <summary><c>value</c> is no amount we can keep exactly.</summary>
    ValueInvalid,
    /// <summary><c>currency</c> is no ISO 4217 code.</summary>
    CurrencyInvalid,
    /// <summary>Properties are nested too deep, or there are too many of them.</summary>
    PropertiesTooLarge,
    /// <summary>The database would not take this one event; the others of its batch are stored.</summary>
    NotStorable,
}
