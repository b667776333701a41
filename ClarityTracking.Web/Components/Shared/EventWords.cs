using ClarityTracking.Core.Ingestion.Store;

namespace ClarityTracking.Web.Components.Shared;

/// <summary>Names of events, sources and match keys as people read them.</summary>
public static class EventWords
{
    private static readonly Dictionary<string, string> Keys = new(StringComparer.Ordinal)
    {
        ["em"] = "email",
        ["ph"] = "phone",
        ["fn"] = "first name",
        ["ln"] = "last name",
        ["ct"] = "city",
        ["st"] = "state",
        ["zp"] = "postal code",
        ["country"] = "country",
        ["ge"] = "gender",
        ["db"] = "date of birth",
        ["external_id"] = "your own id",
        ["fbc"] = "Meta click (fbc)",
        ["fbp"] = "Meta browser (fbp)",
        ["client_ip_address"] = "IP address and browser",
        ["client_user_agent"] = "browser (user agent)",
        ["name"] = "first and last name",
        ["ttp"] = "TikTok browser (_ttp)",
        ["epik"] = "Pinterest click (epik)",
        ["ScCid"] = "Snapchat click id (ScCid)",
        ["sc_cookie1"] = "Snapchat browser (_scid)",
        ["rdt_cid"] = "Reddit click id (rdt_cid)",
        ["rdt_uuid"] = "Reddit browser (_rdt_uuid)",
        ["li_fat_id"] = "LinkedIn click id (li_fat_id)",
        ["msclkid"] = "Microsoft click id (msclkid)",
        ["ga"] = "Google Analytics client",
        ["client_ipv4_address"] = "IP address (v4) and browser",
        ["fbclid"] = "Meta click id (fbclid)",
        ["gclid"] = "Google click id (gclid)",
        ["google_click"] = "Google click (gclid, gbraid, wbraid)",
        ["st_code"] = "state (two letters)",
        ["zp_digits"] = "postal code (digits)",
        ["name_and_place"] = "name with place or date of birth",
        ["place"] = "city, state, postal code and country",
        ["ttclid"] = "TikTok click id (ttclid)",
    };

    /// <summary>A match key's name; unknown ones are shown as they are.</summary>
    public static string Key(string key) => Keys.GetValueOrDefault(key) ?? key.Replace('_', ' ');

    /// <summary>An event's name.</summary>
    public static string Name(string name) => Words.Sentence(name);

    /// <summary>Where it was seen.</summary>
    public static string Source(EventSource source) => source switch
    {
        EventSource.Browser => "Browser",
        EventSource.Server => "Server",
        EventSource.Webhook => "Webhook",
        EventSource.Link => "Link",
    };

    /// <summary>Path and query of an address, for narrow columns; the whole when it is no address.</summary>
    public static string Path(string? url) =>
        url is null ? "–" : Uri.TryCreate(url, UriKind.Absolute, out var address) ? address.PathAndQuery : url;
}
