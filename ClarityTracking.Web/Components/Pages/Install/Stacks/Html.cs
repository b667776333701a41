namespace ClarityTracking.Web.Components.Pages.Install.Stacks;

/// <summary>A tag in the page's own HTML.</summary>
internal static class Html
{
    public static readonly Stack Stack = new("html", "Website (HTML)", "web", HasOptions: true,
        plan => new Piece("The tag", "Paste it into the <head> of every page, before other scripts.", Tag(plan)), More);

    /// <summary>The tag itself; other stacks paste it into a header too.</summary>
    public static string Tag(TagPlan plan) =>
        $"<script async src=\"{Quote.Html(plan.Script)}\" {string.Join(' ', plan.Attributes.Select(a => Quote.HtmlAttribute(a.Name, a.Value)))}></script>";

    private static IEnumerable<Piece> More(TagPlan plan)
    {
        yield return new Piece("Say who it is", "After a sign-in or sign-up. The first line keeps calls that come before the script has loaded.", $$"""
            <script>
            {{Snippets.Stub}}
            ClarityTracking.identify("jane@example.com", { phone: "+4930123456", firstName: "Jane", externalId: "customer-17" });
            </script>
            """);
        if (plan.HasEvents)
        {
            yield return new Piece("Report a purchase", "On the page after the order. With an order id, a page that is loaded twice counts once.", $$"""
                <script>
                {{Snippets.Stub}}
                ClarityTracking.trackPurchase(149.90, {
                  currency: {{Quote.Js(plan.Currency)}},
                  orderId: "1001",
                  items: [{ id: "SKU-1", name: "Cream", price: 74.95, quantity: 2 }]
                });
                </script>
                """);
            yield return new Piece("Report something else", "On a click the script is there already, so this needs no first line.", """
                <script>
                document.addEventListener("click", function (event) {
                  if (event.target.closest(".book-now")) ClarityTracking.trackEvent("schedule", { contentName: "First visit" });
                });
                </script>
                """);
        }
        if (plan.Options.Has(SnippetOptions.Consent))
            yield return new Piece("Pass on the visitor's choice",
                "Google Consent Mode and TCF banners are read by themselves. Any other banner calls this when it has its answer, and again when that changes.", $$"""
                <script>
                {{Snippets.Stub}}
                ClarityTracking.consent({ ads: true, analytics: true });
                </script>
                """);
    }
}
