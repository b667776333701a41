using ClarityTracking.Core.Ingestion.Identify;
using ClarityTracking.Core.Ingestion.Store;

namespace ClarityTracking.Core.Destinations.GoogleAds;

/// <summary>By what Google Ads may find the click: both transports follow the same rules.</summary>
static class GoogleAdsPerson
{
    /// <summary>The one click id to send. gclid wins; gbraid and wbraid together are an error.</summary>
    internal static (string Name, string Value)? Click(Event @event)
    {
        foreach (var name in (ReadOnlySpan<string>)["gclid", "gbraid", "wbraid"])
            if (@event.ClickId(name) is { } value)
                return (name, value);
        return null;
    }

    /// <summary>Hashed emails and phones, at most so many; none beside gbraid or wbraid, which stand for people who must not be identified.</summary>
    internal static (List<string> Emails, List<string> Phones) Identifiers(Event @event, int most)
    {
        if (Click(@event) is { Name: not "gclid" })
            return ([], []);
        var emails = @event.MatchKeys.Sha256(MatchKeyNames.EmailGoogle).Take(most).ToList();
        return (emails, [.. @event.MatchKeys.Sha256(MatchKeyNames.PhoneE164).Take(most - emails.Count)]);
    }

    /// <summary>The conversion's own number: Google counts each once per action, and adjustments name it.</summary>
    internal static string Order(Event @event) => string.IsNullOrEmpty(@event.OrderId) ? @event.EventId : @event.OrderId;
}
