using ClarityTracking.Core.Routing;

namespace ClarityTracking.Core.Health.Ledger;

/// <summary>How far a conversion has come on its way to a destination. The word of a member is the <c>state</c> of the API.</summary>
public enum LedgerState
{
    /// <summary>Nothing is owed yet: it is not paid, or waits to be confirmed.</summary>
    NotExpected,
    /// <summary>The platform took it.</summary>
    Delivered,
    /// <summary>Kept back on purpose; the cause is a word of <see cref="SkipReason"/>.</summary>
    Ignored,
    /// <summary>On its way for the first time; the cause is a word of <see cref="WaitsFor"/>.</summary>
    Pending,
    /// <summary>A try failed, another one is coming; the cause is a word of <see cref="Delivery.FailureKind"/>.</summary>
    Retrying,
    /// <summary>Given up; the cause is a word of <see cref="Delivery.FailureKind"/>.</summary>
    Failed,
    /// <summary>It never came to a delivery; the cause is a word of <see cref="MissingCause"/>.</summary>
    Missing,
    /// <summary>Too long ago: what became of it is no longer kept.</summary>
    Unknown,
}

/// <summary>What a pending conversion waits for.</summary>
public enum WaitsFor
{
    /// <summary>Its webhook is being processed, or is tried again.</summary>
    Webhook,
    /// <summary>Intake.</summary>
    Intake,
    /// <summary>The router.</summary>
    Routing,
    /// <summary>Its turn, or a connection that is paused.</summary>
    Sending,
}

/// <summary>Why a conversion never came to a delivery.</summary>
public enum MissingCause
{
    /// <summary>The webhook that tells it could not be processed, so nothing is known of it.</summary>
    WebhookFailed,
    /// <summary>Its state asks for an event and none was made.</summary>
    NoEvent,
    /// <summary>Intake refused its event.</summary>
    RefusedByIntake,
    /// <summary>Its event was stored and deleted since (erasure of a person, by hand).</summary>
    EventGone,
    /// <summary>The connection was made after its event had been routed.</summary>
    ConnectionAddedLater,
    /// <summary>The connection was switched off when its event was routed.</summary>
    ConnectionOff,
}

/// <summary>How a conversion counts for the accuracy.</summary>
public enum LedgerWeight
{
    /// <summary>Not at all: nothing was owed to this destination, or it cannot be told any more.</summary>
    None,
    /// <summary>Arrived.</summary>
    Hit,
    /// <summary>Rightly kept back: expected, and taken off again.</summary>
    Right,
    /// <summary>On its way since less than <see cref="LedgerRule.Patience"/>: not decided yet, so taken off too.</summary>
    Open,
    /// <summary>Did not arrive.</summary>
    Loss,
}

/// <summary>Where a conversion stands at one destination.</summary>
/// <param name="State">How far it came.</param>
/// <param name="Cause">Why; null where there is nothing to say.</param>
/// <param name="Weight">How it counts.</param>
/// <param name="Event">Name of the event that decides it; null when there is none.</param>
/// <param name="EventId">Our id of that event; null when it is not stored.</param>
/// <param name="DeliveryId">The delivery that decides it.</param>
public sealed record LedgerVerdict(LedgerState State, string? Cause, LedgerWeight Weight, string? Event = null, Guid? EventId = null, Guid? DeliveryId = null);
