using ClarityTracking.Web.Components.Pages.Install.Stacks;

namespace ClarityTracking.Web.Components.Pages.Install;

/// <summary>A piece of text to copy.</summary>
/// <param name="Title">What it does, sentence case.</param>
/// <param name="Where">Where to put it and what to know, one or two sentences.</param>
/// <param name="Code">The text.</param>
internal sealed record Piece(string Title, string Where, string Code);

/// <summary>A way to add the snippet.</summary>
/// <param name="Key">Stable word.</param>
/// <param name="Name">On screen.</param>
/// <param name="Icon">Material symbol.</param>
/// <param name="HasOptions">The options change what it generates.</param>
/// <param name="Tag">The piece that everybody needs.</param>
/// <param name="More">Further pieces, the most useful first: another way to add it, who the visitor is, purchases, consent.</param>
internal sealed record Stack(string Key, string Name, string Icon, bool HasOptions, Func<TagPlan, Piece> Tag, Func<TagPlan, IEnumerable<Piece>> More);

/// <summary>What every stack writes down in its own language.</summary>
/// <param name="Origin">Scheme and host that script and events go to, with a trailing slash.</param>
/// <param name="ScriptPath">Of the script under it, without a leading slash.</param>
/// <param name="CollectPath">Of the intake under it, without a leading slash.</param>
/// <param name="Key">Publishable key.</param>
/// <param name="Currency">The website's, ISO 4217; for the examples.</param>
/// <param name="Options">As chosen.</param>
internal sealed record TagPlan(string Origin, string ScriptPath, string CollectPath, string Key, string Currency, SnippetOptions Options)
{
    public string Script => Origin + ScriptPath;

    /// <summary>Where events go without the script.</summary>
    public string Collect => Origin + CollectPath;

    /// <summary>All attributes but the address of the script; an empty value is the attribute alone.</summary>
    public IReadOnlyList<(string Name, string Value)> Attributes => [("data-apikey", Key), .. Options.Attributes()];

    /// <summary>Purchases and other events are recorded, not only who the visitor is.</summary>
    public bool HasEvents => !Options.Has(SnippetOptions.OnlyIdentify);

    /// <summary>The plan of a website: the chosen address, or the app's own while the customer's is not to be had.</summary>
    /// <param name="publicUrl">The app from outside, with a trailing slash.</param>
    /// <param name="alias">The website's own word for script and intake.</param>
    /// <param name="key">Publishable key.</param>
    /// <param name="currency">ISO 4217.</param>
    /// <param name="options">As chosen.</param>
    public static TagPlan Of(string publicUrl, string alias, string key, string currency, SnippetOptions options)
    {
        var own = options.Address == ScriptAddress.Own ? options.OwnOrigin : null;
        // the recipes for the customer's own domain forward the alias
        var byAlias = own is not null || options.Address == ScriptAddress.Alias;
        return new(own ?? publicUrl, byAlias ? alias + ".js" : "t.js", byAlias ? alias : "api/v1/collect", key, currency, options);
    }
}

/// <summary>All ways, and what several of them share.</summary>
internal static class Snippets
{
    public static readonly IReadOnlyList<Stack> Stacks =
    [
        Html.Stack,
        TagManager.Stack,
        WordPress.Stack,
        Shopify.Stack,
        NextJs.Stack,
        new("http", "HTTP", "terminal", HasOptions: false, plan => new Piece("Send an event by hand",
            "Run it in a terminal to see an event arrive, or as the start of your own sender.", $$$"""
            curl {{{Quote.Shell(plan.Collect)}}} \
              -H {{{Quote.Shell("X-API-Key: " + plan.Key)}}} -H "Content-Type: application/json" \
              -d '{"events":[{"event_type":"page_view","timestamp":"'"$(date -u +%Y-%m-%dT%H:%M:%SZ)"'","properties":{"url":"https://shop.example.com/"}}]}'
            """), _ => []),
    ];

    /// <summary>
    /// Goes before calls that may come before the script has loaded: it keeps them in order. At most 250 bytes; twice in a page is no more
    /// than once.
    /// </summary>
    public const string Stub = """
        !function(c){"track trackEvent trackPurchase trackNewsletterSignup identify goal consent optOut".split(" ").forEach(function(m){c[m]=c[m]||function(){c.q.push([m,arguments])}})}(window.ClarityTracking=window.ClarityTracking||{q:[]});
        """;

    /// <summary>The stack of that key, else the first.</summary>
    public static Stack Named(string? key) => Stacks.FirstOrDefault(s => s.Key == key) ?? Stacks[0];
}
