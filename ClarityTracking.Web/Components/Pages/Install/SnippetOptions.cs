using System.Globalization;

namespace ClarityTracking.Web.Components.Pages.Install;

/// <summary>Something that can be switched on for the snippet.</summary>
/// <param name="Key">Stable word, as it stands in the address of the page.</param>
/// <param name="Name">On screen.</param>
/// <param name="Meaning">One sentence.</param>
/// <param name="Attribute">What it adds to the tag.</param>
/// <param name="Value">Of the attribute; empty = the attribute alone.</param>
public sealed record SnippetSwitch(string Key, string Name, string Meaning, string Attribute, string Value = "");

/// <summary>Where the page loads the snippet from.</summary>
public enum ScriptAddress
{
    /// <summary>The app's own address.</summary>
    App,
    /// <summary>The app's address and the path of this website, which no filter list names.</summary>
    Alias,
    /// <summary>A domain of the customer that forwards to the app.</summary>
    Own,
}

/// <summary>What the viewer chose, as it stands in the address of the page. Bad input is named by the problems and left out of the snippet.</summary>
public sealed record SnippetOptions
{
    /// <summary>Minutes without an event after which a session ends, when the tag says nothing.</summary>
    public const int DefaultTimeout = 30;

    private const int LongestTimeout = 1440;

    private const string OnName = "on", DomainsName = "domains", TimeoutName = "timeout", AddressName = "from", HostName = "host";

    public const string Privacy = "privacy", Cookieless = "cookieless", Consent = "consent", OnlyIdentify = "only-identify";

    /// <summary>All switches, in the order of the page.</summary>
    public static readonly IReadOnlyList<SnippetSwitch> Switches =
    [
        new(Consent, "Hold until consent", "Nothing is stored or sent before your banner has answered.", "data-consent"),
        new(Privacy, "Privacy mode", "Email and phone are hashed in the browser; nothing readable is sent.", "data-privacy-mode"),
        new(Cookieless, "Cookieless", "Nothing is stored in the browser; visitors count anew each day.", "data-cookieless"),
        new("no-auto-identify", "No automatic identification", "Emails typed into forms are left alone; only your own calls say who it is.", "data-auto-identify", "false"),
        new(OnlyIdentify, "Only identify", "Sends who the visitor is and nothing else, beside another tracker.", "data-only-identify"),
        new("hash", "Pages after the #", "Counts a view when only the part after # changes, for apps that route there.", "data-hash"),
        new("debug", "Debug", "Says in the browser's console how each request was answered.", "data-debug"),
    ];

    /// <summary>Keys of the switches that are on.</summary>
    public IReadOnlySet<string> On { get; init; } = new HashSet<string>();

    /// <summary>Domains among which a visitor is followed, as typed: separated by commas or spaces.</summary>
    public string Domains { get; init; } = "";

    /// <summary>Minutes, as typed; empty = the default.</summary>
    public string Timeout { get; init; } = "";

    public ScriptAddress Address { get; init; }

    /// <summary>The customer's own domain for <see cref="ScriptAddress.Own"/>, as typed.</summary>
    public string Host { get; init; } = "";

    /// <summary>How many differ from the default.</summary>
    public int Count => Switches.Count(s => On.Contains(s.Key)) + (Domains.Length > 0 ? 1 : 0) + (Timeout.Length > 0 ? 1 : 0) + (Address == ScriptAddress.App ? 0 : 1);

    public bool Has(string key) => On.Contains(key);

    /// <summary>With one switch turned.</summary>
    public SnippetOptions With(string key, bool on) => this with { On = Switches.Select(s => s.Key).Where(k => k == key ? on : On.Contains(k)).ToHashSet() };

    /// <summary>Reads them from the query of an address; what is unknown there is the default.</summary>
    public static SnippetOptions FromQuery(Func<string, string?> value) => new()
    {
        On = (value(OnName) ?? "").Split(',').Where(k => Switches.Any(s => s.Key == k)).ToHashSet(),
        Domains = value(DomainsName) ?? "",
        Timeout = value(TimeoutName) ?? "",
        Address = Enum.GetValues<ScriptAddress>().FirstOrDefault(a => WordOf(a) == value(AddressName)),
        Host = value(HostName) ?? "",
    };

    /// <summary>All parameters of the query; null = leave it out.</summary>
    public IEnumerable<(string Name, string? Value)> ToQuery() =>
    [
        (OnName, On.Count > 0 ? string.Join(',', Switches.Select(s => s.Key).Where(On.Contains)) : null),
        (DomainsName, Domains.Length > 0 ? Domains : null),
        (TimeoutName, Timeout.Length > 0 ? Timeout : null),
        (AddressName, Address == ScriptAddress.App ? null : WordOf(Address)),
        (HostName, Address == ScriptAddress.Own && Host.Length > 0 ? Host : null),
    ];

    /// <summary>What is wrong with the domains; null = nothing.</summary>
    public string? DomainsProblem => Words(Domains).FirstOrDefault(d => DomainOf(d) is null) is { } wrong ? $"\"{wrong}\" is no domain. Write it as shop.example.com." : null;

    /// <summary>What is wrong with the minutes; null = nothing.</summary>
    public string? TimeoutProblem => Timeout.Length > 0 && Minutes is null ? $"Write whole minutes from 1 to {LongestTimeout}." : null;

    /// <summary>What is wrong with the own domain; null = nothing.</summary>
    public string? HostProblem => Address == ScriptAddress.Own && OwnOrigin is null ? "Write the domain that forwards to the app, as shop.example.com." : null;

    /// <summary>Scheme and host of the customer's own domain, with a trailing slash; null when it is none.</summary>
    public string? OwnOrigin
    {
        get
        {
            var text = Host.Trim();
            return Uri.TryCreate(text.Contains("://", StringComparison.Ordinal) ? text : "https://" + text, UriKind.Absolute, out var url)
                && (url.Scheme == Uri.UriSchemeHttps || url.Scheme == Uri.UriSchemeHttp) && url.UserInfo.Length == 0 && IsDomain(url.IdnHost)
                ? $"{url.Scheme}://{url.IdnHost}{(url.IsDefaultPort ? "" : ":" + url.Port.ToString(CultureInfo.InvariantCulture))}/"
                : null;
        }
    }

    /// <summary>The attributes of the tag, after the key.</summary>
    public IEnumerable<(string Name, string Value)> Attributes()
    {
        foreach (var option in Switches.Where(s => On.Contains(s.Key)))
            yield return (option.Attribute, option.Value);
        var domains = Words(Domains).Select(DomainOf).OfType<string>().Distinct().ToList();
        if (domains.Count > 0)
            yield return ("data-cross-domain", string.Join(',', domains));
        if (Minutes is { } minutes && minutes != DefaultTimeout)
            yield return ("data-session-timeout", minutes.ToString(CultureInfo.InvariantCulture));
    }

    private static string WordOf(ScriptAddress address) => address.ToString().ToLowerInvariant();

    private int? Minutes => int.TryParse(Timeout.Trim(), NumberStyles.None, CultureInfo.InvariantCulture, out var minutes) && minutes is >= 1 and <= LongestTimeout ? minutes : null;

    private static string[] Words(string text) => text.Split([',', ';', ' ', '\n', '\t'], StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);

    /// <summary>The host of an address or domain, in ASCII; null when it is none.</summary>
    private static string? DomainOf(string text) =>
        Uri.TryCreate(text.Contains("://", StringComparison.Ordinal) ? text : "https://" + text, UriKind.Absolute, out var url) && IsDomain(url.IdnHost) ? url.IdnHost : null;

    private static bool IsDomain(string host) =>
        host == "localhost" || (Uri.CheckHostName(host) == UriHostNameType.Dns && host.Contains('.', StringComparison.Ordinal)
            && host.All(c => char.IsAsciiLetterOrDigit(c) || c is '.' or '-') && !host.EndsWith('.'));
}
