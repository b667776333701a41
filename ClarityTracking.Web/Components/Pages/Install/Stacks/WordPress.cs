namespace ClarityTracking.Web.Components.Pages.Install.Stacks;

/// <summary>
/// WordPress and WooCommerce. The order's id, not its number, is what WooCommerce's own webhook names the order by.
/// developer.wordpress.org/reference/hooks/wp_head, woocommerce.github.io/code-reference (woocommerce_thankyou), November 2026.
/// </summary>
internal static class WordPress
{
    public static readonly Stack Stack = new("wordpress", "WordPress", "article", HasOptions: true,
        plan => new Piece("The tag", "Add it to functions.php of your child theme, or as a PHP snippet of a code plugin.", $$"""
            add_action('wp_head', function () {
                ?>
            {{Html.Tag(plan)}}
                <?php
            }, 1);
            """), More);

    /// <summary>
    /// The first hook is the classic checkout's, the second that of the checkout block; both save the order after it. WordPress adds slashes
    /// to cookies. developer.woocommerce.com (Store API hooks), November 2026.
    /// </summary>
    private const string OrderMeta = """
        (function () {
            $tell = function ($order) {
                $cookie = function ($name) {
                    return isset($_COOKIE[$name]) ? (string) wp_unslash($_COOKIE[$name]) : '';
                };
                $choice = (array) json_decode($cookie('ct_consent'), true);
                if ($cookie('ct_visitor') === '' || $cookie('ct_optout') !== '' || (isset($choice['analytics']) && !$choice['analytics'])) {
                    return;
                }
                $order->update_meta_data('_ct_vid', sanitize_text_field($cookie('ct_visitor')));
                if (isset($choice['ads']) && !$choice['ads']) {
                    return;
                }
                foreach (['_fbp', '_fbc'] as $name) {
                    if ($cookie($name) !== '') {
                        $order->update_meta_data($name, sanitize_text_field($cookie($name)));
                    }
                }
                foreach ((array) json_decode($cookie('ct_clicks'), true) as $name => $click) {
                    if (is_array($click) && isset($click['value'])) {
                        $order->update_meta_data('_' . sanitize_key($name), sanitize_text_field((string) $click['value']));
                    }
                }
            };
            add_action('woocommerce_checkout_create_order', $tell);
            add_action('woocommerce_store_api_checkout_update_order_meta', $tell);
        })();
        """;

    private static IEnumerable<Piece> More(TagPlan plan)
    {
        yield return new Piece("Or with a header plugin", "Instead of the code above: paste it into the header field of a \"header and footer code\" plugin.", Html.Tag(plan));
        if (plan.HasEvents)
            yield return new Piece("WooCommerce: report orders",
                "Below the code above. Sends the order's value, items and buyer from the thank-you page; a reload counts once.", $$"""
                add_action('woocommerce_thankyou', function ($order_id) {
                    $order = wc_get_order($order_id);
                    if (!$order || $order->has_status('failed')) {
                        return;
                    }
                    $json = function ($value) {
                        return wp_json_encode($value, JSON_HEX_TAG | JSON_HEX_AMP | JSON_HEX_APOS | JSON_HEX_QUOT);
                    };
                    $buyer = array_filter([
                        'phone' => $order->get_billing_phone(),
                        'firstName' => $order->get_billing_first_name(),
                        'lastName' => $order->get_billing_last_name(),
                        'city' => $order->get_billing_city(),
                        'zip' => $order->get_billing_postcode(),
                        'country' => $order->get_billing_country(),
                    ]);
                    $items = [];
                    foreach ($order->get_items() as $item) {
                        $items[] = [
                            'id' => (string) ($item->get_variation_id() ?: $item->get_product_id()),
                            'name' => $item->get_name(),
                            'price' => (float) $order->get_item_total($item, true),
                            'quantity' => (int) $item->get_quantity(),
                        ];
                    }
                    $details = ['currency' => $order->get_currency(), 'orderId' => (string) $order->get_id(), 'items' => $items];
                    ?>
                <script>
                {{Snippets.Stub}}
                ClarityTracking.identify(<?php echo $json($order->get_billing_email()); ?>, <?php echo $json((object) $buyer); ?>);
                ClarityTracking.trackPurchase(<?php echo $json((float) $order->get_total()); ?>, <?php echo $json($details); ?>);
                </script>
                    <?php
                });
                """);
        yield return new Piece("WooCommerce: let orders know their visit",
            "Below the code above. Keeps the visitor's and click ids with the order, from where its webhooks hand them on: without it, an order that is paid later is nobody's.",
            OrderMeta);
        yield return new Piece("Say who it is", "Below the code above: names the visitor who is signed in.", $$"""
            add_action('wp_footer', function () {
                $user = wp_get_current_user();
                if (!$user->exists()) {
                    return;
                }
                ?>
            <script>
            {{Snippets.Stub}}
            ClarityTracking.identify(<?php echo wp_json_encode($user->user_email, JSON_HEX_TAG | JSON_HEX_AMP); ?>);
            </script>
                <?php
            });
            """);
        if (plan.Options.Has(SnippetOptions.Consent))
            yield return new Piece("Pass on the visitor's choice",
                "Banners with Google Consent Mode or TCF are read by themselves. This listens to the WP Consent API, which most other banner plugins speak.", $$"""
                add_action('wp_footer', function () {
                    ?>
                <script>
                (function () {
                  {{Snippets.Stub}}
                  function tell() {
                    if (!window.wp_has_consent) return;
                    ClarityTracking.consent({ ads: wp_has_consent("marketing"), analytics: wp_has_consent("statistics") });
                  }
                  if (/(?:^|; )wp_consent_\w+=/.test(document.cookie)) tell();
                  document.addEventListener("wp_listen_for_consent_change", function () { setTimeout(tell); });
                })();
                </script>
                    <?php
                }, 99);
                """);
    }
}
