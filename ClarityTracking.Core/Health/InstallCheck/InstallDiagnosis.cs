using System.Text;
using System.Text.RegularExpressions;
using ClarityTracking.Core.Ingestion.Validate;

namespace ClarityTracking.Core.Health.InstallCheck;

/// <summary>What the diagnosis knows of the website beside its page.</summary>
/// <param name="WebsiteId">The website.</param>
/// <param name="Domain">Its domain.</param>
/// <param name="Alias">Its own word for script and intake.</param>
/// <param name="Origin">The app from outside as its operator says, without a slash at the end; null = the operator has not said.</param>
/// <param name="KeyOf">Finds the owner of a key; null = it does not work.</param>
internal sealed record DiagnosedWebsite(Guid WebsiteId, string Domain, string Alias, string? Origin, Func<string, Task<KeyOwner?>> KeyOf);

/// <summary>Says what a page's sight means: each cause by its name, with what to do about it.</summary>
internal static class InstallDiagnosis
{
    private const int MostScriptTags = 2000, LongestTag = 4000;

    private static readonly Regex ScriptTag = PagePatterns.Of(@"<script\b[^>]*>", RegexOptions.IgnoreCase), Src = AttributePattern("src"), ApiKey = AttributePattern("data-apikey");

    private static readonly string[] ScriptNames = ["/t.js", "/trackingscript.js", "/trackingLeads.js"];

    private static readonly string[] ScriptDirectives = ["script-src-elem", "script-src"], ConnectDirectives = ["connect-src"];

    private sealed record Snippet(string Tag, Uri? Src, string? Key);

    /// <summary>Whether an address takes events in: intake's own, or the website's word for it, on any host.</summary>
    public static bool IsCollect(string url, string alias) => Uri.TryCreate(url, UriKind.Absolute, out var at) && (at.AbsolutePath is "/api/v1/collect" || at.AbsolutePath == $"/{alias}");

    /// <summary>All lines, the most basic first.</summary>
    /// <param name="sight">What was seen.</param>
    /// <param name="site">Of which website.</param>
    /// <param name="hasArrived">An event that the check caused was stored; null = there was none to look for.</param>
    public static async Task<List<InstallFinding>> OfAsync(PageSight sight, DiagnosedWebsite site, bool? hasArrived)
    {
        List<InstallFinding> findings = [PageOf(sight, site)];
        if (findings[0].Kind == FindingKind.Fail)
            return findings;
        var everything = sight.Html + "\n" + string.Join('\n', sight.Requests.Select(r => r.Url));
        var managers = KnownTags.Managers.Where(t => t.IsIn(sight, everything)).ToList();
        var snippets = SnippetsIn(sight, site);
        findings.Add(SnippetOf(sight, site, snippets, managers));
        if (snippets is [var snippet, ..])
        {
            findings.Add(await KeyOfAsync(snippet, site));
            var script = ScriptOf(sight, snippet);
            findings.Add(script);
            if (script.Kind != FindingKind.Fail)
                findings.AddRange(SendingOf(sight, site, snippet, hasArrived));
        }
        findings.Add(ConsentOf(sight, everything, snippets));
        findings.Add(Listed("pixels", "pixel", KnownTags.Pixels.Where(t => t.IsIn(sight, everything)), everything, "Server events of the same purchase must carry the pixel's event id, so that platforms count once: see Duplicates."));
        findings.Add(Listed("tag_manager", "tag manager", managers, everything, null));
        return findings;
    }

    private static InstallFinding PageOf(PageSight sight, DiagnosedWebsite site) => sight switch
    {
        { Trouble: { } trouble } => new("page", FindingKind.Fail, trouble, "Open the page in a browser of your own; where it stands behind a sign-in or lets in only some countries, the check cannot see it."),
        { Status: >= 400 } => new("page", FindingKind.Fail, $"The page answers HTTP {sight.Status}.", $"Give the address of a page that visitors see. A firewall may refuse the check: its name is {PageSight.Agent}."),
        _ when !sight.Url.Host.Equals(site.Domain, StringComparison.OrdinalIgnoreCase) && !sight.Url.Host.EndsWith("." + site.Domain, StringComparison.OrdinalIgnoreCase) =>
            new("page", FindingKind.Warn, $"The page leads to another domain, {sight.Url.Host}.", "If that is the website now, change its domain in Settings."),
        { IsCut: true } => new("page", FindingKind.Warn, "The page is larger than the check looks at; what stands at its end was not seen."),
        _ => new("page", FindingKind.Pass, "The page answers."),
    };

    private static List<Snippet> SnippetsIn(PageSight sight, DiagnosedWebsite site) =>
        [.. from tag in PagePatterns.In(ScriptTag, WithoutComments(sight.Html), MostScriptTags)
            where tag.Length <= LongestTag
            let src = Attribute(tag.Value, Src) is { } text && Uri.TryCreate(sight.Url, System.Net.WebUtility.HtmlDecode(text), out var at) ? at : null
            let key = Attribute(tag.Value, ApiKey)
            where key is not null || (src is not null && (src.AbsolutePath == $"/{site.Alias}.js"
                || (site.Origin is { } origin && src.AbsoluteUri.StartsWith(origin + "/", StringComparison.OrdinalIgnoreCase) && ScriptNames.Contains(src.AbsolutePath))))
            select new Snippet(tag.Value, src, key)];

    private static InstallFinding SnippetOf(PageSight sight, DiagnosedWebsite site, List<Snippet> snippets, List<KnownTag> managers)
    {
        if (snippets.Count > 1)
            return new("snippet", FindingKind.Warn, $"The snippet stands {snippets.Count} times in the page.", "Take all but one out: by hand, from the theme, from a plugin or the tag manager, whichever came last.");
        if (snippets.Count == 1)
            return new("snippet", FindingKind.Pass, "The snippet is in the page.");
        var code = site.Origin is { } origin ? $"<script async src=\"{origin}/t.js\" data-apikey=\"pk_live_…\"></script>" : null;
        return sight.ByBrowser
            ? new("snippet", FindingKind.Fail, "The snippet is not in the page, also not after its scripts ran.", managers.Count > 0
                ? $"Paste it right after <head>; or publish the container of {managers[0].Name} that has it." : "Paste the snippet of step 2 right after <head>, publish, and empty the caches.", code)
            : managers.Count > 0
            ? new("snippet", FindingKind.Warn, $"The snippet is not in the document as it is sent; {managers[0].Name} may add it, which only a browser would see.", "Look for it in the Network tab of your browser.", code)
            : new("snippet", FindingKind.Fail, "The snippet is not in the document as it is sent.", "Paste the snippet of step 2 right after <head>, publish, and empty the caches.", code);
    }

    private static async Task<InstallFinding> KeyOfAsync(Snippet snippet, DiagnosedWebsite site)
    {
        const string Copy = "Copy the snippet of step 2 again, with its key.";
        if (snippet.Key is not { Length: > 0 } key)
            return new("key", FindingKind.Fail, "The snippet carries no key (data-apikey).", Copy);
        return await site.KeyOf(key) switch
        {
            null => new("key", FindingKind.Fail, $"The key {Short(key)} does not work: it is unknown or was revoked.", Copy),
            { } owner when owner.WebsiteId != site.WebsiteId => new("key", FindingKind.Fail, $"The key {Short(key)} is another website's: what the page sends counts there.", Copy),
            { Kind: Tenancy.ApiKeyKind.Secret } => new("key", FindingKind.Fail, $"The key {Short(key)} is a secret key: it must not stand in a page.", "Revoke it in Settings at once, and put the publishable key of step 2 in its place."),
            { IsTest: true } => new("key", FindingKind.Warn, $"The key {Short(key)} is a test key: everything the page sends is marked as a test and counts nowhere.", "Use the live key of step 2 before visitors come."),
            _ => new("key", FindingKind.Pass, "The key is this website's."),
        };
    }

    private static InstallFinding ScriptOf(PageSight sight, Snippet snippet)
    {
        if (snippet.Src is not { } src)
            return new("script", FindingKind.Fail, "The snippet's tag has no address to load the script from.", "Copy the snippet of step 2 again.");
        if (src.Scheme == Uri.UriSchemeHttp && sight.Url.Scheme == Uri.UriSchemeHttps)
            return new("script", FindingKind.Fail, "The page is on https and the script on http: browsers do not load that.", "Reach the app by https, and let the operator set Clarity__PublicUrl to that address.");
        var asked = sight.Requests.FirstOrDefault(r => r.Url == src.AbsoluteUri);
        if (sight.ByBrowser && asked?.Status is { } status)
            return status < 400 ? new("script", FindingKind.Pass, "The script loads.") : new("script", FindingKind.Fail, $"{src.AbsoluteUri} answers HTTP {status}.", "Copy the snippet of step 2 again: its address has changed, or a proxy stands before it.");
        var isForbidden = sight.ByBrowser ? asked?.Blocked == "csp" || sight.Violations.Any(v => v.Directive.StartsWith("script-src", StringComparison.Ordinal) && Covers(v.Blocked, src)) : Judged(sight, ScriptDirectives, src) == false;
        if (isForbidden)
            return Forbidden("script", $"The page's content security policy keeps {src.Host} from being loaded (script-src).", src, "Scripts inside the page, as Tag Manager's, need its nonce as well.");
        if (sight.ByBrowser)
            return asked?.Blocked is { } why ? new("script", FindingKind.Fail, $"The script did not load ({why}).", $"See that {src.Host} can be reached from outside.")
                : new("script", FindingKind.Warn, "The script was not asked for.", "A consent tool or a cache plugin may hold it back (type=\"text/plain\", delayed JavaScript): exclude it there.");
        return Judged(sight, ScriptDirectives, src) is null
            ? new("script", FindingKind.Warn, "The page's content security policy goes by nonces, which only a browser can judge.", "Look into your browser's console for a refused script.")
            : new("script", FindingKind.Pass, "Nothing in the page keeps the script out.");
    }

    private static IEnumerable<InstallFinding> SendingOf(PageSight sight, DiagnosedWebsite site, Snippet snippet, bool? hasArrived)
    {
        var origin = new Uri(snippet.Src!, "/");
        if (!sight.ByBrowser)
        {
            yield return Judged(sight, ConnectDirectives, new Uri(origin, "api/v1/collect")) == false ? Forbidden("connect", $"The page's content security policy keeps events from {origin.Host} (connect-src).", origin)
                : new("connect", FindingKind.Pass, "Nothing in the page keeps events from being sent.");
            yield return new("event", FindingKind.Info, "Whether an event arrives was not tried: that needs a browser.", "Open the page and watch step 3.");
            yield break;
        }
        var sent = sight.Requests.LastOrDefault(r => IsCollect(r.Url, site.Alias));
        if (sent?.Blocked == "csp" || sight.Violations.Any(v => v.Directive == "connect-src" && (IsCollect(v.Blocked, site.Alias) || Covers(v.Blocked, origin))))
        {
            yield return Forbidden("connect", $"The page's content security policy keeps events from {origin.Host} (connect-src).", origin);
            yield break;
        }
        if (sent is null)
        {
            yield return snippet.Tag.Contains("data-consent", StringComparison.OrdinalIgnoreCase)
                ? new("event", FindingKind.Warn, "The script sent nothing, as it should before the visitor has chosen: the snippet holds until consent.", "Accept your banner in a browser of your own and watch step 3.")
                : new("event", FindingKind.Warn, "The script loaded and sent nothing within eight seconds.", "A consent choice, Global Privacy Control or an opt-out may hold it. Add data-debug to the tag and look into the console.");
            yield break;
        }
        yield return new("connect", FindingKind.Pass, "Events can be sent.");
        yield return (sent.Status, hasArrived) switch
        {
            (401, _) => new("event", FindingKind.Fail, "The event was refused: its key does not work.", "Copy the snippet of step 2 again, with its key."),
            ( >= 200 and < 300, true) => new("event", FindingKind.Pass, "An event of the page arrived. It is marked as a test."),
            ( >= 200 and < 300, _) => new("event", FindingKind.Warn, "The event was taken in and is not stored for this website.", "Look under Events, quarantine; and see that the key is this website's."),
            ({ } status, _) => new("event", FindingKind.Fail, $"The event was answered HTTP {status}.", "A proxy or firewall before the app may stop it; the address must take POST."),
            _ => new("event", FindingKind.Fail, $"The event could not be sent ({sent.Blocked ?? "no answer"}).", $"See that {origin.Host} can be reached from outside and that no blocker lists it."),
        };
    }

    private static InstallFinding ConsentOf(PageSight sight, string everything, List<Snippet> snippets)
    {
        var tools = KnownTags.Consent.Where(t => t.IsIn(sight, everything)).Select(t => t.Name).ToList();
        return tools.Count > 0
            ? new("consent", FindingKind.Pass, $"Consent tool: {string.Join(", ", tools)}.", snippets.Exists(s => s.Tag.Contains("data-consent", StringComparison.OrdinalIgnoreCase)) ? null : "With the option \"Hold until consent\" the snippet waits for its answer.")
            : new("consent", FindingKind.Warn, sight.ByBrowser ? "No consent tool was found." : "No consent tool was found in the document as it is sent.",
                "Where your visitors must be asked, add one; the snippet reads Consent Mode and TCF by itself, and any other tells it by ClarityTracking.consent({ads, analytics}).");
    }

    private static InstallFinding Listed(string key, string what, IEnumerable<KnownTag> tags, string everything, string? advice)
    {
        var found = tags.Select(t => t.IdsIn(everything) is { Count: > 0 } ids ? $"{t.Name} ({string.Join(", ", ids)})" : t.Name).ToList();
        return found.Count == 0 ? new(key, FindingKind.Info, $"No {what} was found.") : new(key, FindingKind.Info, $"{char.ToUpperInvariant(what[0])}{what[1..]}{(found.Count > 1 ? "s" : "")}: {string.Join(", ", found)}.", advice);
    }

    private static InstallFinding Forbidden(string key, string what, Uri url, string? more = null)
    {
        var origin = url.GetLeftPart(UriPartial.Authority);
        return new(key, FindingKind.Fail, what, "Add this origin to both directives of the policy." + (more is null ? "" : " " + more), $"script-src {origin}; connect-src {origin}");
    }

    /// <summary>What all policies of the page together say; null = it cannot be told.</summary>
    private static bool? Judged(PageSight sight, string[] directives, Uri url)
    {
        var verdicts = sight.Policies.Concat(PagePolicy.InDocument(sight.Html)).Select(p => PagePolicy.Allows(p, directives, url, sight.Url)).ToList();
        return verdicts.Contains(false) ? false : verdicts.Contains(null) ? null : true;
    }

    /// <summary>Browsers name what they kept out by its address or only by its origin.</summary>
    private static bool Covers(string blocked, Uri url) => blocked.Length > 0 && Uri.TryCreate(blocked, UriKind.Absolute, out var at) && at.GetLeftPart(UriPartial.Authority) == url.GetLeftPart(UriPartial.Authority)
        && (at.AbsolutePath is "/" or "" || at.AbsolutePath == url.AbsolutePath);

    private static string Short(string key) => key.Length <= 20 ? key : $"{key[..12]}…{key[^4..]}";

    private static Regex AttributePattern(string name) => PagePatterns.Of($"""\s{name}\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s>]+))""", RegexOptions.IgnoreCase);

    private static string? Attribute(string tag, Regex pattern) =>
        PagePatterns.FirstIn(pattern, tag) is { Success: true } found ? found.Groups.Values.Skip(1).First(g => g.Success).Value.Trim() : null;

    /// <summary>Takes comments out; one without an end stays, for it may be a text of a script.</summary>
    private static string WithoutComments(string html)
    {
        var text = new StringBuilder(html.Length);
        var from = 0;
        while (html.IndexOf("<!--", from, StringComparison.Ordinal) is >= 0 and var begin && html.IndexOf("-->", begin + 2, StringComparison.Ordinal) is >= 0 and var end)
        {
            text.Append(html, from, begin - from);
            from = end + 3;
        }
        return text.Append(html, from, html.Length - from).ToString();
    }
}
