using System.Globalization;
using System.Text.Json;
using ClarityTracking.Core.Connections;
using ClarityTracking.Core.Destinations;
using ClarityTracking.Core.Inbound.Pulls;

namespace ClarityTracking.Core.Inbound.Square;

/// <summary>A Square account: Appointments and payments. Facts and their sources: README.md of this folder.</summary>
public sealed class SquareSource : ISource, IPullSource
{
    private const string SignatureHeader = "x-square-hmacsha256-signature", MerchantId = "merchant_id", NotificationUrl = "notification_url", AccessToken = "access_token";
    private const string ApiVersion = "2026-07-15";

    /// <summary>What bookings leave out: who it is, and what it costs.</summary>
    internal const string Customer = "customer", ServicePrice = "service_price";

    /// <inheritdoc />
    public SourceInfo Info { get; } = new("square", "Square", "Appointments, payments, refunds",
        [
            .. SourceFields.Secrets("Signature key", "Square Developer Console > your application > Webhooks > Subscriptions > the subscription > Signature key: Show."),
            new(AccessToken, "Access token", "Developer Console > your application > Credentials > Production access token. Webhooks of appointments name no customer and no price; with it they are looked up. It brings past appointments and payments, too.",
                IsSecret: true, IsRequired: false),
            new(MerchantId, "Merchant id", "Only when one application serves several Square accounts. Webhooks of other merchants are refused.",
                IsSecret: false, IsRequired: false, Shape: SettingsCheck.Id, Wanted: "Must be the merchant's id, letters and digits."),
            new(NotificationUrl, "Notification URL", "Only when Square calls another address than the one shown here, through a proxy for instance: exactly as it stands in the subscription.",
                IsSecret: false, IsRequired: false, FieldKind.Url),
        ],
        [
            "Sign in to the Square Developer Console (developer.squareup.com/apps), press + and make an application, for instance ClarityTracking.",
            "In the application switch to Production, open Webhooks > Subscriptions and press Add subscription.",
            "URL: {url} (exactly so: Square signs the address as well). API version: the newest.",
            "Choose the events booking.created, booking.updated, payment.created and payment.updated, and save.",
            "Open the subscription, press Show beside Signature key, and copy it into Signature key here.",
            "Open Credentials, copy the Production access token into Access token here: only so appointments get a name and a price.",
            "Press Send test event in the subscription: it appears here within seconds.",
        ], new Uri("https://connect.squareup.com"));

    /// <inheritdoc />
    public Verdict Verify(InboundRequest request, JsonElement settings, IReadOnlyList<string> secrets)
    {
        if (request.Header(SignatureHeader) is not { } signature)
            return Verdict.MissingHeader;
        // what is signed is the address of the subscription, which no proxy changes
        var url = ConnectionJson.Text(settings, NotificationUrl) ?? request.Url;
        if (!Signature.IsBase64Of(signature, Signature.Keys(secrets), Signature.Part(url), request.Body))
            return Verdict.Mismatch;
        return ConnectionJson.Text(settings, MerchantId) is { } wanted && SenderBody.TryJson(request, out var body) && body.Text("merchant_id") != wanted
            ? Verdict.OtherAccount : Verdict.Ok;
    }

    /// <inheritdoc />
    public SourceReading Read(InboundRequest request, JsonElement settings)
    {
        if (!SenderBody.TryJson(request, out var body) || body.ValueKind != JsonValueKind.Object)
            return SourceReading.Refused("The body is not a JSON object.");
        if (body.Text("type") is not { } type)
            return SourceReading.Refused("type is missing.", "type");
        var record = new InboundRecord
        {
            Source = Info.Platform,
            SourceEvent = type,
            DeliveryKey = body.Text("event_id"),
            Action = InboundAction.Ignored,
            Account = body.Text("merchant_id"),
            Test = "Sandbox".Equals(request.Header("square-environment"), StringComparison.OrdinalIgnoreCase) ? true : null,
        };
        return type switch
        {
            "booking.created" or "booking.updated" => SquarePayload.Booking(record, body.At("data", "object", "booking")),
            "payment.created" or "payment.updated" => SquarePayload.Payment(record, body.At("data", "object", "payment")),
            "oauth.authorization.revoked" => record with { Action = InboundAction.AppUninstalled, EntityId = record.Account },
            // a refund's own notifications say nothing that the payment's do not
            _ => record with { EntityId = body.Text("data", "id") },
        };
    }

    /// <inheritdoc />
    public IReadOnlyList<LookUp> LookUps(InboundRecord record, DestinationAccess access)
    {
        if (access.AccessToken is not { Length: > 0 })
            return [];
        var lookUps = new List<LookUp>();
        if (record.NeedsFetch?.Contains(Customer) == true && record.Customer?.ExternalId is { } customerId)
            lookUps.Add(new LookUp(Customer, Get(access, $"v2/customers/{Uri.EscapeDataString(customerId)}")));
        if (record.NeedsFetch?.Contains(ServicePrice) == true)
            foreach (var id in (record.Items ?? []).Select(i => i.Id).OfType<string>().Distinct())
                lookUps.Add(new LookUp(PriceOf(id), Get(access, $"v2/catalog/object/{Uri.EscapeDataString(id)}?include_related_objects=true")));
        return lookUps;
    }

    /// <inheritdoc />
    public InboundRecord Complete(InboundRecord record, IReadOnlyDictionary<string, JsonElement> answers, JsonElement settings)
    {
        if (answers.TryGetValue(Customer, out var customer))
            record = record with { Customer = SquarePayload.CustomerOf(customer.At("customer"), record.Customer) };
        var services = answers.Where(a => a.Key.StartsWith(PriceOf(""), StringComparison.Ordinal)).ToDictionary(a => a.Key[PriceOf("").Length..], a => a.Value);
        return services.Count == 0 ? record : SquarePayload.Priced(record, services);
    }

    /// <inheritdoc />
    public string? PullNeeds(JsonElement settings, JsonElement credentials) =>
        ConnectionJson.Text(credentials, AccessToken) is null ? "Give the connection Square's access token first." : null;

    /// <inheritdoc />
    public DestinationRequest PullRequest(PullPosition at, DestinationAccess access) =>
        Get(access, SquarePull.PathOf(at));

    /// <inheritdoc />
    public PulledPage ReadPulled(PullPosition at, PullAnswer answer, JsonElement settings) => SquarePull.Read(at, answer.Json);

    /// <inheritdoc />
    public InboundRequest Sample(string url, JsonElement settings, string secret, DateTimeOffset now)
    {
        var at = now.UtcDateTime.ToString("yyyy-MM-ddTHH:mm:ss'Z'", CultureInfo.InvariantCulture);
        var id = $"sample{now.ToUnixTimeSeconds()}";
        var body = JsonSerializer.SerializeToUtf8Bytes(new
        {
            merchant_id = ConnectionJson.Text(settings, MerchantId) ?? "SAMPLE",
            type = "booking.created",
            event_id = Guid.NewGuid().ToString(),
            created_at = at,
            data = new
            {
                type = "booking",
                id = $"{id}:0",
                @object = new { booking = new { id, version = 0, status = "ACCEPTED", created_at = at, updated_at = at, start_at = now.AddDays(3).UtcDateTime.ToString("yyyy-MM-ddTHH:mm:ss'Z'", CultureInfo.InvariantCulture) } },
            },
        });
        var signed = ConnectionJson.Text(settings, NotificationUrl) ?? url;
        return new InboundRequest("POST", url, new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase)
        {
            ["Content-Type"] = "application/json",
            ["square-environment"] = "Sandbox",
            [SignatureHeader] = Convert.ToBase64String(Signature.Of(System.Text.Encoding.UTF8.GetBytes(secret), Signature.Part(signed), body)),
        }, body, now);
    }

    private static DestinationRequest Get(DestinationAccess access, string path) => SenderRequest.Get(access.Url(path), access.AccessToken!, false, ("Square-Version", ApiVersion));

    /// <summary>Name of the look-up of one service.</summary>
    private static string PriceOf(string serviceId) => $"{ServicePrice}:{serviceId}";
}
