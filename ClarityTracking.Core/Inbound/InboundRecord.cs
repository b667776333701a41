using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace ClarityTracking.Core.Inbound;

/// <summary>What a webhook says happened.</summary>
public enum InboundAction
{
    /// <summary>Nothing for us; kept in the log.</summary>
    Ignored,
    /// <summary>A checkout was begun.</summary>
    CheckoutStarted,
    /// <summary>An order was placed; paid only when its status says so.</summary>
    OrderCreated,
    /// <summary>An order was paid.</summary>
    OrderPaid,
    /// <summary>An order changed; refunds may be listed.</summary>
    OrderUpdated,
    /// <summary>An order was deleted.</summary>
    OrderDeleted,
    /// <summary>Money was taken.</summary>
    PaymentSucceeded,
    /// <summary>Money is on its way.</summary>
    PaymentPending,
    /// <summary>Money was refused.</summary>
    PaymentFailed,
    /// <summary>Money was given back, all or a part of it.</summary>
    Refund,
    /// <summary>An appointment was booked.</summary>
    BookingCreated,
    /// <summary>An appointment was asked for and waits for a confirmation.</summary>
    BookingPending,
    /// <summary>An appointment changed; it was moved when its start did.</summary>
    BookingUpdated,
    /// <summary>An appointment was moved.</summary>
    BookingRescheduled,
    /// <summary>An appointment was cancelled.</summary>
    BookingCanceled,
    /// <summary>An appointment took place.</summary>
    BookingCompleted,
    /// <summary>The customer did not come.</summary>
    BookingNoShow,
    /// <summary>A membership began.</summary>
    MembershipActivated,
    /// <summary>Somebody left contact data.</summary>
    Lead,
    /// <summary>A deal was won.</summary>
    DealWon,
    /// <summary>The shop took our app out.</summary>
    AppUninstalled,
    /// <summary>A person wants to see or to have deleted what is kept.</summary>
    PrivacyRequest,
}

/// <summary>
/// What one notification of a sender means, in the same shape for all senders: absent, null and empty are the same. As JSON (snake_case,
/// nothing that is null) it is the <c>canonical</c> of the API.
/// </summary>
public sealed record InboundRecord
{
    /// <summary>Platform of the sender.</summary>
    public required string Source { get; init; }

    /// <summary>What happened.</summary>
    public required InboundAction Action { get; init; }

    /// <summary>The sender's word for it.</summary>
    public string? SourceEvent { get; init; }

    /// <summary>The same on every repetition of this notification and on no other.</summary>
    public string? DeliveryKey { get; init; }

    /// <summary>The sender's id of what it is about.</summary>
    public string? EntityId { get; init; }

    /// <summary>The number people know it by.</summary>
    public string? EntityNumber { get; init; }

    /// <summary>Counts the entity's changes where the sender does.</summary>
    public long? EntityVersion { get; init; }

    /// <summary>Ids of other things it belongs to: <c>order_id</c>, <c>payment_intent</c>, <c>previous_booking_id</c> ...</summary>
    public IReadOnlyDictionary<string, string>? Related { get; init; }

    /// <summary>When it happened (UTC); null = the sender does not tell.</summary>
    public DateTimeOffset? EventTime { get; init; }

    /// <summary>When the appointment begins (UTC).</summary>
    public DateTimeOffset? StartsAt { get; init; }

    /// <summary>The sender's word for its state.</summary>
    public string? Status { get; init; }

    /// <summary>In major units of <see cref="Currency"/>; of a refund: this refund alone.</summary>
    [JsonIgnore]
    public decimal? Value { get; init; }

    /// <summary><see cref="Value"/> with exactly the currency's decimals.</summary>
    [JsonPropertyName("value")]
    public string? ValueText => Value is { } value ? Money.Text(value, Currency) : null;

    /// <summary>ISO 4217, upper case.</summary>
    public string? Currency { get; init; }

    /// <summary>Who bought or booked.</summary>
    public InboundCustomer? Customer { get; init; }

    /// <summary>What was bought or booked.</summary>
    public IReadOnlyList<InboundItem>? Items { get; init; }

    /// <summary>What leads back to the visit, see <see cref="PassedThrough"/>; empty when the sender could carry it and does not, null when it could not.</summary>
    public IReadOnlyDictionary<string, string>? Attribution { get; init; }

    /// <summary>The customer's address, as the shop saw it.</summary>
    public string? Ip { get; init; }

    /// <summary>The customer's browser, as the shop saw it.</summary>
    public string? UserAgent { get; init; }

    /// <summary>Consents by the sender's names; marketing consents are none for ads data.</summary>
    public IReadOnlyDictionary<string, JsonElement>? Consent { get; init; }

    /// <summary>Made to try things out: kept, and sent to no ad platform but in its test mode.</summary>
    public bool? Test { get; init; }

    /// <summary>The sender's id of the account.</summary>
    public string? Account { get; init; }

    /// <summary>Where the shop took it (<c>web</c>, <c>pos</c> ...).</summary>
    public string? Channel { get; init; }

    /// <summary>What must be asked of the sender's API to know the rest.</summary>
    public IReadOnlyList<string>? NeedsFetch { get; init; }

    /// <summary>Refunds of the order so far, each with an id.</summary>
    public IReadOnlyList<InboundRefund>? Refunds { get; init; }

    /// <summary>All that was given back so far, in major units.</summary>
    [JsonIgnore]
    public decimal? RefundedTotal { get; init; }

    /// <summary><see cref="RefundedTotal"/> with exactly the currency's decimals.</summary>
    [JsonPropertyName("refunded_total")]
    public string? RefundedTotalText => RefundedTotal is { } total ? Money.Text(total, Currency) : null;

    /// <summary>Ids of the refunds so far.</summary>
    public IReadOnlyList<string>? RefundIds { get; init; }

    /// <summary>Everything was given back.</summary>
    public bool? FullyRefunded { get; init; }

    /// <summary>What tells repetitions of the notification, where <see cref="DeliveryKey"/> is shared by notifications that say different things.</summary>
    [JsonIgnore]
    public string? RepetitionKey { get; init; }

    /// <summary>The id under which we keep it, when that is not <see cref="EntityId"/>: of a refund the order's, of a checkout its payment's.</summary>
    [JsonIgnore]
    public string? ConversionId { get; init; }

    /// <summary>Of a refund: what tells it from the conversion's other refunds, when that is not <see cref="EntityId"/>.</summary>
    [JsonIgnore]
    public string? RefundId { get; init; }

    /// <summary>Other ids of the same conversion: the appointment's before it was moved, for instance.</summary>
    [JsonIgnore]
    public IReadOnlyList<string> OtherIds { get; init; } = [];

    /// <summary>The branch it belongs to, by the sender's id.</summary>
    [JsonIgnore]
    public string? Location { get; init; }

    /// <summary>What the customer booked on, where the sender tells it.</summary>
    [JsonIgnore]
    public InboundDevice? Device { get; init; }

    /// <summary>As the API shows it.</summary>
    public JsonElement ToJson() => JsonSerializer.SerializeToElement(this, JsonShape);

    private static readonly JsonSerializerOptions JsonShape = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
        Converters = { new JsonStringEnumConverter(JsonNamingPolicy.SnakeCaseLower), new SecondsConverter() },
    };

    /// <summary>UTC, whole seconds, fractions cut off.</summary>
    private sealed class SecondsConverter : JsonConverter<DateTimeOffset>
    {
        public override DateTimeOffset Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) => reader.GetDateTimeOffset();

        public override void Write(Utf8JsonWriter writer, DateTimeOffset value, JsonSerializerOptions options) =>
            writer.WriteStringValue(value.UtcDateTime.ToString("yyyy-MM-ddTHH:mm:ss'Z'", CultureInfo.InvariantCulture));
    }
}

/// <summary>A browser in words (<c>mobile</c>, <c>ios</c>, <c>safari</c>).</summary>
public sealed record InboundDevice(string? Device, string? Os, string? Browser);

/// <summary>Who bought or booked, as the sender wrote it; only the email is in lower case, and all is trimmed.</summary>
public sealed record InboundCustomer
{
    /// <summary>The sender's id of the customer.</summary>
    public string? ExternalId { get; init; }

    /// <summary>Trimmed, lower case.</summary>
    public string? Email { get; init; }

    /// <summary>Trimmed, else as sent.</summary>
    public string? Phone { get; init; }

    /// <summary>Given name.</summary>
    public string? FirstName { get; init; }

    /// <summary>Family name.</summary>
    public string? LastName { get; init; }

    /// <summary>City.</summary>
    public string? City { get; init; }

    /// <summary>State, province or region.</summary>
    public string? Region { get; init; }

    /// <summary>Postal code.</summary>
    public string? PostalCode { get; init; }

    /// <summary>ISO 3166-1 alpha-2 where the sender has it.</summary>
    public string? Country { get; init; }
}

/// <summary>One line of an order, or one service of an appointment.</summary>
public sealed record InboundItem
{
    /// <summary>What catalogues know it by (the variant).</summary>
    public string? Id { get; init; }

    /// <summary>The product the variant is of.</summary>
    public string? ProductId { get; init; }

    /// <summary>Stock keeping unit.</summary>
    public string? Sku { get; init; }

    /// <summary>As people know it.</summary>
    public string? Name { get; init; }

    /// <summary>How many.</summary>
    public decimal Quantity { get; init; } = 1;

    /// <summary>Price of one in major units, as text with the currency's decimals.</summary>
    public string? UnitPrice { get; init; }
}

/// <summary>One of an order's refunds.</summary>
public sealed record InboundRefund
{
    /// <summary>The sender's id.</summary>
    public required string EntityId { get; init; }

    /// <summary>Amount in major units, positive.</summary>
    [JsonIgnore]
    public required decimal Value { get; init; }

    /// <summary><see cref="Value"/> with exactly the currency's decimals.</summary>
    [JsonPropertyName("value")]
    public string ValueText => Money.Text(Value, Currency);

    /// <summary>ISO 4217, upper case.</summary>
    public string? Currency { get; init; }

    /// <summary>When it was seen (UTC).</summary>
    public DateTimeOffset? EventTime { get; init; }
}
