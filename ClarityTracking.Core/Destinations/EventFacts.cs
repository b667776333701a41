using System.Globalization;
using System.Text.Json;
using ClarityTracking.Core.Ingestion.Identify;
using ClarityTracking.Core.Ingestion.Store;
using ClarityTracking.Core.Routing;

namespace ClarityTracking.Core.Destinations;

/// <summary>What several platforms ask of an event.</summary>
static class EventFacts
{
    extension(Event @event)
    {
        /// <summary>The visitor's address when a platform could use it; null when it is private, unknown, or kept in privacy mode.</summary>
        internal string? PublicIp => ClientIp.IsPublic(@event.Personal?.Ip) ? @event.Personal!.Ip : null;

        /// <summary>The page's address without personal data; null when the event has none.</summary>
        internal string? PageUrl => WithoutPersonalData(@event.Url);

        /// <summary>The address before it, without personal data.</summary>
        internal string? PageReferrer => WithoutPersonalData(@event.Referrer);

        /// <summary>Somebody stood at a browser: the event carries the page and the user agent.</summary>
        internal bool IsFromBrowser => IsWebAddress(@event.Url) && !string.IsNullOrEmpty(@event.UserAgent);

        /// <summary>What the person told, readable; nothing in privacy mode.</summary>
        internal UserData Person => @event.Personal?.User ?? UserData.Nothing;

        /// <summary>The value with its currency; null when one of them is missing, because platforms refuse or misread one alone.</summary>
        internal (decimal Value, string Currency)? Money =>
            @event.Value is { } value && CurrencyCode.Read(@event.Currency) is { } currency ? (value, currency) : null;

        /// <summary>
        /// Platforms shall use the event for measuring only: the visitor refused personalised ads, or ads data altogether and the connection was set
        /// up to send it all the same, see <see cref="ConsentRule"/>.
        /// </summary>
        internal bool DeniesPersonalization => @event.Consent is { AdPersonalization: false } or { AdUserData: false };

        /// <summary>A click id byte for byte, or null.</summary>
        internal string? ClickId(string name) => @event.ClickIds.TryGetValue(name, out var click) && click.Value.Length > 0 ? click.Value : null;

        /// <summary>A cookie byte for byte, or null.</summary>
        internal string? Cookie(string name) => @event.Cookies.TryGetValue(name, out var value) && value.Length > 0 ? value : null;

        /// <summary>The sender says that it happened in a shop or over the counter (its property <c>action_source</c>).</summary>
        internal bool IsInStore => @event.Source is EventSource.Server or EventSource.Webhook && @event.Property("action_source") == "physical_store";

        /// <summary>Is there a hash of this key that platforms match? Not one by MD5, and none of a phone whose country nobody knows.</summary>
        /// <param name="key">A name of <see cref="MatchKeyNames"/>.</param>
        /// <param name="defaultCountry">The website's country (alpha-2); null = none.</param>
        internal bool HasValid(string key, string? defaultCountry) => @event.MatchKeys.Sha256(key).Count > 0
            && (key != MatchKeyNames.Phone || !(@event.PhoneLacksCountry ?? PhoneRule.AllLackCountry(@event.Person, defaultCountry)));

        /// <summary>The address and the user agent together, by which platforms guess a person when nothing better is known.</summary>
        internal bool HasAddressAndAgent => @event.PublicIp is not null && !string.IsNullOrEmpty(@event.UserAgent);

        /// <summary>An own property that is one text (or number) and does not look personal; null otherwise.</summary>
        internal string? Property(string name)
        {
            const int longest = 500;
            if (@event.Properties.ValueKind != JsonValueKind.Object || !@event.Properties.TryGetProperty(name, out var value))
                return null;
            var text = value.ValueKind == JsonValueKind.String ? value.GetString() : value.ValueKind == JsonValueKind.Number ? value.GetRawText() : null;
            return text is { Length: > 0 and <= longest } && !PersonalText.LooksPersonal(text) ? text : null;
        }
    }

    internal static bool IsWebAddress(string? url) =>
        url is not null && (url.StartsWith("https://", StringComparison.OrdinalIgnoreCase) || url.StartsWith("http://", StringComparison.OrdinalIgnoreCase));

    /// <summary>A number as text, for platforms that want amounts so.</summary>
    internal static string Text(decimal number) => number.ToString(CultureInfo.InvariantCulture);

    static string? WithoutPersonalData(string? url) => string.IsNullOrEmpty(url) ? null : PersonalText.WithoutPersonalData(url);

    /// <summary>The reasons that are the same on every platform; null = none of them.</summary>
    /// <param name="event">The event.</param>
    /// <param name="name">What the platform would call it; null = nothing.</param>
    /// <param name="platform">As people write it.</param>
    /// <param name="maxAge">Oldest event it takes.</param>
    /// <param name="hasTestMode">The connection is set up so that test events are seen as such.</param>
    /// <param name="now">Now (UTC).</param>
    internal static Skip? ReasonToSkip(Event @event, string? name, string platform, TimeSpan maxAge, bool hasTestMode, DateTimeOffset now)
    {
        if (name is null)
            return new Skip(SkipReason.Unmapped, $"{platform} gets no event for {@event.Name}; name one in the connection's events to send it.");
        if (@event.IsTest && !hasTestMode)
            return new Skip(SkipReason.Test, "A test event, and the connection has no test mode set up.");
        if (now - @event.OccurredAt > maxAge)
            return new Skip(SkipReason.TooOld, maxAge.TotalDays >= 1
                ? string.Create(CultureInfo.InvariantCulture, $"{platform} takes events of the last {maxAge.TotalDays:0} days.")
                : string.Create(CultureInfo.InvariantCulture, $"{platform} takes events of the last {maxAge.TotalHours:0} hours."));
        return null;
    }
}
