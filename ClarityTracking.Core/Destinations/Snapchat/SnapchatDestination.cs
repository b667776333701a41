using System.Text.Json;
using ClarityTracking.Core.Delivery;
using ClarityTracking.Core.Ingestion.Identify;
using ClarityTracking.Core.Ingestion.Store;
using ClarityTracking.Core.Routing;

namespace ClarityTracking.Core.Destinations.Snapchat;

/// <summary>Snapchat Conversions API v3. The rules and their sources are in this folder's README.</summary>
public sealed class SnapchatDestination : IDestination
{
    static readonly string[] Keys =
    [
        MatchKeyNames.Email, MatchKeyNames.Phone, "ScCid", "sc_cookie1", MatchKeyCheck.Address, MatchKeyCheck.Agent, MatchKeyNames.ExternalId, MatchKeyNames.FirstName,
        MatchKeyNames.LastName, MatchKeyNames.City, MatchKeyNames.State, MatchKeyNames.Zip, MatchKeyNames.Country, MatchKeyNames.DateOfBirth, MatchKeyNames.Gender,
    ];
    static readonly Dictionary<string, string> NoHeaders = [];

    /// <inheritdoc />
    public DestinationInfo Info { get; } = new("snapchat", "Snapchat", MaxBatch: 2000, MaxAge: TimeSpan.FromDays(37),
        new Uri("https://tr.snapchat.com"), SnapchatSettings.Fields, TestSetting: "test_id");

    /// <inheritdoc />
    public IReadOnlyList<FieldError> Check(JsonElement settings, JsonElement? credentials) =>
        SettingsCheck.Run(SnapchatSettings.Fields, settings, credentials, SnapchatEventNames.IsName,
            $"Must be one of {SnapchatEventNames.All}; or false to not send it.");

    /// <inheritdoc />
    public Skip? ReasonToSkip(Event @event, JsonElement settings, DateTimeOffset now)
    {
        var name = SnapchatEventNames.Find(@event.Name, settings);
        if (EventFacts.ReasonToSkip(@event, name, Info.DisplayName, Info.MaxAge, SnapchatSettings.TestId(settings) is not null, now) is { } skip)
            return skip;
        return @event.MatchKeys.Sha256(MatchKeyNames.Email).Count > 0 || @event.MatchKeys.Sha256(MatchKeyNames.Phone).Count > 0 || @event.HasAddressAndAgent
            ? null
            : new Skip(SkipReason.MissingKeys, "Snapchat needs an email, a phone, or the address together with the user agent.");
    }

    /// <inheritdoc />
    public byte[] Map(Event @event, JsonElement settings) => SnapchatPayload.Write(@event,
        SnapchatEventNames.Find(@event.Name, settings) ?? throw new InvalidOperationException($"Snapchat has no name for {@event.Name}."), settings);

    /// <inheritdoc />
    public IReadOnlyList<string> MatchKeysFor(Event @event) => Keys;

    /// <inheritdoc />
    public DestinationRequest BuildRequest(IReadOnlyList<byte[]> payloads, DestinationAccess access)
    {
        var body = PayloadJson.Write(json => json.WriteAll("data"u8, payloads), PayloadJson.SizeOf(payloads));
        var pixel = Uri.EscapeDataString(ConnectionJson.Text(access.Settings, "pixel_id") ?? "");
        var token = ConnectionJson.Text(access.Credentials, "access_token") ?? "";
        return new DestinationRequest(HttpMethod.Post, new Uri(access.Url($"v3/{pixel}/events?access_token={Uri.EscapeDataString(token)}")), body, NoHeaders, [token]);
    }

    /// <summary>By the status: what the body holds is not documented but for a status and a reason.</summary>
    public DeliveryOutcome Judge(DestinationAnswer answer) => HttpStatusKind.Judge(answer, static error =>
        AnswerJson.Reason(AnswerJson.Text(error, "status"), AnswerJson.Text(error, "reason"), AnswerJson.Text(error, "message")));
}
