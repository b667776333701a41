using System.Text.Json;
using ClarityTracking.Core.Delivery;
using ClarityTracking.Core.Ingestion.Identify;
using ClarityTracking.Core.Ingestion.Store;
using ClarityTracking.Core.Routing;

namespace ClarityTracking.Core.Destinations.Meta;

/// <summary>Meta Conversions API (Facebook, Instagram). The rules and their sources are in this folder's README.</summary>
public sealed class MetaDestination : IDestination
{
    static readonly string[] Keys =
    [
        MatchKeyNames.Email, MatchKeyNames.Phone, "fbc", "fbp", MatchKeyCheck.Address, MatchKeyCheck.Agent, MatchKeyNames.ExternalId, MatchKeyNames.FirstName,
        MatchKeyNames.LastName, MatchKeyNames.City, MatchKeyNames.State, MatchKeyNames.Zip, MatchKeyNames.Country, MatchKeyNames.DateOfBirth, MatchKeyNames.Gender,
    ];
    static readonly Dictionary<string, string> NoHeaders = [];

    /// <inheritdoc />
    public DestinationInfo Info { get; } = new("meta", "Meta", MaxBatch: 1000, MaxAge: TimeSpan.FromDays(7),
        new Uri("https://graph.facebook.com"), MetaSettings.Fields, TestSetting: "test_event_code");

    /// <inheritdoc />
    public IReadOnlyList<FieldError> Check(JsonElement settings, JsonElement? credentials) => MetaSettings.Check(settings, credentials);

    /// <inheritdoc />
    public Skip? ReasonToSkip(Event @event, JsonElement settings, DateTimeOffset now)
    {
        var name = MetaEventNames.Find(@event.Name, settings);
        if (EventFacts.ReasonToSkip(@event, name, Info.DisplayName, Info.MaxAge, ConnectionJson.Text(settings, "test_event_code") is not null, now) is { } skip)
            return skip;
        return MissingField(@event, name!) ?? (MetaUserData.IsTooBroad(@event)
            ? new Skip(SkipReason.MissingKeys, "Meta refuses events that describe too many people: an email, phone, click id, browser id or IP address is needed.")
            : null);
    }

    /// <inheritdoc />
    public byte[] Map(Event @event, JsonElement settings) =>
        // an event whose mapping was switched off after it was routed still goes out under its own name
        MetaPayload.Write(@event, MetaEventNames.Find(@event.Name, settings) ?? @event.Name, settings);

    /// <inheritdoc />
    public IReadOnlyList<string> MatchKeysFor(Event @event) => Keys;

    /// <inheritdoc />
    public DestinationRequest BuildRequest(IReadOnlyList<byte[]> payloads, DestinationAccess access)
    {
        var body = PayloadJson.Write(json =>
        {
            json.WriteAll("data"u8, payloads);
            json.WriteText("test_event_code"u8, ConnectionJson.Text(access.Settings, "test_event_code"));
        }, PayloadJson.SizeOf(payloads));
        var dataset = Uri.EscapeDataString(ConnectionJson.Text(access.Settings, "dataset_id") ?? "");
        var (url, secrets) = MetaCall.Sign(access, $"{dataset}/events?");
        return new DestinationRequest(HttpMethod.Post, url, body, NoHeaders, secrets);
    }

    /// <inheritdoc />
    public DeliveryOutcome Judge(DestinationAnswer answer) => MetaAnswer.Judge(answer.HttpStatus, answer.Body);

    static Skip? MissingField(Event @event, string name)
    {
        if (name == MetaEventNames.Purchase && @event.Value is null)
            return new Skip(SkipReason.MissingField, "Meta refuses a Purchase without a value.");
        if (name == MetaEventNames.Purchase && CurrencyCode.Read(@event.Currency) is null)
            return new Skip(SkipReason.MissingField, "Meta refuses a Purchase without an ISO 4217 currency.");
        if (MetaActionSource.Of(@event) != MetaActionSource.Website)
            return null;
        if (!EventFacts.IsWebAddress(@event.Url))
            return new Skip(SkipReason.MissingField, "Meta needs the page's address (url) of a website event.");
        return string.IsNullOrEmpty(@event.UserAgent)
            ? new Skip(SkipReason.MissingField, "Meta needs the browser's user agent of a website event.")
            : null;
    }
}
