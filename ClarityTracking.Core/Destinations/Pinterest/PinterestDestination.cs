using System.Text.Json;
using ClarityTracking.Core.Delivery;
using ClarityTracking.Core.Ingestion.Identify;
using ClarityTracking.Core.Ingestion.Store;
using ClarityTracking.Core.Routing;

namespace ClarityTracking.Core.Destinations.Pinterest;

/// <summary>Pinterest Conversions API v5. The rules and their sources are in this folder's README.</summary>
public sealed class PinterestDestination : IDestination
{
    static readonly string[] Keys =
    [
        MatchKeyNames.Email, MatchKeyNames.Phone, "epik", MatchKeyCheck.Address, MatchKeyCheck.Agent, MatchKeyNames.ExternalId, MatchKeyNames.FirstNameSpaceless,
        MatchKeyNames.LastNameSpaceless, MatchKeyNames.City, MatchKeyNames.StateCode, MatchKeyNames.ZipDigits, MatchKeyNames.Country, MatchKeyNames.DateOfBirth,
        MatchKeyNames.Gender,
    ];

    /// <inheritdoc />
    public DestinationInfo Info { get; } = new("pinterest", "Pinterest", MaxBatch: 1000, MaxAge: TimeSpan.FromDays(7),
        new Uri("https://api.pinterest.com"), PinterestSettings.Fields,
        Rate: RateLimit.PerMinute(5000, burst: 20), TestSetting: "test"); // per ad account; api-description 5.23.0 (2025-12)

    /// <inheritdoc />
    public IReadOnlyList<FieldError> Check(JsonElement settings, JsonElement? credentials) =>
        SettingsCheck.Run(PinterestSettings.Fields, settings, credentials, PinterestEventNames.IsName,
            $"Must be one of {PinterestEventNames.All}; or false to not send it.");

    /// <inheritdoc />
    public Skip? ReasonToSkip(Event @event, JsonElement settings, DateTimeOffset now)
    {
        var name = PinterestEventNames.Find(@event.Name, settings);
        if (EventFacts.ReasonToSkip(@event, name, Info.DisplayName, Info.MaxAge, PinterestSettings.IsTest(settings), now) is { } skip)
            return skip;
        return @event.MatchKeys.Sha256(MatchKeyNames.Email).Count > 0 || @event.HasAddressAndAgent
            ? null
            : new Skip(SkipReason.MissingKeys, "Pinterest needs an email, or the address together with the user agent.");
    }

    /// <inheritdoc />
    public byte[] Map(Event @event, JsonElement settings) =>
        // an event whose mapping was switched off after it was routed still goes out
        PinterestPayload.Write(@event, PinterestEventNames.Find(@event.Name, settings) ?? PinterestEventNames.Custom, PinterestSettings.LimitedDataUse(settings));

    /// <inheritdoc />
    public IReadOnlyList<string> MatchKeysFor(Event @event) => Keys;

    /// <inheritdoc />
    public DestinationRequest BuildRequest(IReadOnlyList<byte[]> payloads, DestinationAccess access)
    {
        var body = PayloadJson.Write(json => json.WriteAll("data"u8, payloads), PayloadJson.SizeOf(payloads));
        var account = Uri.EscapeDataString(ConnectionJson.Text(access.Settings, "ad_account_id") ?? "");
        var token = ConnectionJson.Text(access.Credentials, "access_token") ?? "";
        return new DestinationRequest(HttpMethod.Post,
            new Uri(access.Url($"v5/ad_accounts/{account}/events{(PinterestSettings.IsTest(access.Settings) ? "?test=true" : "")}")), body,
            new Dictionary<string, string> { ["Authorization"] = $"Bearer {token}" }, [token]);
    }

    /// <inheritdoc />
    public DeliveryOutcome Judge(DestinationAnswer answer) => PinterestAnswer.Judge(answer);
}
