using System.Text.Json;
using ClarityTracking.Core.Delivery;
using ClarityTracking.Core.Ingestion.Identify;
using ClarityTracking.Core.Ingestion.Store;
using ClarityTracking.Core.Routing;

namespace ClarityTracking.Core.Destinations.Microsoft;

/// <summary>Microsoft Advertising's UET Conversions API. The rules and their sources are in this folder's README.</summary>
public sealed class MicrosoftDestination : IDestination
{
    static readonly string[] Keys =
        ["msclkid", MatchKeyNames.Email, MatchKeyNames.PhoneE164, MatchKeyCheck.Address, MatchKeyCheck.Agent, MatchKeyCheck.ReadableImpersonalId];

    /// <inheritdoc />
    public DestinationInfo Info { get; } = new("microsoft", "Microsoft Advertising", MaxBatch: 1000, MaxAge: TimeSpan.FromDays(7),
        new Uri("https://capi.uet.microsoft.com"), MicrosoftSettings.Fields);

    /// <inheritdoc />
    public IReadOnlyList<FieldError> Check(JsonElement settings, JsonElement? credentials) =>
        SettingsCheck.Run(MicrosoftSettings.Fields, settings, credentials, MicrosoftEventNames.IsName,
            "Must be the event's name in your conversion goal (at most 100 characters), or false to not send it.");

    /// <inheritdoc />
    public Skip? ReasonToSkip(Event @event, JsonElement settings, DateTimeOffset now)
    {
        var name = MicrosoftEventNames.Find(@event.Name, settings);
        if (EventFacts.ReasonToSkip(@event, name, Info.DisplayName, Info.MaxAge, hasTestMode: false, now) is { } skip)
            return skip;
        if (name == MicrosoftEventNames.PageLoad && @event.PageUrl is null)
            return new Skip(SkipReason.MissingField, "Microsoft needs the page's address with a page load.");
        var keys = @event.MatchKeys;
        return @event.ClickId("msclkid") is not null || keys.Sha256(MatchKeyNames.Email).Count > 0 || keys.Sha256(MatchKeyNames.PhoneE164).Count > 0
            || keys.Has(MatchKeyNames.ExternalId) || @event.HasAddressAndAgent
            ? null
            : new Skip(SkipReason.MissingKeys, "Microsoft could match nobody: a click id, email, phone, external id, or the address with the user agent is needed.");
    }

    /// <inheritdoc />
    public byte[] Map(Event @event, JsonElement settings) =>
        // an event whose mapping was switched off after it was routed still goes out under its own name
        MicrosoftPayload.Write(@event, MicrosoftEventNames.Find(@event.Name, settings) ?? @event.Name);

    /// <inheritdoc />
    public IReadOnlyList<string> MatchKeysFor(Event @event) => Keys;

    /// <inheritdoc />
    public DestinationRequest BuildRequest(IReadOnlyList<byte[]> payloads, DestinationAccess access)
    {
        var body = PayloadJson.Write(json => json.WriteAll("data"u8, payloads), PayloadJson.SizeOf(payloads));
        var tag = Uri.EscapeDataString(ConnectionJson.Text(access.Settings, "uet_tag_id") ?? "");
        var token = ConnectionJson.Text(access.Credentials, "access_token") ?? "";
        return new DestinationRequest(HttpMethod.Post, new Uri(access.Url($"v1/{tag}/events")), body,
            new Dictionary<string, string> { ["Authorization"] = $"Bearer {token}" }, [token]);
    }

    /// <inheritdoc />
    public DeliveryOutcome Judge(DestinationAnswer answer) => MicrosoftAnswer.Judge(answer);
}
