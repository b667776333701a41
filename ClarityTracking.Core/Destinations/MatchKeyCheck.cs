using ClarityTracking.Core.Destinations.GoogleAds;
using ClarityTracking.Core.Destinations.GoogleAnalytics;
using ClarityTracking.Core.Destinations.LinkedIn;
using ClarityTracking.Core.Destinations.Meta;
using ClarityTracking.Core.Destinations.Reddit;
using ClarityTracking.Core.Ingestion.Identify;
using ClarityTracking.Core.Ingestion.Store;

namespace ClarityTracking.Core.Destinations;

/// <summary>How a match key does in one event.</summary>
public enum MatchKeyState
{
    /// <summary>The platform gets it in a form it can use.</summary>
    Present,
    /// <summary>Nobody gave it.</summary>
    Missing,
    /// <summary>It was given, but the platform cannot use it.</summary>
    Invalid,
}

/// <summary>One of a platform's match keys in one event.</summary>
/// <param name="Key">Its plain name (<c>em</c>, <c>fbc</c>, <c>client_ip_address</c>).</param>
/// <param name="State">How it does.</param>
/// <param name="Hint">How to get it, or what is wrong with it; null when it is present. Holds nothing of the value.</param>
public sealed record MatchKeyCheck(string Key, MatchKeyState State, string? Hint)
{
    /// <summary>The visitor's public address, and the browser's user agent.</summary>
    internal const string Address = "client_ip_address", Agent = "client_user_agent";

    /// <summary>What a platform takes as the person told it rather than hashed, so not in privacy mode.</summary>
    internal const string ReadableCity = "ct.readable", ReadableState = "st.readable", ReadableCountry = "country.readable",
        ReadableExternalId = "external_id.readable", ReadableName = "name.readable";

    /// <summary>The customer's id of the person where it is neither an email nor a phone.</summary>
    internal const string ReadableImpersonalId = "external_id.impersonal";

    /// <summary>First and last name, hashed by Google Analytics' rules and taken only together.</summary>
    internal const string NameAnalytics = "name.analytics";

    private const string Name = "name";

    /// <summary>The platform's keys in this event, in the platform's order. To be asked while the event's personal data is open.</summary>
    /// <param name="event">The event.</param>
    /// <param name="destination">The platform.</param>
    /// <param name="defaultCountry">The website's country (alpha-2), which phones without a calling code were completed by; null = none.</param>
    internal static IReadOnlyList<MatchKeyCheck> Of(Event @event, IDestination destination, string? defaultCountry) =>
        [.. destination.MatchKeysFor(@event).Select(name => Of(@event, name, destination.Info.DisplayName, defaultCountry))];

    private static MatchKeyCheck Of(Event @event, string name, string platform, string? defaultCountry)
    {
        var plain = name.Split('.')[0];
        var given = IsGiven(@event, plain);
        if (plain == MatchKeyNames.Phone && given && PhoneRule.AllLackCountry(@event.Person, defaultCountry))
            return new(plain, MatchKeyState.Invalid, "Given without its country, so it may match a stranger or nobody. Send it with + and the calling code, or set the website's country.");
        if (IsUsable(@event, name))
            return new(plain, MatchKeyState.Present, null);
        return given ? new(plain, MatchKeyState.Invalid, WhyInvalid(@event, name, plain, platform)) : new(plain, MatchKeyState.Missing, HowToGet(plain));
    }

    /// <summary>Does the event carry this key in a form the platform can use? The country of phones is not looked at.</summary>
    internal static bool IsUsable(Event @event, string name) => name switch
    {
        Address => @event.PublicIp is not null,
        Agent => !string.IsNullOrEmpty(@event.UserAgent),
        "fbc" => MetaBrowserIds.ClickId(@event) is not null,
        "fbp" => MetaBrowserIds.BrowserId(@event) is not null,
        "gclid" => GoogleAdsPerson.Click(@event) is not null,
        "ga" => AnalyticsBrowser.ClientId(@event) is not null,
        "rdt_uuid" => RedditPayload.BrowserId(@event) is not null,
        "epik" or "li_fat_id" => (@event.ClickId(name) ?? @event.Cookie(name)) is not null,
        "ttclid" or "ScCid" or "rdt_cid" or "msclkid" => @event.ClickId(name) is not null,
        "ttp" or "sc_cookie1" => @event.Cookie(name) is not null,
        ReadableCity => HasLetters(@event.Person.City),
        ReadableState => HasLetters(@event.Person.State),
        ReadableCountry => Countries.Code(@event.Person.Country) is not null,
        ReadableName => LinkedInPayload.HasName(@event.Person),
        ReadableExternalId => @event.Person.ExternalId is [var id, ..] && !string.IsNullOrWhiteSpace(id),
        ReadableImpersonalId => @event.Person.ExternalId is [var id, ..] && !string.IsNullOrWhiteSpace(id) && !PersonalText.LooksPersonal(id),
        NameAnalytics => Has(@event, MatchKeyNames.FirstNameAnalytics) && Has(@event, MatchKeyNames.LastNameAnalytics),
        _ => Has(@event, name),
    };

    private static bool Has(Event @event, string name) => @event.MatchKeys.Sha256(name).Count > 0;

    /// <summary>As TikTok writes places: of anything but letters a to z and digits nothing is left.</summary>
    private static bool HasLetters(string? place) => place?.ToLowerInvariant().Any(char.IsAsciiLetterOrDigit) == true;

    private static bool IsGiven(Event @event, string plain)
    {
        var person = @event.Person;
        return @event.MatchKeys.Has(plain) || (plain switch
        {
            MatchKeyNames.Email => IsAny(person.Email),
            MatchKeyNames.Phone => IsAny(person.Phone),
            MatchKeyNames.ExternalId => IsAny(person.ExternalId),
            MatchKeyNames.FirstName => IsAny(person.FirstName),
            MatchKeyNames.LastName => IsAny(person.LastName),
            MatchKeyNames.City => IsAny(person.City),
            MatchKeyNames.State => IsAny(person.State),
            MatchKeyNames.Zip => IsAny(person.Zip),
            MatchKeyNames.Country => IsAny(person.Country),
            MatchKeyNames.Gender => IsAny(person.Gender),
            MatchKeyNames.DateOfBirth => IsAny(person.DateOfBirth),
            Name => IsAny(person.FirstName, person.LastName) || @event.MatchKeys.Has(MatchKeyNames.FirstName) || @event.MatchKeys.Has(MatchKeyNames.LastName),
            Address => IsAny(@event.Personal?.Ip),
            _ => @event.Cookie(plain) is not null,
        });
    }

    private static bool IsAny(params IReadOnlyList<string?> values) => values.Any(value => !string.IsNullOrWhiteSpace(value));

    private static string WhyInvalid(Event @event, string name, string plain, string platform)
    {
        if (IsReadable(name) && @event.Personal?.User is null)
            return $"Only its hash is kept (privacy mode), and {platform} takes it readable.";
        var hashes = @event.MatchKeys[plain];
        return plain switch
        {
            _ when hashes.Count > 0 && hashes.All(hash => hash.Length != 64) => $"Hashed as MD5 by the sender; {platform} matches SHA-256. Send it readable.",
            MatchKeyNames.Phone when hashes.Count > 0 => $"Hashed by the sender in another form than {platform}'s. Send it readable.",
            MatchKeyNames.Email => "Given, but it is not an email address.",
            MatchKeyNames.Phone => "Given, but it is not a phone number.",
            MatchKeyNames.State when name == MatchKeyNames.StateCode => $"{platform} takes only two-letter codes of states.",
            MatchKeyNames.Zip when name == MatchKeyNames.ZipDigits => $"{platform} takes only postal codes of digits.",
            MatchKeyNames.Country => "Given, but it is no known country. Send the two-letter code.",
            MatchKeyNames.DateOfBirth => "Given, but it is not a date. Send YYYY-MM-DD.",
            MatchKeyNames.Gender => "Given, but it is neither f nor m.",
            MatchKeyNames.ExternalId when name == ReadableImpersonalId => $"It is an email or phone, which {platform} must not get readable. Send your own number of the person.",
            Name => $"{platform} takes first and last name only together.",
            Address => "Given, but it is not a public address. Behind a proxy, let it pass the visitor's address on.",
            "fbc" or "fbp" or "rdt_uuid" => "The cookie is malformed.",
            _ => "Given, but nothing is left of it once it is normalised.",
        };
    }

    internal static bool IsReadable(string name) => name is ReadableCity or ReadableState or ReadableCountry or ReadableName or ReadableExternalId or ReadableImpersonalId;

    private static string HowToGet(string plain) => plain switch
    {
        MatchKeyNames.Email => "Ask for it in a form or at checkout and pass it with identify, or as user.email from your server.",
        MatchKeyNames.Phone => "Ask for it in a form or at checkout and pass it as user.phone, with + and the calling code.",
        MatchKeyNames.ExternalId => "Pass your own id of the person as user.external_id once they are signed in.",
        MatchKeyNames.FirstName or MatchKeyNames.LastName or Name => "Pass the name with the order as user.first_name and user.last_name.",
        MatchKeyNames.City or MatchKeyNames.State or MatchKeyNames.Zip or MatchKeyNames.Country =>
            "Pass the billing address with the order as user.city, user.state, user.zip and user.country.",
        MatchKeyNames.Gender => "Pass it as user.gender where you know it.",
        MatchKeyNames.DateOfBirth => "Pass it as user.date_of_birth where you know it.",
        Address => "Comes by itself from the browser; from a server pass user.ip.",
        Agent => "Comes by itself from the browser; from a server pass user.user_agent.",
        "fbc" or "gclid" or "ttclid" or "ScCid" or "rdt_cid" or "msclkid" or "epik" or "li_fat_id" =>
            "Comes by itself when the visitor arrives by a click on one of the platform's ads; from a server pass the click_ids that the order was made with.",
        "fbp" => "Comes by itself with the snippet; from a server pass it in cookies.",
        _ => "Comes by itself where the platform's own tag runs beside the snippet; from a server pass it in cookies.",
    };
}
