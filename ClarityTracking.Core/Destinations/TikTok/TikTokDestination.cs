using System.Text.Json;
using ClarityTracking.Core.Delivery;
using ClarityTracking.Core.Ingestion.Identify;
using ClarityTracking.Core.Ingestion.Store;
using ClarityTracking.Core.Routing;

namespace ClarityTracking.Core.Destinations.TikTok;

/// <summary>TikTok Events API 2.0 (v1.3). The rules and their sources are in this folder's README.</summary>
public sealed class TikTokDestination : IDestination
{
    static readonly string[] Keys =
    [
        MatchKeyNames.Email, MatchKeyNames.PhoneE164, "ttclid", "ttp", MatchKeyCheck.Address, MatchKeyCheck.Agent, MatchKeyNames.ExternalIdLower,
        MatchKeyNames.FirstNameSpaceless, MatchKeyNames.LastNameSpaceless, MatchKeyCheck.ReadableCity, MatchKeyCheck.ReadableState, MatchKeyNames.Zip, MatchKeyCheck.ReadableCountry,
    ];

    /// <inheritdoc />
    public DestinationInfo Info { get; } = new("tiktok", "TikTok", MaxBatch: 1000, MaxAge: TimeSpan.FromDays(7),
        new Uri("https://business-api.tiktok.com"), TikTokSettings.Fields,
        Rate: RateLimit.PerMinute(1000, burst: 10), TestSetting: "test_event_code"); // sources differ between 1000 a minute and a second; the slower one

    /// <inheritdoc />
    public IReadOnlyList<FieldError> Check(JsonElement settings, JsonElement? credentials) =>
        SettingsCheck.Run(TikTokSettings.Fields, settings, credentials, TikTokEventNames.IsName, "Must be TikTok's event name (at most 50 characters), or false to not send it.");

    /// <inheritdoc />
    public Skip? ReasonToSkip(Event @event, JsonElement settings, DateTimeOffset now)
    {
        var name = TikTokEventNames.Find(@event.Name, settings);
        if (EventFacts.ReasonToSkip(@event, name, Info.DisplayName, Info.MaxAge, TikTokSettings.TestEventCode(settings) is not null, now) is { } skip)
            return skip;
        var keys = @event.MatchKeys;
        return keys.Sha256(MatchKeyNames.Email).Count > 0 || keys.Sha256(MatchKeyNames.PhoneE164).Count > 0 || keys.Sha256(MatchKeyNames.ExternalIdLower).Count > 0
            || @event.ClickId("ttclid") is not null || @event.Cookie("ttp") is not null || @event.HasAddressAndAgent
            ? null
            : new Skip(SkipReason.MissingKeys, "TikTok could match nobody: an email, phone, external id, click id, browser id, or the address with the user agent is needed.");
    }

    /// <inheritdoc />
    public byte[] Map(Event @event, JsonElement settings) =>
        // an event whose mapping was switched off after it was routed still goes out under its own name
        TikTokPayload.Write(@event, TikTokEventNames.Find(@event.Name, settings) ?? @event.Name, TikTokSettings.LimitedDataUse(settings));

    /// <inheritdoc />
    public IReadOnlyList<string> MatchKeysFor(Event @event) => Keys;

    /// <inheritdoc />
    public DestinationRequest BuildRequest(IReadOnlyList<byte[]> payloads, DestinationAccess access)
    {
        var body = PayloadJson.Write(json =>
        {
            json.WriteString("event_source"u8, "web"u8);
            json.WriteText("event_source_id"u8, ConnectionJson.Text(access.Settings, "pixel_code"));
            json.WriteText("test_event_code"u8, TikTokSettings.TestEventCode(access.Settings));
            json.WriteAll("data"u8, payloads);
        }, PayloadJson.SizeOf(payloads));
        var token = ConnectionJson.Text(access.Credentials, "access_token") ?? "";
        return new DestinationRequest(HttpMethod.Post, new Uri(access.Url("open_api/v1.3/event/track/")), body,
            new Dictionary<string, string> { ["Access-Token"] = token }, [token]);
    }

    /// <inheritdoc />
    public DeliveryOutcome Judge(DestinationAnswer answer) => TikTokAnswer.Judge(answer);
}
