namespace ClarityTracking.Web.Components.Pages.Install;

/// <summary>A way to add the snippet.</summary>
/// <param name="Key">Stable word.</param>
/// <param name="Name">On screen.</param>
/// <param name="Icon">Material symbol.</param>
/// <param name="Where">Where to put it, one sentence.</param>
/// <param name="Snippet">The text, from the app's public address (with a trailing slash) and the publishable key.</param>
internal sealed record Stack(string Key, string Name, string Icon, string Where, Func<string, string, string> Snippet);

/// <summary>All ways.</summary>
internal static class Snippets
{
    public static readonly IReadOnlyList<Stack> Stacks =
    [
        new("html", "Website (HTML)", "web", "Paste it into the <head> of every page, before other scripts.", (url, key) =>
            $"""<script async src="{url}t.js" data-apikey="{key}"></script>"""),
        // Tag Manager drops attributes it does not know, so the script element is made by hand.
        new("gtm", "Google Tag Manager", "sell", "Make a Custom HTML tag with it, triggered on Initialization - All Pages.", (url, key) => $$"""
            <script>
              (function () {
                var s = document.createElement("script");
                s.async = true;
                s.src = "{{url}}t.js";
                s.setAttribute("data-apikey", "{{key}}");
                document.head.appendChild(s);
              })();
            </script>
            """),
        new("http", "HTTP", "terminal", "Send an event by hand to see it arrive, or as the start of your own sender.", (url, key) => $$$"""
            curl {{{url}}}api/v1/collect \
              -H "X-API-Key: {{{key}}}" -H "Content-Type: application/json" \
              -d '{"events":[{"event_type":"page_view","timestamp":"'"$(date -u +%Y-%m-%dT%H:%M:%SZ)"'","properties":{"url":"https://shop.example.com/"}}]}'
            """),
    ];
}
