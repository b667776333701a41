namespace ClarityTracking.Core.Delivery;

/// <summary>Why a delivery did not succeed; what happens next follows from it alone.</summary>
public enum FailureKind
{
    /// <summary>Network error, timeout, 408, 5xx, unreadable answer: try again with backoff.</summary>
    Transient,
    /// <summary>The platform asks for fewer calls: try again after its Retry-After or a long backoff.</summary>
    RateLimited,
    /// <summary>Token, permission or account: pause the connection, keep the events.</summary>
    Credential,
    /// <summary>The platform will never take this event as it is: dead letter.</summary>
    Permanent,
    /// <summary>Older than the platform takes: dead letter.</summary>
    TooOld,
}

/// <summary>What one call meant for its events.</summary>
public abstract record DeliveryOutcome
{
    private DeliveryOutcome() { }

    /// <summary>The platform took it.</summary>
    /// <param name="ReceiptId">The platform's own trace id, when it gives one.</param>
    public sealed record Delivered(string? ReceiptId) : DeliveryOutcome;

    /// <summary>The platform refused it for good (<see cref="FailureKind.Permanent"/> or <see cref="FailureKind.TooOld"/>).</summary>
    /// <param name="Kind">Why.</param>
    /// <param name="Reason">In the platform's words, without personal data.</param>
    public sealed record Refused(FailureKind Kind, string Reason) : DeliveryOutcome;

    /// <summary>Not now (<see cref="FailureKind.Transient"/>, <see cref="FailureKind.RateLimited"/> or <see cref="FailureKind.Credential"/>).</summary>
    /// <param name="Kind">Why.</param>
    /// <param name="Reason">In the platform's words, without personal data.</param>
    /// <param name="After">When only this event must wait and not the connection: how long.</param>
    public sealed record TryLater(FailureKind Kind, string Reason, TimeSpan? After = null) : DeliveryOutcome;

    /// <summary>The platform refused the call because of other events in it: sent again at once without those. Only inside <see cref="Mixed"/>.</summary>
    public sealed record NotTaken : DeliveryOutcome
    {
        /// <summary>The one value.</summary>
        public static readonly NotTaken It = new();
    }

    /// <summary>The platform judged each event by itself.</summary>
    /// <param name="Events">One outcome for each event, in the order they were sent; none of them mixed itself.</param>
    public sealed record Mixed(IReadOnlyList<DeliveryOutcome> Events) : DeliveryOutcome;
}
