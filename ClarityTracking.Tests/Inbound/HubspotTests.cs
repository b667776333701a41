using System.Net;
using System.Text.Json;
using ClarityTracking.Tests.Support;

namespace ClarityTracking.Tests.Inbound;

/// <summary>HubSpot over HTTP: batches, look-ups that lead to other look-ups, the same number for different things.</summary>
public sealed class HubspotTests(SenderFixture app) : IClassFixture<SenderFixture>
{
    private readonly string _secret = SenderFixture.NewSecret();

    [Fact]
    public async Task Batch_BecomesLeadMeetingAndDeal_WithTheirContact()
    {
        var sender = await ConnectAsync();
        app.Apis.Put("/hubspot/crm/v3/objects/contacts/7", Contact());
        app.Apis.Put("/hubspot/crm/v3/objects/meetings/7", new { id = "7", properties = new { hs_meeting_start_time = "2026-11-28T09:00:00Z", hs_meeting_title = "Consult" }, associations = Of(7) });
        app.Apis.Put("/hubspot/crm/v3/objects/deals/7", new { id = "7", properties = new { amount = "1500", deal_currency_code = "EUR", dealname = "Package" }, associations = Of(7) });
        app.Apis.Fail("/hubspot/crm/v3/objects/meetings/7", 502);
        object[] batch =
        [
            Change("contact.creation", 7, 1), Change("object.creation", 7, 2, objectTypeId: "0-47"),
            Change("object.propertyChange", 7, 3, "hs_meeting_outcome", "COMPLETED", "0-47"), Change("deal.propertyChange", 7, 4, "dealstage", "closedwon"),
            Change("deal.propertyChange", 8, 5, "dealstage", "appointmentscheduled"), Change("company.creation", 7, 6),
        ];
        await PostAsync(sender, batch);
        var webhook = await sender.ProcessedAsync();

        Assert.Equal("processed", webhook.GetProperty("status").GetString());
        Assert.Equal(6, webhook.GetProperty("canonical").GetArrayLength());
        Assert.Equal("lead|paid|-|0 booking|completed|-|0 deal|paid|1500.00|0", await app.ConversionsAsync(sender));
        Assert.Equal("booking_completed=1 deal_won=1 lead=1 schedule=1", await app.EventsAsync(sender));
        Assert.Equal("abc123|abc123|abc123", await app.ValueAsync<string>($"SELECT string_agg(visitor_id, '|') FROM conversions WHERE website_id = '{sender.Site.Id}'"));
        Assert.Equal(3, await app.ValueAsync<long>($"SELECT count(*) FROM conversions WHERE website_id = '{sender.Site.Id}' AND match_keys IS NOT NULL"));

        // HubSpot puts repetitions into other batches
        await PostAsync(sender, [batch[3], batch[0]]);
        await sender.ProcessedAsync(2);
        Assert.Equal("booking_completed=1 deal_won=1 lead=1 schedule=1", await app.EventsAsync(sender));
    }

    [Fact]
    public async Task Meeting_MovedAndCancelledBeforeItsCreation_EndsCancelled()
    {
        var sender = await ConnectAsync();
        app.Apis.Put("/hubspot/crm/v3/objects/meetings/20", new { id = "20", properties = new { hs_meeting_start_time = "2026-11-29T09:00:00Z" } });
        await PostAsync(sender, [Change("object.propertyChange", 20, 9, "hs_meeting_outcome", "CANCELED", "0-47")]);
        await sender.ProcessedAsync(1);
        await PostAsync(sender, [Change("object.creation", 20, 1, objectTypeId: "0-47")]);
        await sender.ProcessedAsync(2);
        Assert.Equal("booking|cancelled|-|0", await app.ConversionsAsync(sender));
        Assert.Equal("booking_canceled=1 schedule=1", await app.EventsAsync(sender));
    }

    [Fact]
    public async Task OtherAccount_Is422_AndWithoutToken_TheLeadIsKept()
    {
        var sender = await Sender.ConnectAsync(app, "hubspot", new { portal_id = "48200111" }, new { webhook_secret = _secret });
        Assert.Equal(HttpStatusCode.UnprocessableEntity, (await PostAsync(sender, [new { subscriptionType = "contact.creation", objectId = 5, portalId = 666, occurredAt = 1795105200000 }])).StatusCode);
        await PostAsync(sender, [Change("contact.creation", 5, 1)]);
        await sender.ProcessedAsync(2);
        Assert.Equal("lead|paid|-|0", await app.ConversionsAsync(sender));
    }

    private Task<Sender> ConnectAsync() => Sender.ConnectAsync(app, "hubspot", credentials: new { webhook_secret = _secret, access_token = SenderApis.Token });

    private static object Contact() => new { id = "7", properties = new { email = "zoe@example.com", firstname = "Zoe", lastname = "Example", ct_vid = "abc123", hs_google_click_id = "gclid-1" } };

    private static object Of(int contact) => new { contacts = new { results = new[] { new { id = $"{contact}", type = "x" } } } };

    private static object Change(string type, long id, int minute, string? property = null, string? value = null, string? objectTypeId = null) => new
    {
        eventId = 1,
        portalId = 48200111,
        subscriptionType = type,
        objectId = id,
        occurredAt = 1795105200000 + (minute * 60_000L),
        attemptNumber = 0,
        propertyName = property,
        propertyValue = value,
        objectTypeId,
    };

    private Task<HttpResponseMessage> PostAsync(Sender sender, object[] batch)
    {
        var (body, timestamp) = (JsonSerializer.Serialize(batch), DateTimeOffset.UtcNow.ToUnixTimeMilliseconds());
        return sender.PostRawAsync(body, ("X-HubSpot-Request-Timestamp", $"{timestamp}"),
            ("X-HubSpot-Signature-v3", SenderFixture.Base64(_secret, $"POST{app.Url.TrimEnd('/')}{sender.Path}{body}{timestamp}")));
    }
}
