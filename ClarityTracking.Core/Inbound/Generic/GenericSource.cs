using System.Globalization;
using System.Text;
using System.Text.Json;
using ClarityTracking.Core.Destinations;

namespace ClarityTracking.Core.Inbound.Generic;

/// <summary>Any system that signs by Standard Webhooks 1.0.0 and speaks our own body (docs/integrations/generic-webhook.md).</summary>
public sealed class GenericSource : ISource
{
    private const int LongestId = 128, FewestKeyBytes = 24;

    /// <inheritdoc />
    public SourceInfo Info { get; } = new("generic", "Generic webhook", "Bookings, orders, refunds, leads of any system",
        SourceFields.Secrets("Signing secret", "whsec_ and 24 to 64 random bytes in Base64 (printf whsec_; openssl rand -base64 32)."),
        [
            "Take a signing secret here and in the sending system; any Standard Webhooks library signs with it.",
            "Let the sending system post JSON to {url}.",
            "Send a booking or an order; the body is described in the integration guide.",
        ]);

    /// <inheritdoc />
    public IReadOnlyList<FieldError> Check(JsonElement settings, JsonElement? credentials)
    {
        var errors = SourceFields.Check(Info, settings, credentials).ToList();
        if (credentials is { } secrets)
            foreach (var name in new[] { SourceFields.Secret, SourceFields.PreviousSecret })
                if (ConnectionJson.Text(secrets, name) is { } secret && StandardWebhook.KeyOf(secret).Length < FewestKeyBytes && errors.TrueForAll(e => e.Field != $"credentials.{name}"))
                    errors.Add(new($"credentials.{name}", $"Must be {StandardWebhook.SecretPrefix} and at least {FewestKeyBytes} bytes in Base64, or at least {FewestKeyBytes} other characters."));
        return errors;
    }

    /// <inheritdoc />
    public Verdict Verify(InboundRequest request, JsonElement settings, IReadOnlyList<string> secrets) =>
        StandardWebhookRequest.Verify(request, secrets.Select(StandardWebhook.KeyOf));

    /// <inheritdoc />
    public SourceReading Read(InboundRequest request, JsonElement settings)
    {
        if (!SenderBody.TryJson(request, out var body) || body.ValueKind != JsonValueKind.Object)
            return SourceReading.Refused("The body is not a JSON object.");
        if (body.Text("type") is not { } type)
            return SourceReading.Refused("type is missing.", "type");
        var record = new InboundRecord { Source = Info.Platform, SourceEvent = type, DeliveryKey = request.Header("webhook-id"), Action = ActionOf(type) };
        if (record.Action == InboundAction.Ignored)
            return record;
        if (body.Time("timestamp") is not { } at)
            return SourceReading.Refused("timestamp must be ISO 8601 with an offset.", "timestamp");
        var data = body.At("data");
        var idName = type.StartsWith("booking.", StringComparison.Ordinal) ? "booking_id" : type.StartsWith("order.", StringComparison.Ordinal) ? "order_id" : "lead_id";
        var id = data.Text(idName) ?? (idName == "lead_id" ? data.Text("id") ?? record.DeliveryKey : null);
        if (id is not { Length: <= LongestId })
            return SourceReading.Refused($"data.{idName} is missing or longer than {LongestId} characters.", $"data.{idName}");
        var (value, currency) = (data.Amount("value"), Money.Currency(data.Text("currency")));
        if (data.Text("value") is not null && value is null)
            return SourceReading.Refused("data.value must be a decimal such as \"38.50\".", "data.value");
        if (data.Text("currency") is not null && currency is null)
            return SourceReading.Refused("data.currency must be an ISO 4217 code.", "data.currency");
        if (data.Text("starts_at") is not null && data.Time("starts_at") is null)
            return SourceReading.Refused("data.starts_at must be ISO 8601 with an offset.", "data.starts_at");
        var isRefund = record.Action == InboundAction.Refund;
        return record with
        {
            EntityId = id,
            // several refunds of one order are told apart by an id of their own, or by the message
            RefundId = isRefund ? data.Text("refund_id") ?? record.DeliveryKey : null,
            EventTime = at,
            StartsAt = data.Time("starts_at"),
            Status = data.Text("status"),
            Value = value,
            Currency = currency,
            Customer = CustomerOf(data.At("customer")),
            Items = data.List("items").Select(i => ItemOf(i, currency)).ToList() is { Count: > 0 } items ? items : null,
            Attribution = AttributionOf(data.At("attribution")),
            Ip = data.Text("ip"),
            UserAgent = data.Text("user_agent"),
            Consent = data.Members("consent").ToDictionary(m => m.Name, m => m.Value.Clone()) is { Count: > 0 } consent ? consent : null,
            Test = data.Flag("test"),
            Location = data.Text("location_id") ?? data.Text("location"),
            Channel = data.Text("channel"),
            Device = DeviceOf(data),
        };
    }

    /// <inheritdoc />
    public InboundRequest Sample(string url, JsonElement settings, string secret, DateTimeOffset now)
    {
        var body = JsonSerializer.SerializeToUtf8Bytes(new
        {
            type = "booking.created",
            timestamp = now.ToString("O", CultureInfo.InvariantCulture),
            data = new
            {
                booking_id = $"sample-{now.ToUnixTimeSeconds()}",
                status = "confirmed",
                starts_at = now.AddDays(3).ToString("O", CultureInfo.InvariantCulture),
                value = "38.50",
                currency = "EUR",
                customer = new { email = "sample@example.com", first_name = "Sample", last_name = "Customer" },
                test = true,
            },
        });
        return StandardWebhookRequest.Signed(url, body, $"msg_sample_{Guid.NewGuid():N}", StandardWebhook.KeyOf(secret), now);
    }

    /// <inheritdoc />
    public string NewSecret() => StandardWebhook.NewSecret();

    private static InboundAction ActionOf(string type) => type switch
    {
        "booking.created" => InboundAction.BookingCreated,
        "booking.rescheduled" => InboundAction.BookingRescheduled,
        "booking.canceled" => InboundAction.BookingCanceled,
        "booking.no_show" => InboundAction.BookingNoShow,
        "booking.completed" => InboundAction.BookingCompleted,
        "order.created" => InboundAction.OrderCreated,
        "order.paid" => InboundAction.OrderPaid,
        "order.refunded" => InboundAction.Refund,
        "lead.created" => InboundAction.Lead,
        _ => InboundAction.Ignored,
    };

    private static InboundCustomer? CustomerOf(JsonElement json)
    {
        var (first, last) = SenderJson.SplitName(json.Text("name"));
        return new InboundCustomer
        {
            ExternalId = json.Text("external_id"),
            Email = SenderJson.Email(json.Text("email")),
            Phone = json.Text("phone"),
            FirstName = json.Text("first_name") ?? first,
            LastName = json.Text("last_name") ?? last,
            City = json.Text("city"),
            Region = json.Text("region"),
            PostalCode = json.Text("postal_code"),
            Country = json.Text("country"),
        }.OrNull();
    }

    private static InboundDevice? DeviceOf(JsonElement data) =>
        new InboundDevice(data.Text("device"), data.Text("os"), data.Text("browser")) is var device && device == new InboundDevice(null, null, null) ? null : device;

    private static InboundItem ItemOf(JsonElement json, string? currency) => new()
    {
        Id = json.Text("id"),
        Name = json.Text("name"),
        Quantity = json.Amount("quantity") ?? 1,
        UnitPrice = json.Amount("unit_price") is { } price ? Money.Text(price, currency) : null,
    };

    private static IReadOnlyDictionary<string, string> AttributionOf(JsonElement json)
    {
        var told = new PassedThrough();
        foreach (var member in json.Members())
            told.Add(member.Name, member.Value.Text());
        return told.AddLanding(json.Text("landing_url"), json.Text("referrer"), readQuery: false).Found;
    }
}
