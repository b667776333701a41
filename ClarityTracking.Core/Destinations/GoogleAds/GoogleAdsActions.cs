using System.Globalization;
using System.Text.Json;
using ClarityTracking.Core.Ingestion.Store;

namespace ClarityTracking.Core.Destinations.GoogleAds;

/// <summary>Which conversion action an event counts for: Google Ads has no event names. Nothing goes anywhere unless the connection says so.</summary>
static class GoogleAdsActions
{
    const string Refund = "refund", Cancellation = "booking_canceled";

    /// <summary>The action's number; null = not sent.</summary>
    internal static string? Find(string name, JsonElement settings) =>
        Named(name, settings, out var action) ? action
        : name == Refund ? Find("purchase", settings)
        : name == Cancellation ? Find("schedule", settings)
        : null;

    static bool Named(string name, JsonElement settings, out string? action)
    {
        if (EventNames.Own(name, settings, out action))
            return true;
        if (ConnectionJson.Pairs(settings, GoogleAdsSettings.Actions) is not { } actions || !actions.TryGetProperty(name, out _))
            return false;
        action = ConnectionJson.Text(actions, name);
        return true;
    }

    /// <summary>Does the event take something back from an earlier conversion?</summary>
    internal static bool IsAdjustment(string name) => name is Refund or Cancellation;

    /// <summary>What is left of the conversion's value: 0 = nothing; null = the event does not say.</summary>
    internal static decimal? ValueLeft(Event @event)
    {
        if (@event.Name == Cancellation)
            return 0;
        if (@event.Property("remaining_value") is { } text)
            return decimal.TryParse(text, NumberStyles.Number, CultureInfo.InvariantCulture, out var left) ? decimal.Max(left, 0) : null;
        // a refund without an amount is of everything; one with an amount may be of a part
        return @event.Value is null ? 0 : null;
    }
}
