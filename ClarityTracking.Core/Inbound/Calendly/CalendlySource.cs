using System.Globalization;
using System.Text.Json;
using ClarityTracking.Core.Destinations;
using ClarityTracking.Core.Inbound.Pulls;

namespace ClarityTracking.Core.Inbound.Calendly;

/// <summary>Calendly's webhooks (v2) and the bookings its API lists. Facts and their sources: README.md beside this file.</summary>
public sealed class CalendlySource : ISource, IPullSource
{
    private const string Header = "Calendly-Webhook-Signature";
    private static readonly TimeSpan Tolerance = TimeSpan.FromSeconds(180);

    /// <inheritdoc />
    public SourceInfo Info { get; } = new("calendly", "Calendly", "Bookings, moves, cancellations, no-shows",
        [
            .. SourceFields.Secrets("Signing key", "Any random text of 32 characters or more; the same text goes into signing_key when the webhook is made."),
            new("access_token", "Personal access token", "In Calendly: Integrations & apps, API & webhooks, Generate new token, by an owner or admin. Brings past bookings and what a webhook leaves out.",
                IsSecret: true, IsRequired: false),
        ],
        [
            "Make up a signing key (32 characters or more) and save it here.",
            "In Calendly open Integrations & apps, then API & webhooks, choose Generate new token and copy the token; webhooks need a paid plan.",
            "Open developer.calendly.com, API reference, Webhooks, Create Webhook Subscription, and paste the token as the bearer token.",
            "Send it with url {url}, events invitee.created, invitee.canceled, invitee_no_show.created and invitee_no_show.deleted, your organization, scope organization, and signing_key as saved here.",
            "Leave the tracking snippet on the page with the Calendly embed or link: it hands the visitor through.",
        ],
        new Uri("https://api.calendly.com"));

    /// <inheritdoc />
    public Verdict Verify(InboundRequest request, JsonElement settings, IReadOnlyList<string> secrets)
    {
        if (request.Header(Header) is not { } header)
            return Verdict.MissingHeader;
        var parts = header.Split(',').Select(part => part.Split('=', 2)).Where(part => part.Length == 2).ToList();
        var timestamp = parts.Find(part => part[0] == "t")?[1];
        var signatures = parts.FindAll(part => part[0] == "v1").ConvertAll(part => part[1]);
        if (!long.TryParse(timestamp, NumberStyles.None, CultureInfo.InvariantCulture, out var seconds) || signatures.Count == 0)
            return Verdict.MalformedHeader;
        var keys = Signature.Keys(secrets).ToList();
        if (!signatures.Exists(signature => Signature.IsHexOf(signature, keys, Signature.Part(timestamp + "."), request.Body)))
            return Verdict.Mismatch;
        var age = request.ReceivedAt.ToUnixTimeSeconds() - seconds;
        return age > Tolerance.TotalSeconds ? Verdict.TooOld : age < -Tolerance.TotalSeconds ? Verdict.TooNew : Verdict.Ok;
    }

    /// <inheritdoc />
    public SourceReading Read(InboundRequest request, JsonElement settings)
    {
        if (!SenderBody.TryJson(request, out var body) || body.Text("event") is not { } type)
            return SourceReading.Refused("event is missing.", "event");
        var payload = body.At("payload");
        if (type is "invitee.created" or "invitee.canceled")
            return payload.Text("uri") is null ? SourceReading.Refused("payload.uri is missing.", "payload.uri")
                : CalendlyInvitee.Read(type, payload, payload.At("scheduled_event"), body.Time("created_at"));
        if (type is "invitee_no_show.created" or "invitee_no_show.deleted")
            return payload.Text("invitee") is not { } invitee ? SourceReading.Refused("payload.invitee is missing.", "payload.invitee")
                : CalendlyInvitee.NoShow(type, invitee, payload.Text("uri"), type.EndsWith("deleted", StringComparison.Ordinal) ? body.Time("created_at") : payload.Time("created_at") ?? body.Time("created_at"));
        return new InboundRecord { Source = Info.Platform, SourceEvent = type, Action = InboundAction.Ignored, DeliveryKey = payload.Text("uri") is { } uri ? $"{type}:{uri}" : null };
    }

    /// <inheritdoc />
    public IReadOnlyList<LookUp> LookUps(InboundRecord record, DestinationAccess access) =>
        access.AccessToken is { } token && record.Test != true && record.Related?.GetValueOrDefault("event") is { } uri
            // never the address that the payload names: only its last part
            ? [new LookUp("event", SenderRequest.Get(access.Url($"scheduled_events/{Uri.EscapeDataString(CalendlyInvitee.LastPart(uri))}"), token))]
            : [];

    /// <inheritdoc />
    public InboundRecord Complete(InboundRecord record, IReadOnlyDictionary<string, JsonElement> answers, JsonElement settings) =>
        answers.TryGetValue("event", out var answer) ? CalendlyInvitee.WithEvent(record, answer.At("resource")) : record;

    /// <inheritdoc />
    public string? PullNeeds(JsonElement settings, JsonElement credentials) =>
        ConnectionJson.Text(credentials, "access_token") is null ? "Give the connection a personal access token of Calendly first." : null;

    /// <inheritdoc />
    public DestinationRequest PullRequest(PullPosition at, DestinationAccess access) =>
        SenderRequest.Get(access.Url(CalendlyPull.PathOf(at)), ConnectionJson.Text(access.Credentials, "access_token")!);

    /// <inheritdoc />
    public PulledPage ReadPulled(PullPosition at, PullAnswer answer, JsonElement settings) => CalendlyPull.Read(at, answer.Json);

    /// <inheritdoc />
    public InboundRequest Sample(string url, JsonElement settings, string secret, DateTimeOffset now)
    {
        var (id, at) = (SampleId.At(now), now.ToString("O", CultureInfo.InvariantCulture));
        var @event = $"https://api.calendly.com/scheduled_events/{id}";
        var body = JsonSerializer.SerializeToUtf8Bytes(new
        {
            @event = "invitee.created",
            created_at = at,
            payload = new
            {
                uri = $"{@event}/invitees/{id}",
                @event,
                created_at = at,
                status = "active",
                name = "Sample Customer",
                email = "sample@example.com",
                tracking = new { utm_source = "sample" },
                scheduled_event = new { uri = @event, name = "Sample appointment", start_time = now.AddDays(3).ToString("O", CultureInfo.InvariantCulture) },
            },
        });
        var timestamp = now.ToUnixTimeSeconds().ToString(CultureInfo.InvariantCulture);
        var signature = Convert.ToHexStringLower(Signature.Of(System.Text.Encoding.UTF8.GetBytes(secret), Signature.Part(timestamp + "."), body));
        return new InboundRequest("POST", url, new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase)
        {
            ["Content-Type"] = "application/json",
            [Header] = $"t={timestamp},v1={signature}",
        }, body, now);
    }
}
