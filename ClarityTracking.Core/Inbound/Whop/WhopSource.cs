using System.Globalization;
using System.Text;
using System.Text.Json;
using ClarityTracking.Core.Destinations;
using ClarityTracking.Core.Inbound.Pulls;

namespace ClarityTracking.Core.Inbound.Whop;

/// <summary>Whop's webhooks (API v1) and the payments its API lists. Facts and their sources: README.md beside this file.</summary>
public sealed class WhopSource : ISource, IPullSource
{
    private const int PerPage = 100;

    /// <inheritdoc />
    public SourceInfo Info { get; } = new("whop", "Whop", "Payments, refunds, memberships",
        [
            .. SourceFields.Secrets("Webhook secret", "In Whop: Developer, Webhooks, the secret of the webhook (ws_…), exactly as it is shown."),
            new("company_id", "Company ID", "Begins with biz_; it stands in the address of your dashboard. Webhooks of other companies are refused.", IsSecret: false, IsRequired: false, Shape: SettingsCheck.Id,
                Wanted: "Must be the ID as Whop shows it (biz_…)."),
            new("access_token", "API key", "In Whop: Developer, API keys, with the right to read payments. Brings past payments; needs the company ID.", IsSecret: true, IsRequired: false),
        ],
        [
            "In Whop open Developer, Webhooks, and choose Create webhook.",
            "Paste {url}, choose API version v1 and the events payment.succeeded, payment.failed, payment.pending, refund.created, refund.updated and membership.activated.",
            "Save, copy the secret (ws_…) and paste it here.",
            "Where you make checkout links by Whop's API, put ct_vid into the metadata of the checkout configuration: then a payment knows its visitor.",
        ],
        new Uri("https://api.whop.com"));

    /// <inheritdoc />
    public Verdict Verify(InboundRequest request, JsonElement settings, IReadOnlyList<string> secrets) =>
        StandardWebhookRequest.Verify(request, Signature.Keys(secrets)); // the key is the text as it is shown: not Base64, and with its prefix

    /// <inheritdoc />
    public SourceReading Read(InboundRequest request, JsonElement settings)
    {
        if (!SenderBody.TryJson(request, out var body) || body.Text("type") is not { } type)
            return SourceReading.Refused("type is missing.", "type");
        var (company, data) = (body.Text("company_id"), body.At("data"));
        if (ConnectionJson.Text(settings, "company_id") is { } wanted && company is not null && company != wanted)
            return SourceReading.Refused("company_id is not the company of this connection.", "company_id");
        var record = type.Split('.')[0] switch
        {
            "payment" => WhopPayment.Read(type, data),
            "refund" => WhopPayment.Refund(type, data),
            "membership" when type == "membership.activated" => WhopPayment.Membership(type, data),
            _ => new InboundRecord { Source = Info.Platform, SourceEvent = type, Action = InboundAction.Ignored },
        };
        if (record.Action != InboundAction.Ignored && (record.EntityId is null || (record.Action == InboundAction.Refund && record.ConversionId is null)))
            return record.EntityId is null ? SourceReading.Refused("data.id is missing.", "data.id") : SourceReading.Refused("data.payment.id is missing.", "data.payment.id");
        return record with { DeliveryKey = request.Header("webhook-id") ?? body.Text("id"), Account = company };
    }

    /// <inheritdoc />
    public string? PullNeeds(JsonElement settings, JsonElement credentials) =>
        ConnectionJson.Text(settings, "company_id") is null || ConnectionJson.Text(credentials, "access_token") is null
            ? "Give the connection Whop's company ID and an API key first." : null;

    /// <inheritdoc />
    public DestinationRequest PullRequest(PullPosition at, DestinationAccess access) => SenderRequest.Get(
        access.Url($"api/v1/payments?company_id={Uri.EscapeDataString(ConnectionJson.Text(access.Settings, "company_id")!)}&created_after={Uri.EscapeDataString(PullPosition.Text(at.Since))}"
            + $"&order=created_at&direction=asc&first={PerPage}" + (at.Cursor is null ? "" : $"&after={Uri.EscapeDataString(at.Cursor)}")),
        ConnectionJson.Text(access.Credentials, "access_token")!);

    /// <inheritdoc />
    public PulledPage ReadPulled(PullPosition at, PullAnswer answer, JsonElement settings)
    {
        if (answer.Json.At("data").ValueKind != JsonValueKind.Array)
            return PulledPage.Strange("no data");
        return new PulledPage([.. answer.Json.List("data").Where(p => p.Text("id") is not null && !(p.Time("created_at") < at.Since)).Select(WhopPayment.Pulled)],
            answer.Json.Flag("page_info", "has_next_page") == true ? answer.Json.Text("page_info", "end_cursor") : null);
    }

    /// <inheritdoc />
    public InboundRequest Sample(string url, JsonElement settings, string secret, DateTimeOffset now)
    {
        var (id, at) = (SampleId.At(now), now.ToString("O", CultureInfo.InvariantCulture));
        var body = JsonSerializer.SerializeToUtf8Bytes(new
        {
            id = $"msg_{id}",
            api_version = "v1",
            type = "payment.succeeded",
            timestamp = at,
            company_id = ConnectionJson.Text(settings, "company_id") ?? "biz_sample",
            data = new
            {
                id = $"pay_{id}",
                status = "paid",
                total = 38.5,
                currency = "eur",
                created_at = at,
                paid_at = at,
                user = new { id = "user_sample", email = "sample@example.com", name = "Sample Customer" },
                metadata = new { utm_source = "sample" },
            },
        });
        return StandardWebhookRequest.Signed(url, body, $"msg_{id}", Encoding.UTF8.GetBytes(secret), now);
    }
}
