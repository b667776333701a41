using System.Text.Json;
using ClarityTracking.Core.Delivery;
using ClarityTracking.Core.Ingestion.Identify;
using ClarityTracking.Core.Ingestion.Store;
using ClarityTracking.Core.Routing;

namespace ClarityTracking.Core.Destinations.LinkedIn;

/// <summary>LinkedIn Conversions API. The rules and their sources are in this folder's README.</summary>
public sealed class LinkedInDestination : IDestination
{
    static readonly string[] Keys = [MatchKeyNames.Email, "li_fat_id", MatchKeyCheck.ReadableName, MatchKeyCheck.ReadableExternalId];

    /// <inheritdoc />
    public DestinationInfo Info { get; } = new("linkedin", "LinkedIn", MaxBatch: 5000, MaxAge: TimeSpan.FromDays(90),
        new Uri("https://api.linkedin.com"), LinkedInSettings.Fields,
        Rate: RateLimit.PerMinute(600, burst: 10)); // Salesforce's page on its LinkedIn connector (2026-11)

    /// <inheritdoc />
    public IReadOnlyList<FieldError> Check(JsonElement settings, JsonElement? credentials) => LinkedInSettings.Check(settings, credentials);

    /// <inheritdoc />
    public Skip? ReasonToSkip(Event @event, JsonElement settings, DateTimeOffset now)
    {
        if (@event.DeniesPersonalization)
            return new Skip(SkipReason.Consent, "The visitor refused personalised ads, and LinkedIn has no way to say so.");
        if (EventFacts.ReasonToSkip(@event, LinkedInSettings.RuleOf(@event.Name, settings), Info.DisplayName, Info.MaxAge, hasTestMode: false, now) is { } skip)
            return skip;
        return @event.MatchKeys.Sha256(MatchKeyNames.Email).Count > 0 || LinkedInPayload.ClickId(@event) is not null || LinkedInPayload.HasName(@event.Person)
            ? null
            : new Skip(SkipReason.MissingKeys, "LinkedIn could match nobody: an email, its click id, or first and last name are needed.");
    }

    /// <inheritdoc />
    public byte[] Map(Event @event, JsonElement settings) =>
        // no rule: its mapping was switched off after the event was routed
        LinkedInPayload.Write(@event, LinkedInSettings.RuleOf(@event.Name, settings) ?? throw new InvalidOperationException($"no conversion rule for {@event.Name}."));

    /// <inheritdoc />
    public IReadOnlyList<string> MatchKeysFor(Event @event) => Keys;

    /// <summary>One event goes as it is, several as a batch.</summary>
    public DestinationRequest BuildRequest(IReadOnlyList<byte[]> payloads, DestinationAccess access)
    {
        var token = ConnectionJson.Text(access.Credentials, "access_token") ?? "";
        var headers = new Dictionary<string, string>
        {
            ["Authorization"] = $"Bearer {token}",
            ["LinkedIn-Version"] = ConnectionJson.Text(access.Settings, "version") ?? LinkedInSettings.DefaultVersion,
            ["X-Restli-Protocol-Version"] = "2.0.0",
        };
        if (payloads.Count > 1)
            headers["X-RestLi-Method"] = "BATCH_CREATE";
        var body = payloads.Count > 1 ? PayloadJson.Write(json => json.WriteAll("elements"u8, payloads), PayloadJson.SizeOf(payloads)) : payloads[0];
        return new DestinationRequest(HttpMethod.Post, new Uri(access.Url("rest/conversionEvents")), body, headers, [token]);
    }

    /// <inheritdoc />
    public DeliveryOutcome Judge(DestinationAnswer answer) => LinkedInAnswer.Judge(answer);
}
