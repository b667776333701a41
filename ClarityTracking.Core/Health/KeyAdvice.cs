using ClarityTracking.Core.Ingestion.Identify;

namespace ClarityTracking.Core.Health;

/// <summary>How to get a missing match key, in words that can be followed, for what a website is made with (the stacks of the install page).</summary>
public static class KeyAdvice
{
    private static readonly Dictionary<string, string> Anywhere = new(StringComparer.Ordinal)
    {
        [MatchKeyNames.Email] = "Ask for it in a form or at checkout and pass it: ClarityTracking.identify(email) in the page, or user.email from your server.",
        [MatchKeyNames.Phone] = "Ask for it in a form or at checkout and pass it with + and the calling code, as {phone: \"+49…\"} of identify or user.phone from your server. Setting the website's country completes national numbers.",
        [MatchKeyNames.ExternalId] = "Pass your own lasting number of the person: {externalId: \"…\"} of identify, or user.external_id from your server.",
        [MatchQuality.NameAndPlace] = "Pass first and last name together with city or postal code of the billing address.",
        [MatchKeyNames.DateOfBirth] = "Pass it as user.date_of_birth (YYYY-MM-DD) where you know it anyway; do not ask for it because of this.",
        [MatchQuality.Place] = "Pass city, state, postal code and country of the billing address together.",
        ["fbc"] = "Comes by itself when the visitor arrives by a click on an ad: keep fbclid in the landing page's address through redirects, and serve the script from your own domain so that it lasts. From a server pass click_ids.fbclid with its first_seen.",
        ["fbp"] = "Comes by itself with the snippet once the visitor allows ads. From a server pass cookies.fbp of the order's visitor.",
        [MatchQuality.AddressAndAgent] = "Comes by itself from the browser. Behind a proxy or CDN let it pass X-Forwarded-For on; from a server pass user.ip and user.user_agent of the visitor, not of the server. IPv6 tells more than IPv4.",
    };

    private static readonly Dictionary<(string Stack, string Key), string> ByStack = new()
    {
        [("html", MatchKeyNames.Email)] = "In the page after the form or order: ClarityTracking.identify(\"jane@example.com\"). Forms with a field of type email are read by themselves unless data-auto-identify is false.",
        [("html", MatchKeyNames.Phone)] = "Beside the email: ClarityTracking.identify(email, {phone: \"+4930123456\"}). Give the form's field the type tel.",
        [("html", MatchKeyNames.ExternalId)] = "When the visitor is signed in: ClarityTracking.identify(email, {externalId: \"customer-17\"}).",
        [("html", MatchQuality.NameAndPlace)] = "ClarityTracking.identify(email, {firstName: …, lastName: …, city: …, zip: …}) on the page after checkout.",
        [("html", MatchQuality.Place)] = "ClarityTracking.identify(email, {city: …, state: …, zip: …, country: …}) on the page after checkout.",

        [("gtm", MatchKeyNames.Email)] = "Make a data layer variable user_email, and the tag \"Say who it is\" of the install page that passes it to identify; trigger it before the purchase tag.",
        [("gtm", MatchKeyNames.Phone)] = "Make a data layer variable user_phone and pass it: identify({{user_email}}, {phone: {{user_phone}}}). Ask your shop to write the number with its calling code.",
        [("gtm", MatchKeyNames.ExternalId)] = "Make a data layer variable user_id and pass it: identify({{user_email}}, {externalId: {{user_id}}}).",
        [("gtm", MatchQuality.NameAndPlace)] = "Pass the data layer's user_data.address: identify({{user_email}}, {firstName: …, lastName: …, city: …, zip: …}).",
        [("gtm", MatchQuality.Place)] = "Pass the data layer's user_data.address: city, region, postal_code and country as city, state, zip, country of identify.",

        [("wordpress", MatchKeyNames.Email)] = "Add \"WooCommerce: report orders\" of the install page: it names the buyer by billing email before the purchase. For signed-in readers add \"Say who it is\".",
        [("wordpress", MatchKeyNames.Phone)] = "In WooCommerce > Settings > Checkout make the phone field required; \"report orders\" of the install page sends the billing phone. Set this website's country so that national numbers are completed.",
        [("wordpress", MatchKeyNames.ExternalId)] = "In the code \"report orders\" add 'externalId' => (string) $order->get_customer_id() to the buyer (0 means a guest: leave it out).",
        [("wordpress", MatchQuality.NameAndPlace)] = "\"report orders\" of the install page sends billing name, city and postcode; check that the checkout asks for them.",
        [("wordpress", MatchQuality.Place)] = "In the code \"report orders\" add 'state' => $order->get_billing_state() beside city, zip and country.",

        [("shopify", MatchKeyNames.Email)] = "The custom pixel of the install page sends checkout.email. Under Settings > Checkout let customers check out with an email.",
        [("shopify", MatchKeyNames.Phone)] = "Under Settings > Checkout set \"Shipping address phone number\" to required; the custom pixel of the install page sends checkout.phone with its calling code.",
        [("shopify", MatchKeyNames.ExternalId)] = "In theme.liquid add \"Say who it is\" of the install page: it passes customer.id. In the pixel add external_id: checkout.order?.customer?.id to the person.",
        [("shopify", MatchQuality.NameAndPlace)] = "In the pixel add first_name, last_name, city and zip of checkout.billingAddress to the person.",
        [("shopify", MatchQuality.Place)] = "In the pixel add city, provinceCode (as state), zip and countryCode (as country) of checkout.billingAddress to the person.",

        [("nextjs", MatchKeyNames.Email)] = "Call clarity(\"identify\", user.email) wherever your app learns it, before it reports the event.",
        [("nextjs", MatchKeyNames.Phone)] = "clarity(\"identify\", user.email, { phone: user.phone }) with the number in E.164 form (+4930123456).",
        [("nextjs", MatchKeyNames.ExternalId)] = "clarity(\"identify\", user.email, { externalId: user.id }) after sign-in.",
        [("nextjs", MatchQuality.NameAndPlace)] = "clarity(\"identify\", user.email, { firstName, lastName, city, zip }) after checkout.",
        [("nextjs", MatchQuality.Place)] = "clarity(\"identify\", user.email, { city, state, zip, country }) after checkout.",

        [("http", MatchKeyNames.Email)] = "\"user\": {\"email\": \"jane@example.com\"} in the event, readable: it is hashed here by each platform's rule.",
        [("http", MatchKeyNames.Phone)] = "\"user\": {\"phone\": \"+4930123456\"} in the event, with + and the calling code.",
        [("http", MatchKeyNames.ExternalId)] = "\"user\": {\"external_id\": \"customer-17\"} in the event; the same form in every channel.",
        [("http", MatchQuality.NameAndPlace)] = "\"user\": {\"first_name\": …, \"last_name\": …, \"city\": …, \"zip\": …} in the event.",
        [("http", MatchQuality.Place)] = "\"user\": {\"city\": …, \"state\": …, \"zip\": …, \"country\": \"DE\"} in the event.",
        [("http", "fbc")] = "Keep fbclid of the landing page with the order, and send \"click_ids\": {\"fbclid\": {\"value\": \"…\", \"first_seen\": \"…\"}}.",
        [("http", "fbp")] = "Keep the cookie _fbp with the order, and send \"cookies\": {\"fbp\": \"fb.1.…\"}.",
        [("http", MatchQuality.AddressAndAgent)] = "\"user\": {\"ip\": …, \"user_agent\": …} of the visitor (a secret key may tell them), kept with the order; IPv6 where there is one.",
    };

    /// <summary>Stacks that have words of their own.</summary>
    public static IReadOnlyCollection<string> Stacks { get; } = ["html", "gtm", "wordpress", "shopify", "nextjs", "http"];

    /// <summary>What to do for a key.</summary>
    /// <param name="key">A key of <see cref="MatchQuality.Keys"/>.</param>
    /// <param name="stack">One of <see cref="Stacks"/>; null or unknown = words for any.</param>
    public static string HowToGet(string key, string? stack) =>
        (stack is null ? null : ByStack.GetValueOrDefault((stack, key))) ?? Anywhere.GetValueOrDefault(key) ?? "Pass it with the event where you know it.";
}
