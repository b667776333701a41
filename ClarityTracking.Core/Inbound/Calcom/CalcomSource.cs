using System.Globalization;
using System.Text;
using System.Text.Json;
using ClarityTracking.Core.Destinations;
using ClarityTracking.Core.Inbound.Pulls;

namespace ClarityTracking.Core.Inbound.Calcom;

/// <summary>Cal.com's webhooks and the bookings its API lists. Facts and their sources: README.md beside this file.</summary>
public sealed class CalcomSource : ISource, IPullSource
{
    private const string Header = "X-Cal-Signature-256", ApiVersion = "2024-08-13";
    private const int PerPage = 100;

    /// <inheritdoc />
    public SourceInfo Info { get; } = new("calcom", "Cal.com", "Bookings, payments, moves, cancellations, no-shows",
        [
            .. SourceFields.Secrets("Secret", "Any random text of 32 characters or more; the same text goes into Secret of Cal.com's webhook."),
            new("access_token", "API key", "In Cal.com: Settings, Security, API keys, Add. Brings past bookings.", IsSecret: true, IsRequired: false),
            new("api_url", "API address", "Only for a Cal.com of your own: where its API v2 answers. Empty for cal.com.", IsSecret: false, IsRequired: false, FieldKind.Url),
        ],
        [
            "Make up a secret (32 characters or more) and save it here.",
            "In Cal.com open Settings, Developer, Webhooks, and choose New.",
            "Paste {url} as the subscriber URL and the same secret as Secret.",
            "Choose the triggers Booking created, requested, rescheduled, canceled, rejected, paid, payment initiated, no-show updated, and Meeting ended; leave the custom payload template off.",
            "Press Ping test, then Create webhook. Leave the tracking snippet on the page with the embed or link: it hands the visitor through.",
        ],
        new Uri("https://api.cal.com"));

    /// <inheritdoc />
    public Verdict Verify(InboundRequest request, JsonElement settings, IReadOnlyList<string> secrets) =>
        request.Header(Header) is not { } signature ? Verdict.MissingHeader
        // without a secret Cal.com sends the words no-secret-provided, which are no digest
        : Signature.IsHexOf(signature, Signature.Keys(secrets), request.Body) ? Verdict.Ok : Verdict.Mismatch;

    /// <inheritdoc />
    public SourceReading Read(InboundRequest request, JsonElement settings)
    {
        if (!SenderBody.TryJson(request, out var body) || body.Text("triggerEvent") is not { } trigger)
            return SourceReading.Refused("triggerEvent is missing: switch the webhook's custom payload template off.", "triggerEvent");
        // meetings that began or ended are told flat by older versions
        var payload = body.At("payload").ValueKind == JsonValueKind.Object ? body.At("payload") : body;
        return CalcomBooking.Read(trigger, payload, body.Text("createdAt"));
    }

    /// <inheritdoc />
    public string? PullNeeds(JsonElement settings, JsonElement credentials) =>
        ConnectionJson.Text(credentials, "access_token") is null ? "Give the connection an API key of Cal.com first." : null;

    /// <inheritdoc />
    public DestinationRequest PullRequest(PullPosition at, DestinationAccess access)
    {
        var own = ConnectionJson.Text(access.Settings, "api_url");
        var path = $"v2/bookings?afterCreatedAt={Uri.EscapeDataString(PullPosition.Text(at.Since))}&sortCreated=asc&take={PerPage}&skip={at.Cursor ?? "0"}";
        return SenderRequest.Get(own is null ? access.Url(path) : $"{own.TrimEnd('/')}/{path}", ConnectionJson.Text(access.Credentials, "access_token")!, own is not null,
            ("cal-api-version", ApiVersion));
    }

    /// <inheritdoc />
    public PulledPage ReadPulled(PullPosition at, PullAnswer answer, JsonElement settings)
    {
        if (answer.Json.At("data").ValueKind != JsonValueKind.Array)
            return PulledPage.Strange("no data");
        var bookings = answer.Json.List("data").ToList();
        var next = int.Parse(at.Cursor ?? "0", CultureInfo.InvariantCulture) + bookings.Count;
        return new PulledPage([.. bookings.Where(b => b.Text("uid") is not null && !(b.Time("createdAt") < at.Since)).SelectMany(CalcomBooking.Pulled)],
            bookings.Count < PerPage ? null : next.ToString(CultureInfo.InvariantCulture));
    }

    /// <inheritdoc />
    public InboundRequest Sample(string url, JsonElement settings, string secret, DateTimeOffset now)
    {
        var body = JsonSerializer.SerializeToUtf8Bytes(new
        {
            triggerEvent = "BOOKING_CREATED",
            createdAt = now.ToString("O", CultureInfo.InvariantCulture),
            payload = new
            {
                uid = SampleId.At(now),
                eventTypeId = 1,
                eventTitle = "Sample appointment",
                startTime = now.AddDays(3).ToString("O", CultureInfo.InvariantCulture),
                status = "ACCEPTED",
                price = 3850,
                currency = "eur",
                attendees = new[] { new { email = "sample@example.com", name = "Sample Customer" } },
                metadata = new { utm_source = "sample" },
            },
        });
        return new InboundRequest("POST", url, new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase)
        {
            ["Content-Type"] = "application/json",
            ["X-Cal-Webhook-Version"] = "2021-10-20",
            [Header] = Convert.ToHexStringLower(Signature.Of(Encoding.UTF8.GetBytes(secret), body)),
        }, body, now);
    }
}
