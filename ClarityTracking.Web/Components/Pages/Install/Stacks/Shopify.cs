namespace ClarityTracking.Web.Components.Pages.Install.Stacks;

/// <summary>
/// Shopify: the theme for the shop's pages, and a custom pixel for the checkout, where themes have no say. Such a pixel runs in a
/// sandboxed frame: it has no page to look at and reads the shop's cookies by asking for them, so it sends events by itself instead of
/// loading the script. shopify.dev/docs/api/web-pixels-api, shopify.dev/docs/api/customer-privacy, November 2026.
/// </summary>
internal static class Shopify
{
    public static readonly Stack Stack = new("shopify", "Shopify", "shopping_bag", HasOptions: true,
        plan => new Piece("The tag", "Online Store > Themes > Edit code: paste it into layout/theme.liquid, right after <head>.", Html.Tag(plan)), More);

    private static IEnumerable<Piece> More(TagPlan plan)
    {
        if (plan.HasEvents)
            yield return new Piece("Checkout and purchases",
                "Settings > Customer events > Add custom pixel: paste it, save, connect. The theme's tag does not run in the checkout; this does, with the same visitor and click ids.",
                Pixel(plan));
        yield return new Piece("Let orders know their visit",
            "In theme.liquid, below the tag: puts the visitor's and click ids into the cart, from where Shopify hands them to the order and its webhooks.", Cart);
        yield return new Piece("Say who it is", "In theme.liquid, below the tag: names the customer who is signed in.", $$$"""
            {% if customer %}
            <script>
            {{{Snippets.Stub}}}
            ClarityTracking.identify({{ customer.email | json }}, { phone: {{ customer.phone | json }}, externalId: "{{ customer.id }}" });
            </script>
            {% endif %}
            """);
        if (plan.Options.Has(SnippetOptions.Consent))
            yield return new Piece("Pass on the visitor's choice", "In theme.liquid, below the tag: passes on what Shopify's cookie banner, or one that speaks its API, was told.", $$"""
                <script>
                (function () {
                  {{Snippets.Stub}}
                  window.Shopify.loadFeatures([{ name: "consent-tracking-api", version: "0.1" }], function (error) {
                    if (error) return;
                    var choice = window.Shopify.customerPrivacy;
                    function tell() {
                      ClarityTracking.consent({ ads: choice.marketingAllowed(), analytics: choice.analyticsProcessingAllowed() });
                    }
                    if (!choice.shouldShowBanner()) tell();
                    document.addEventListener("visitorConsentCollected", tell);
                  });
                })();
                </script>
                """);
    }

    /// <summary>
    /// Cart attributes become an order's note attributes; those that begin with an underscore are shown to nobody in the checkout.
    /// Written once per cart and change. shopify.dev/docs/api/ajax/reference/cart, November 2026.
    /// </summary>
    private const string Cart = """
        <script>
        (function () {
          function cookie(name) {
            var found = document.cookie.match("(?:^|; )" + name + "=([^;]*)");
            try {
              return found ? decodeURIComponent(found[1]) : "";
            } catch (error) {
              return "";
            }
          }
          function json(name) {
            try {
              return JSON.parse(cookie(name)) || {};
            } catch (error) {
              return {};
            }
          }
          function tell() {
            var visitor = cookie("ct_visitor"), choice = json("ct_consent"), clicks = json("ct_clicks"), name;
            if (!visitor || cookie("ct_optout") || choice.analytics === false) return;
            var told = { _ct_vid: visitor };
            if (choice.ads !== false) {
              told._fbp = cookie("_fbp");
              told._fbc = cookie("_fbc");
              for (name in clicks) told["_" + name] = clicks[name].value;
            }
            var text = JSON.stringify(told);
            try {
              if (sessionStorage.getItem("ct_cart") === cookie("cart") + text) return;
            } catch (error) {}
            fetch(window.Shopify.routes.root + "cart/update.js", {
              method: "POST",
              headers: { "Content-Type": "application/json" },
              body: JSON.stringify({ attributes: told })
            }).then(function (answer) {
              if (answer.ok) sessionStorage.setItem("ct_cart", cookie("cart") + text);
            }).catch(function () {});
          }
          // the tag makes the visitor's id first; a cart that is filled later keeps what it was told
          window.addEventListener("load", function () { setTimeout(tell, 2000); });
          document.addEventListener("submit", tell, true);
        })();
        </script>
        """;

    private static string Pixel(TagPlan plan)
    {
        var person = plan.Options.Has(SnippetOptions.Privacy) ? "undefined" : "{ email: checkout.email || undefined, phone: checkout.phone || undefined }";
        // the pixel asks as the tag would: nothing before the visitor's choice where the tag waits for it
        var gate = plan.Options.Has(SnippetOptions.Consent) ? "\n  if (!choice.analyticsProcessingAllowed) return;" : "";
        return $$"""
            const endpoint = {{Quote.Js(plan.Collect)}};
            const apiKey = {{Quote.Js(plan.Key)}};
            const platformCookies = { fbp: "_fbp", fbc: "_fbc", ttp: "_ttp", ga: "_ga", epik: "_epik", sc_cookie1: "_scid", rdt_uuid: "_rdt_uuid" };

            let choice = init.customerPrivacy;
            (typeof api === "undefined" ? customerPrivacy : api.customerPrivacy)
              .subscribe("visitorConsentCollected", (event) => { choice = event.customerPrivacy; });
            const word = (allowed) => (allowed ? "granted" : "denied");

            async function cookie(name) {
              try {
                return decodeURIComponent((await browser.cookie.get(name)) || "");
              } catch {
                return "";
              }
            }

            async function send(event, type, id, properties, user) {{{gate}}
              if (await cookie("ct_optout")) return;
              const cookies = {};
              for (const [name, key] of Object.entries(platformCookies)) cookies[name] = (await browser.cookie.get(key)) || undefined;
              const page = event.context.document;
              await fetch(endpoint, {
                method: "POST",
                keepalive: true,
                body: JSON.stringify({
                  apiKey,
                  events: [{
                    event_id: id,
                    event_type: type,
                    timestamp: event.timestamp,
                    visitor_id: (await cookie("ct_visitor")) || undefined,
                    session_id: (await cookie("ct_session")).split(".")[0] || undefined,
                    properties: { url: page.location.href, title: page.title, referrer: page.referrer, ...properties },
                    user,
                    click_ids: JSON.parse((await cookie("ct_clicks")) || "{}"),
                    cookies,
                    consent: {
                      ad_user_data: word(choice.marketingAllowed && choice.saleOfDataAllowed),
                      ad_personalization: word(choice.marketingAllowed),
                      ad_storage: word(choice.marketingAllowed),
                      analytics_storage: word(choice.analyticsProcessingAllowed),
                    },
                  }],
                }),
              });
            }

            const product = (variant, quantity = 1) => ({
              id: variant?.id, name: variant?.product?.title, price: variant?.price?.amount, quantity,
            });
            const order = (checkout) => ({
              value: checkout.totalPrice?.amount,
              currency: checkout.currencyCode || {{Quote.Js(plan.Currency)}},
              items: (checkout.lineItems || []).map((line) => product(line.variant, line.quantity)),
            });
            const person = (checkout) => ({{person}});

            analytics.subscribe("product_viewed", (event) => {
              const variant = event.data.productVariant;
              return send(event, "view_content", event.id, { value: variant.price.amount, currency: variant.price.currencyCode, items: [product(variant)] });
            });
            analytics.subscribe("product_added_to_cart", (event) => {
              const line = event.data.cartLine;
              const { amount, currencyCode } = line.cost.totalAmount;
              return send(event, "add_to_cart", event.id, { value: amount, currency: currencyCode, items: [product(line.merchandise, line.quantity)] });
            });
            analytics.subscribe("checkout_started", (event) => {
              const { checkout } = event.data;
              return send(event, "initiate_checkout", event.id, order(checkout), person(checkout));
            });
            analytics.subscribe("checkout_completed", (event) => {
              const { checkout } = event.data;
              const id = String(checkout.order?.id || checkout.token).split("/").pop();
              return send(event, "purchase", "purchase_" + id, { ...order(checkout), order_id: id }, person(checkout));
            });
            """;
    }
}
