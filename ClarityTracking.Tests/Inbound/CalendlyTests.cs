using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using ClarityTracking.Tests.Support;

namespace ClarityTracking.Tests.Inbound;

/// <summary>Calendly over HTTP: what becomes of a booking, in every order of arrival, and what is looked up.</summary>
public sealed class CalendlyTests(SenderFixture app) : IClassFixture<SenderFixture>
{
    private const string Root = "https://api.calendly.com/scheduled_events/";
    private readonly string _secret = SenderFixture.NewSecret();

    public static TheoryData<string> Orders => [.. SenderFixture.Orders("abc")];

    [Theory, MemberData(nameof(Orders))]
    public async Task BookedMovedCancelled_InAnyOrderAndTwice_IsOneCancelledBooking(string order)
    {
        var sender = await ConnectAsync();
        var created = Invitee("invitee.created", "A", "2026-11-10T10:00:00Z", "2026-11-28T09:00:00Z");
        var movedAway = Invitee("invitee.canceled", "A", "2026-11-10T10:00:00Z", "2026-11-28T09:00:00Z", canceledAt: "2026-11-11T10:00:00Z", next: "B");
        var moved = Invitee("invitee.created", "B", "2026-11-11T10:00:00Z", "2026-11-29T09:00:00Z", previous: "A");
        var canceled = Invitee("invitee.canceled", "B", "2026-11-11T10:00:00Z", "2026-11-29T09:00:00Z", canceledAt: "2026-11-12T10:00:00Z");
        await PostAsync(sender, movedAway);
        for (var i = 0; i < order.Length; i++)
        {
            var body = order[i] switch { 'a' => created, 'b' => moved, _ => canceled };
            Assert.Equal(HttpStatusCode.OK, (await PostAsync(sender, body)).StatusCode);
            await sender.ProcessedAsync(i + 2);
            Assert.True((await AppFixture.JsonOf(await PostAsync(sender, body))).GetProperty("duplicate").GetBoolean());
        }

        Assert.Equal("booking|cancelled|25.50|0", await app.ConversionsAsync(sender));
        Assert.Equal("booking_canceled=1 booking_rescheduled=1 schedule=1", await app.EventsAsync(sender));
        Assert.Equal("2026-11-29", await app.ValueAsync<string>($"SELECT to_char(starts_at, 'YYYY-MM-DD') FROM conversions WHERE website_id = '{sender.Site.Id}'"));
    }

    [Fact]
    public async Task NoShow_AndTakenBack_StandsAgain()
    {
        var sender = await ConnectAsync();
        await PostAsync(sender, Invitee("invitee.created", "N", "2026-11-10T10:00:00Z", "2026-11-12T09:00:00Z"));
        await PostAsync(sender, NoShow("invitee_no_show.created", "2026-11-12T10:00:00Z"));
        await sender.ProcessedAsync(2);
        Assert.Equal("booking|no_show|25.50|0", await app.ConversionsAsync(sender));
        await PostAsync(sender, NoShow("invitee_no_show.deleted", "2026-11-12T11:00:00Z"));
        await sender.ProcessedAsync(3);
        Assert.Equal("booking|confirmed|25.50|0", await app.ConversionsAsync(sender));
        Assert.Equal("booking_no_show=1 schedule=1", await app.EventsAsync(sender));

        static string NoShow(string type, string at) => JsonSerializer.Serialize(new
        {
            @event = type,
            created_at = at,
            payload = new { uri = "https://api.calendly.com/invitee_no_shows/x", invitee = Root + "N/invitees/N", created_at = "2026-11-12T10:00:00Z" },
        });
    }

    /// <summary>The snippet hands v_ and the id through; the browser told of the id alone.</summary>
    [Fact]
    public async Task Visitor_HandedThroughSalesforceUuid_IsTheBrowsers()
    {
        var sender = await ConnectAsync();
        var visitor = Guid.NewGuid().ToString();
        using var browser = app.Anonymous();
        var view = await browser.PostAsJsonAsync($"/api/v1/collect?key={sender.Site.PublishableKey}", new
        {
            events = new[] { new { event_type = "page_view", visitor_id = visitor, session_id = "s1", properties = new { url = "https://shop.example.com/?fbclid=IwCalendly" } } },
        });
        Assert.Equal(HttpStatusCode.Accepted, view.StatusCode);
        await PostAsync(sender, Invitee("invitee.created", "V", "2026-11-10T10:00:00Z", "2026-11-28T09:00:00Z", visitor: "v_" + visitor));
        await sender.ProcessedAsync();

        Assert.Equal(visitor, await app.ValueAsync<string>($"SELECT visitor_id FROM conversions WHERE website_id = '{sender.Site.Id}'"));
        Assert.Equal($"schedule_V|{visitor}|IwCalendly", await app.ValueAsync<string>(
            $"SELECT concat_ws('|', event_id, visitor_id, click_ids -> 'fbclid' ->> 'value') FROM events WHERE website_id = '{sender.Site.Id}' AND name = 'schedule'"));
    }

    [Fact]
    public async Task ScheduledEventMissing_IsLookedUp_AfterAFailureToo()
    {
        var sender = await ConnectAsync();
        app.Apis.Put("/calendly/scheduled_events/L", new { resource = new { uri = Root + "L", name = "Colour", start_time = "2026-11-28T09:00:00Z", event_type = "https://api.calendly.com/event_types/t" } });
        app.Apis.Fail("/calendly/scheduled_events/L", 500);
        await PostAsync(sender, Invitee("invitee.created", "L", "2026-11-10T10:00:00Z", null));
        await sender.ProcessedAsync();

        Assert.Equal("2026-11-28 09:00 Colour", await app.ValueAsync<string>(
            $"SELECT to_char(starts_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI') || ' ' || (items -> 0 ->> 'name') FROM conversions WHERE website_id = '{sender.Site.Id}'"));
        Assert.Equal(2, app.Apis.Calls.Count(c => c == "/calendly/scheduled_events/L"));
    }

    [Fact]
    public async Task LookUp_OfWhatIsGone_LeavesItOut_AndRefusedOne_SaysWhatToDo()
    {
        var sender = await ConnectAsync();
        await PostAsync(sender, Invitee("invitee.created", "Gone", "2026-11-10T10:00:00Z", null));
        Assert.Equal("processed", (await sender.ProcessedAsync()).GetProperty("status").GetString());

        var stranger = await ConnectAsync(token: "expired");
        app.Apis.Put("/calendly/scheduled_events/Gone2", new { resource = new { } });
        await PostAsync(stranger, Invitee("invitee.created", "Gone2", "2026-11-10T10:00:00Z", null));
        var webhook = await stranger.ProcessedAsync();
        Assert.Equal("failed", webhook.GetProperty("status").GetString());
        Assert.Contains("credentials", webhook.GetProperty("reason").GetString(), StringComparison.Ordinal);
        Assert.Equal("booking|confirmed|25.50|0", await app.ConversionsAsync(stranger)); // what the notification says is not lost
    }

    /// <summary>An address in a signed body leads nowhere but to Calendly's API.</summary>
    [Fact]
    public async Task LookUp_NeverFollowsTheAddressOfThePayload()
    {
        var sender = await ConnectAsync();
        await PostAsync(sender, Invitee("invitee.created", "E", "2026-11-10T10:00:00Z", null).Replace(Root + "E\"", $"{app.Apis.Url}/evil/../../secret\"", StringComparison.Ordinal));
        await sender.ProcessedAsync();
        Assert.DoesNotContain(app.Apis.Calls, c => c.Contains("evil", StringComparison.Ordinal));
        Assert.Contains("/calendly/scheduled_events/secret", app.Apis.Calls);
    }

    private Task<Sender> ConnectAsync(string token = SenderApis.Token) =>
        Sender.ConnectAsync(app, "calendly", credentials: new { webhook_secret = _secret, access_token = token });

    private Task<HttpResponseMessage> PostAsync(Sender sender, string body)
    {
        var t = DateTimeOffset.UtcNow.ToUnixTimeSeconds();
        return sender.PostRawAsync(body, ("Calendly-Webhook-Signature", $"t={t},v1={SenderFixture.Hex(_secret, $"{t}.{body}")}"));
    }

    private static string Invitee(string type, string id, string createdAt, string? startsAt, string? canceledAt = null, string? previous = null, string? next = null, string? visitor = null) =>
        JsonSerializer.Serialize(new
        {
            @event = type,
            created_at = canceledAt ?? createdAt,
            payload = new
            {
                uri = $"{Root}{id}/invitees/{id}",
                @event = Root + id,
                created_at = createdAt,
                email = "zoe@example.com",
                name = "Zoe Example",
                status = canceledAt is null ? "active" : "canceled",
                rescheduled = next is not null,
                old_invitee = previous is null ? null : $"{Root}{previous}/invitees/{previous}",
                new_invitee = next is null ? null : $"{Root}{next}/invitees/{next}",
                cancellation = canceledAt is null ? null : new { created_at = canceledAt },
                tracking = new { utm_source = "ig", salesforce_uuid = visitor },
                payment = new { amount = 25.5, currency = "EUR", successful = true },
                scheduled_event = startsAt is null ? null : new { uri = Root + id, name = "Colour", start_time = startsAt },
            },
        });
}
