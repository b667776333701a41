namespace ClarityTracking.Core.Alerts;

/// <summary>What to do about one subject of a rule.</summary>
internal enum AlertStep
{
    /// <summary>All stays as it is.</summary>
    Nothing,
    /// <summary>The condition holds, but not long enough: remember since when.</summary>
    Wait,
    /// <summary>It was over before it was raised: forget it.</summary>
    Forget,
    /// <summary>Raise an alert, or open the one again that was resolved a short while ago.</summary>
    Raise,
    /// <summary>A snooze ended and the condition still holds: open again.</summary>
    Wake,
    /// <summary>It is over, but not long enough: remember since when.</summary>
    Clear,
    /// <summary>It holds again: forget that it was over.</summary>
    Relapse,
    /// <summary>It is over: resolve.</summary>
    Resolve,
}

/// <summary>Hysteresis: a condition must hold for a while to be raised and be over for a while to be resolved. Pure; the clock is a parameter.</summary>
internal static class AlertDecision
{
    /// <summary>What to do now.</summary>
    /// <param name="unresolved">State of the unresolved alert, when there is one, with since when the condition is over and until when it sleeps.</param>
    /// <param name="heldSince">Since when the condition has held without an alert.</param>
    /// <param name="holds">Does the condition hold? Null = it cannot be told, which changes nothing.</param>
    /// <param name="now">Now (UTC).</param>
    /// <param name="raiseAfter">How long it must hold.</param>
    /// <param name="resolveAfter">How long it must be over.</param>
    public static AlertStep Next((AlertState State, DateTimeOffset? ClearSince, DateTimeOffset? SnoozedUntil)? unresolved, DateTimeOffset? heldSince, bool? holds,
        DateTimeOffset now, TimeSpan raiseAfter, TimeSpan resolveAfter)
    {
        if (unresolved is not { } alert)
            return holds switch
            {
                true => now - (heldSince ?? now) >= raiseAfter ? AlertStep.Raise : heldSince is null ? AlertStep.Wait : AlertStep.Nothing,
                false => heldSince is null ? AlertStep.Nothing : AlertStep.Forget,
                null => AlertStep.Nothing,
            };
        if (holds is false)
            return now - (alert.ClearSince ?? now) >= resolveAfter ? AlertStep.Resolve : alert.ClearSince is null ? AlertStep.Clear : AlertStep.Nothing;
        if (alert.State == AlertState.Snoozed && alert.SnoozedUntil <= now && (holds is true || alert.ClearSince is null))
            return AlertStep.Wake;
        return holds is true && alert.ClearSince is not null ? AlertStep.Relapse : AlertStep.Nothing;
    }
}
