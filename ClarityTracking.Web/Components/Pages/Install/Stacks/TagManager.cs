namespace ClarityTracking.Web.Components.Pages.Install.Stacks;

/// <summary>
/// Google Tag Manager, as Custom HTML tags. It builds every script element of such a tag anew and keeps id, type, charset, src and text
/// only, so the key would be lost from a tag with data attributes: the tag's own script makes the element. Such a script must be ES5, and
/// two braces in it name a variable of the container. developers.google.com/tag-platform/tag-manager, November 2026.
/// </summary>
internal static class TagManager
{
    public static readonly Stack Stack = new("gtm", "Google Tag Manager", "sell", HasOptions: true,
        plan => new Piece("The tag", "Make a Custom HTML tag with it, triggered on Initialization - All Pages.", Loader(plan)), More);

    private static string Loader(TagPlan plan) => $$"""
        <script>
        (function () {
          var s = document.createElement("script");
          s.async = true;
          s.src = {{Quote.Js(plan.Script)}};
        {{string.Join('\n', plan.Attributes.Select(a => $"  s.setAttribute({Quote.Js(a.Name)}, {Quote.Js(a.Value)});"))}}
          document.head.appendChild(s);
        })();
        </script>
        """;

    private static IEnumerable<Piece> More(TagPlan plan)
    {
        yield return new Piece("Say who it is",
            "A second Custom HTML tag, triggered by your sign-in event. Make a data layer variable named user_email first.", $$$"""
            <script>
            {{{Snippets.Stub}}}
            ClarityTracking.identify({{user_email}});
            </script>
            """);
        if (plan.HasEvents)
            yield return new Piece("Report a purchase",
                "A Custom HTML tag, triggered by the event purchase of the GA4 data layer. Make a data layer variable named ecommerce (version 1) first.", $$$"""
                <script>
                (function (order) {
                  if (!order || !order.transaction_id) return;
                  {{{Snippets.Stub}}}
                  ClarityTracking.trackPurchase(order.value, {
                    currency: order.currency || {{{Quote.Js(plan.Currency)}}},
                    orderId: String(order.transaction_id),
                    items: (order.items || []).map(function (item) {
                      return { id: item.item_id, name: item.item_name, price: item.price, quantity: item.quantity };
                    })
                  });
                })({{ecommerce}});
                </script>
                """);
        if (plan.Options.Has(SnippetOptions.Consent))
            yield return new Piece("Pass on the visitor's choice",
                "Google Consent Mode and TCF banners are read by themselves. For any other banner: a Custom HTML tag, triggered when it has its answer.", $$"""
                <script>
                {{Snippets.Stub}}
                ClarityTracking.consent({ ads: true, analytics: true });
                </script>
                """);
    }
}
