using System.Collections.Frozen;
using System.Text.Json;
using ClarityTracking.Core.Inbound;
using ClarityTracking.Core.Ingestion.Enrich;
using ClarityTracking.Core.Ingestion.Identify;
using ClarityTracking.Core.Ingestion.Store;
using ClarityTracking.Core.Links;
using ClarityTracking.Core.People;

namespace ClarityTracking.Core.Attribution.Touchpoints;

/// <summary>What touchpoints need to know of a website.</summary>
/// <param name="Domain">Its domain: coming from there is no source.</param>
/// <param name="DefaultCountry">For numbers without a calling code (alpha-2).</param>
/// <param name="Currency">ISO 4217.</param>
/// <param name="PrivacyMode">Nothing readable is stored.</param>
public sealed record TouchpointWebsite(string Domain, string? DefaultCountry, string Currency, bool PrivacyMode);

/// <summary>
/// What an event is as a touchpoint; a pure function. Whether a page view begins a visit is decided where the visitor's other events are known
/// (<see cref="TouchpointWriter"/>).
/// </summary>
public static class TouchpointReader
{
    private const int LongestWord = 200, LongestPath = 500;

    /// <summary>Events that may be a visit.</summary>
    internal static readonly FrozenSet<string> Views = new[] { "page_view", "session_start" }.ToFrozenSet(StringComparer.Ordinal);

    /// <summary>Events by which somebody says who they are, when they carry contact data.</summary>
    internal static readonly FrozenSet<string> Telling = new[]
    {
        "identify", "auto_identify", "form_submit", "purchase", "schedule", "complete_registration", "subscribe", "contact", "course_enrollment", "newsletter_signup", "initiate_checkout",
    }.ToFrozenSet(StringComparer.Ordinal);

    /// <summary>Names that servers give to a tap on the number and to the way out to a booking page.</summary>
    private static readonly FrozenDictionary<string, TouchpointKind> Steps = new Dictionary<string, TouchpointKind>
    {
        ["call_click"] = TouchpointKind.Call,
        ["widget_open"] = TouchpointKind.Outbound,
    }.ToFrozenDictionary();

    /// <summary>Where appointments are booked and payments made.</summary>
    private static readonly FrozenSet<string> BookingHosts = new[]
    {
        "calendly.com", "cal.com", "acuityscheduling.com", "as.me", "squareup.com", "square.site", "buy.stripe.com", "checkout.stripe.com", "paypal.com", "paypal.me", "booksy.com", "fresha.com",
        "treatwell.com", "vagaro.com", "mindbodyonline.com", "setmore.com", "simplybook.me", "janeapp.com", "glofox.com", "phorest.com", "zenoti.com", "styleseat.com", "gettimely.com", "opentable.com",
        "resy.com", "whop.com", "skool.com", "appointy.com", "schedulicity.com", "boulevard.io", "planity.com", "shore.com", "timify.com", "doctolib.com", "zocdoc.com", "youcanbook.me", "savvycal.com",
        "tidycal.com", "gumroad.com", "thrivecart.com", "samcart.com", "meetings.hubspot.com",
    }.ToFrozenSet(StringComparer.Ordinal);

    /// <summary>All names that may be a touchpoint; the others need not be loaded.</summary>
    internal static readonly string[] Names = [.. Views, .. Telling, .. Steps.Keys, "lead", "click", LinkRedirect.ClickName];

    /// <summary>The touchpoint of an event; null = it is none. Of a page view the caller decides.</summary>
    /// <param name="seen">The event.</param>
    /// <param name="website">Its website.</param>
    public static Touchpoint? Read(Event seen, TouchpointWebsite website)
    {
        // what webhooks and the conversions API tell is the conversion itself: it must not prove its own visit
        if (seen.BotReason is not null || seen.Source == EventSource.Webhook || (seen.Source == EventSource.Link && seen.Name != LinkRedirect.ClickName))
            return null;
        var person = PersonOf(seen, website);
        if (KindOf(seen, person) is not { } kind)
            return null;
        var isServer = seen.Source == EventSource.Server;
        var earns = kind is TouchpointKind.Visit or TouchpointKind.Click or TouchpointKind.PlatformLead;
        var clickIds = ClickIdsOf(seen);
        var referrer = Touchpoints.Channel.ReferrerHost(seen.Referrer, seen.Url, website.Domain);
        var told = isServer || kind == TouchpointKind.Click ? Word(seen.Properties, "channel") : null;
        return new Touchpoint
        {
            WorkspaceId = seen.WorkspaceId,
            WebsiteId = seen.WebsiteId,
            Id = seen.Id,
            EventId = seen.EventId,
            OccurredAt = seen.OccurredAt,
            Kind = kind,
            VisitorId = seen.VisitorId,
            SessionId = seen.SessionId,
            Channel = !earns ? null : Touchpoints.Channel.Of(new Arrival(told, [.. clickIds.Select(c => c.Kind)], seen.Utm.GetValueOrDefault("source"), seen.Utm.GetValueOrDefault("medium"),
                seen.Referrer, seen.Url, website.Domain, IsLink: clickIds.Exists(c => c.Kind == TrackingKind))),
            Utm = seen.Utm,
            LinkId = clickIds.Find(c => c.Kind == LinkKind) is { Value: { } link } && Guid.TryParse(link, out var id) ? id : null,
            ClickIds = [.. clickIds.Where(c => c.Kind != LinkKind).OrderBy(c => c.Kind == TrackingKind ? 0 : 1).Select(c => $"{c.Kind}.{c.Value}")],
            Landing = Path(seen.Url),
            Referrer = earns ? referrer : null,
            Location = Word(seen.Properties, "location") ?? Word(seen.Properties, "location_id"),
            Service = Word(seen.Properties, "service"),
            Browser = BrowserOf(seen, isServer),
            IsTest = seen.IsTest,
            Person = person,
            IsToldOutright = isServer && told is not null,
            TrackingId = clickIds.Find(c => c.Kind == TrackingKind).Value,
        };
    }

    internal const string TrackingKind = "ct_tracking_id";
    private const string LinkKind = "ct_campaign_link_id";

    private static TouchpointKind? KindOf(Event seen, TouchpointPerson person)
    {
        if (Views.Contains(seen.Name))
            return TouchpointKind.Visit;
        if (seen.Name == LinkRedirect.ClickName)
            return seen.Source == EventSource.Link ? TouchpointKind.Click : null;
        if (seen.Name == "lead")
            return seen.Source == EventSource.Server && Word(seen.Properties, "source") == "platform" ? TouchpointKind.PlatformLead : TouchpointKind.Lead;
        if (Steps.TryGetValue(seen.Name, out var step))
            return step;
        if (seen.Name == "click")
            return OfLink(seen.Properties.Text("link_url"));
        return Telling.Contains(seen.Name) && SaysWho(seen, person) ? TouchpointKind.Identify : null;
    }

    private static bool SaysWho(Event seen, TouchpointPerson person) =>
        person.Names.Count + person.Emails.Count + person.Phones.Count + person.EmailHashes.Count > 0 || seen.MatchKeys.Has(MatchKeyNames.ExternalId) || seen.MatchKeys.Has(MatchKeyNames.Phone);

    private static TouchpointKind? OfLink(string? address)
    {
        if (address is null)
            return null;
        if (address.StartsWith("tel:", StringComparison.OrdinalIgnoreCase))
            return TouchpointKind.Call;
        return Touchpoints.Channel.HostOf(address) is { } host && BookingHosts.Any(b => host == b || host.EndsWith($".{b}", StringComparison.Ordinal)) ? TouchpointKind.Outbound : null;
    }

    /// <summary>
    /// Click ids of this arrival. A browser tells all it remembers, up to 90 days old, with every event: those the page's own address does not carry
    /// belong to an older visit.
    /// </summary>
    private static List<(string Kind, string Value)> ClickIdsOf(Event seen) =>
        [.. seen.ClickIds.Where(c => seen.Source != EventSource.Browser || IsInAddress(seen.Url, c.Key)).Select(c => (c.Key, c.Value.Value))];

    private static bool IsInAddress(string? url, string name)
    {
        for (var at = url?.IndexOf(name, StringComparison.OrdinalIgnoreCase) ?? -1; at > 0; at = url.IndexOf(name, at + 1, StringComparison.OrdinalIgnoreCase))
            if (url![at - 1] is '?' or '&' or '#' && at + name.Length < url.Length && url[at + name.Length] == '=')
                return true;
        return false;
    }

    private static TouchpointPerson PersonOf(Event seen, TouchpointWebsite website)
    {
        var (user, ip) = (seen.Personal?.User ?? UserData.Nothing, seen.Personal?.Ip);
        // a link keeps the network alone, which says nothing
        if (seen.Source == EventSource.Link)
            ip = null;
        var isHash = user.Email.ToLookup(e => e.Length == 64 && e.All(char.IsAsciiHexDigit));
        var name = string.Join(' ', new[] { user.FirstName, user.LastName }.Where(n => !string.IsNullOrWhiteSpace(n)));
        // in privacy mode the hashes are all there is
        IEnumerable<string?> hashes = user.Email.Count > 0 ? isHash[true] : seen.MatchKeys.Sha256(MatchKeyNames.Email);
        return TouchpointPerson.Of([name], [.. isHash[false]], user.Phone, ip, hashes, user.Country ?? website.DefaultCountry);
    }

    private static BrowserWords BrowserOf(Event seen, bool isServer)
    {
        var read = BrowserWords.Of(seen.UserAgent);
        return isServer
            ? new BrowserWords(Word(seen.Properties, "device") ?? read.Device, Word(seen.Properties, "os") ?? read.Os, Word(seen.Properties, "browser") ?? read.Browser) : read;
    }

    private static string? Word(JsonElement properties, string name) => properties.Text(name) is { Length: <= LongestWord } word ? word : null;

    private static string? Path(string? url) =>
        url is not null && Uri.TryCreate(url, UriKind.Absolute, out var address) && address.AbsolutePath is { Length: <= LongestPath } path && !PersonalText.LooksPersonal(Uri.UnescapeDataString(path)) ? path : null;
}
