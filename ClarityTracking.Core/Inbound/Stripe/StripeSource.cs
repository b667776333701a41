using System.Globalization;
using System.Text.Json;
using System.Text.RegularExpressions;
using ClarityTracking.Core.Connections;
using ClarityTracking.Core.Destinations;
using ClarityTracking.Core.Inbound.Pulls;

namespace ClarityTracking.Core.Inbound.Stripe;

/// <summary>A Stripe account: Checkout, Payment Links and payments of one's own forms. Facts and their sources: README.md of this folder.</summary>
public sealed partial class StripeSource : ISource, IPullSource
{
    private const string SignatureHeader = "Stripe-Signature", Account = "account", CheckoutOnly = "checkout_only", AccessToken = "access_token", ApiVersion = "2026-10-28.endive";
    private static readonly TimeSpan Tolerance = TimeSpan.FromSeconds(300);

    /// <inheritdoc />
    public SourceInfo Info { get; } = new("stripe", "Stripe", "Payments and refunds",
        [
            .. SourceFields.Secrets("Signing secret", "Developers > Webhooks > your endpoint > Signing secret: Reveal. It begins with whsec_."),
            new(AccessToken, "Secret or restricted key", "Developers > API keys: a restricted key (rk_) that may read Checkout Sessions, PaymentIntents and Charges, of the account itself and not of its platform. Brings past payments and refunds.",
                IsSecret: true, IsRequired: false),
            new(CheckoutOnly, "Only Checkout and Payment Links", "On when every payment goes through Stripe's own checkout page: only there the visit is known.",
                IsSecret: false, IsRequired: false, FieldKind.Toggle),
            new(Account, "Connected account", "Only for platforms with Stripe Connect: acct_ and the account's id. Webhooks of other accounts are refused.",
                IsSecret: false, IsRequired: false, Shape: AccountShape(), Wanted: "Must be acct_ and letters or digits."),
        ],
        [
            "In the Stripe Dashboard open Developers > Webhooks and press Add endpoint (newer dashboards: Workbench > Webhooks > Add destination).",
            "Endpoint URL: {url}. Listen to events on your account.",
            "Choose the events checkout.session.completed, checkout.session.async_payment_succeeded, checkout.session.async_payment_failed and charge.refunded.",
            "If your website takes payments with its own form (Payment Element): choose payment_intent.succeeded and payment_intent.payment_failed as well.",
            "Save, press Reveal below Signing secret, and copy it into Signing secret here.",
            "Hand the visitor's id to Stripe as the integration guide shows (docs/integrations/stripe.md): one line where you make the checkout session, none for Payment Links.",
            "Make a payment in Stripe's test mode: it appears here within seconds, marked as a test.",
        ], new Uri("https://api.stripe.com"));

    /// <inheritdoc />
    public Verdict Verify(InboundRequest request, JsonElement settings, IReadOnlyList<string> secrets)
    {
        if (request.Header(SignatureHeader) is not { } header)
            return Verdict.MissingHeader;
        string? timestamp = null;
        List<string> signatures = []; // two while the secret is being rolled; other schemes than v1 prove nothing
        foreach (var part in header.Split(','))
            if (part.Split('=', 2) is [var name, var value])
                if (name == "t")
                    timestamp = value;
                else if (name == "v1")
                    signatures.Add(value);
        if (!long.TryParse(timestamp, NumberStyles.None, CultureInfo.InvariantCulture, out var seconds) || signatures.Count == 0)
            return Verdict.MalformedHeader;
        // the key is the whole secret as it is shown, whsec_ and all
        var keys = Signature.Keys(secrets).ToList();
        if (!signatures.Exists(s => Signature.IsHexOf(s, keys, Signature.Part(timestamp + "."), request.Body)))
            return Verdict.Mismatch;
        var age = request.ReceivedAt.ToUnixTimeSeconds() - seconds;
        if (age > Tolerance.TotalSeconds)
            return Verdict.TooOld;
        if (age < -Tolerance.TotalSeconds)
            return Verdict.TooNew;
        return ConnectionJson.Text(settings, Account) is { } wanted && SenderBody.TryJson(request, out var body) && body.Text("account") is { } told && told != wanted
            ? Verdict.OtherAccount : Verdict.Ok;
    }

    /// <inheritdoc />
    public SourceReading Read(InboundRequest request, JsonElement settings)
    {
        if (!SenderBody.TryJson(request, out var body) || body.ValueKind != JsonValueKind.Object)
            return SourceReading.Refused("The body is not a JSON object.");
        if (body.Text("type") is not { } type)
            return SourceReading.Refused("type is missing.", "type");
        var thing = body.At("data", "object");
        var record = new InboundRecord
        {
            Source = Info.Platform,
            SourceEvent = type,
            DeliveryKey = body.Text("id"),
            Action = InboundAction.Ignored,
            EntityId = thing.Text("id"),
            EventTime = SenderJson.FromSeconds(body.Whole("created")),
            Test = body.Flag("livemode") is { } live ? !live : null,
            Account = body.Text("account"),
        };
        if (type == "account.application.deauthorized")
            return record with { Action = InboundAction.AppUninstalled, EntityId = record.Account ?? record.EntityId };
        var action = StripePayload.ActionOf(type, thing);
        if (action == InboundAction.Ignored || (type.StartsWith("payment_intent.", StringComparison.Ordinal) && settings.Flag(CheckoutOnly) == true))
            return record;
        if (record.EntityId is null)
            return SourceReading.Refused("data.object.id is missing.", "data.object.id");
        record = record with { Action = action };
        return type.StartsWith("checkout.", StringComparison.Ordinal) ? StripePayload.Session(record, thing)
            : type.StartsWith("charge.", StringComparison.Ordinal) ? StripePayload.Refund(record, thing, body.At("data", "previous_attributes"))
            : StripePayload.Intent(record, thing);
    }

    /// <inheritdoc />
    public string? PullNeeds(JsonElement settings, JsonElement credentials) =>
        ConnectionJson.Text(credentials, AccessToken) is null ? "Give the connection a secret or restricted key of Stripe first." : null;

    /// <inheritdoc />
    public DestinationRequest PullRequest(PullPosition at, DestinationAccess access) =>
        SenderRequest.Get(access.Url(StripePull.PathOf(at)), access.AccessToken!, false, ("Stripe-Version", ApiVersion));

    /// <inheritdoc />
    public PulledPage ReadPulled(PullPosition at, PullAnswer answer, JsonElement settings) => StripePull.Read(at, answer.Json, settings.Flag(CheckoutOnly) == true);

    /// <inheritdoc />
    public InboundRequest Sample(string url, JsonElement settings, string secret, DateTimeOffset now)
    {
        var seconds = now.ToUnixTimeSeconds();
        var body = JsonSerializer.SerializeToUtf8Bytes(new
        {
            id = $"evt_sample_{Guid.NewGuid():N}",
            @object = "event",
            type = "checkout.session.completed",
            created = seconds,
            livemode = false,
            account = ConnectionJson.Text(settings, Account),
            data = new
            {
                @object = new
                {
                    id = $"cs_test_sample_{seconds}",
                    @object = "checkout.session",
                    mode = "payment",
                    payment_status = "paid",
                    payment_intent = $"pi_sample_{seconds}",
                    amount_total = 14900,
                    currency = "eur",
                    customer_details = new { email = "sample@example.com", name = "Sample Customer", address = new { country = "DE" } },
                },
            },
        });
        return new InboundRequest("POST", url, new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase)
        {
            ["Content-Type"] = "application/json; charset=utf-8",
            [SignatureHeader] = $"t={seconds},v1={Convert.ToHexStringLower(Signature.Of(System.Text.Encoding.UTF8.GetBytes(secret), Signature.Part($"{seconds}."), body))}",
        }, body, now);
    }

    [GeneratedRegex(@"^acct_[A-Za-z0-9]{1,64}\z")]
    private static partial Regex AccountShape();
}
