using System.Globalization;
using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using ClarityTracking.Tests.Support;
using Microsoft.AspNetCore.Http;

namespace ClarityTracking.Tests.Inbound;

/// <summary>Past bookings and payments from senders' APIs: all pages, nothing twice, and what happens when the sender does not answer.</summary>
public sealed class PullTests(SenderFixture app) : IClassFixture<SenderFixture>
{
    private const string Root = "https://api.calendly.com/scheduled_events/";
    private readonly string _secret = SenderFixture.NewSecret();
    private static readonly DateTimeOffset Now = DateTimeOffset.UtcNow;

    [Fact]
    public async Task Calendly_ReadsAllPages_AndAddsNothingToWhatWebhooksTold()
    {
        var sender = await CalendlyAsync();
        PutCalendly();
        // one of the bookings is known by its webhook
        var webhook = JsonSerializer.Serialize(new { @event = "invitee.created", created_at = Day(-3), payload = Invitee("one", -3, startsAt: 5) });
        var t = DateTimeOffset.UtcNow.ToUnixTimeSeconds();
        await sender.PostRawAsync(webhook, ("Calendly-Webhook-Signature", $"t={t},v1={SenderFixture.Hex(_secret, $"{t}.{webhook}")}"));
        await sender.ProcessedAsync();

        var first = await app.PullAsync(sender, 30);
        Assert.Equal("done", first.GetProperty("status").GetString());
        // one, two (made and cancelled), three (made and moved), not what was made before
        Assert.Equal(5, first.GetProperty("records").GetInt32());
        Assert.Equal(4, first.GetProperty("changes").GetInt32());
        var (conversions, events) = (await app.ConversionsAsync(sender), await app.EventsAsync(sender));
        Assert.Equal("booking|confirmed|-|0 booking|cancelled|-|0 booking|confirmed|-|0", await app.ConversionsAsync(sender));
        Assert.Equal("booking_canceled=1 booking_rescheduled=1 schedule=3", events);

        var second = await app.PullAsync(sender, 30);
        Assert.Equal("done", second.GetProperty("status").GetString());
        Assert.Equal(5, second.GetProperty("records").GetInt32());
        Assert.Equal(0, second.GetProperty("changes").GetInt32());
        Assert.Equal((conversions, events), (await app.ConversionsAsync(sender), await app.EventsAsync(sender)));
        Assert.Equal(5, await app.ValueAsync<long>($"SELECT count(*) FROM conversion_changes WHERE website_id = '{sender.Site.Id}'"));
    }

    [Fact]
    public async Task WebhookAfterPull_AddsOnlyWhatItKnowsMore()
    {
        var sender = await Sender.ConnectAsync(app, "calcom", credentials: new { webhook_secret = _secret, access_token = SenderApis.Token });
        app.Apis.Put("/calcom/v2/bookings", new { status = "success", data = new[] { CalBooking("late", 1) } });
        await app.PullAsync(sender, 10);
        // told two seconds after the booking was made, as senders do
        var body = JsonSerializer.Serialize(new
        {
            triggerEvent = "BOOKING_CREATED",
            createdAt = Now.AddDays(-1).AddSeconds(2).ToString("O", CultureInfo.InvariantCulture),
            payload = new { uid = "late", startTime = Day(9), status = "ACCEPTED", price = 4000, currency = "usd", attendees = new[] { new { email = "late@example.com", name = "Late" } } },
        });
        await sender.PostRawAsync(body, ("X-Cal-Signature-256", SenderFixture.Hex(_secret, body)));
        await sender.ProcessedAsync();
        Assert.Equal("booking|confirmed|40.00|0", await app.ConversionsAsync(sender)); // the list knows no price
        Assert.Equal("schedule=1", await app.EventsAsync(sender));
    }

    [Fact]
    public async Task Calcom_ReadsMoreThanOnePage_MovesAndCancellationsIncluded()
    {
        var sender = await Sender.ConnectAsync(app, "calcom", credentials: new { webhook_secret = _secret, access_token = SenderApis.Token });
        var all = Enumerable.Range(0, 100).Select(i => CalBooking($"b{i}", 5))
            .Concat([CalBooking("old", 4, "cancelled", to: "new"), CalBooking("new", 3, from: "old"), CalBooking("off", 2, "cancelled"), CalBooking("away", 2, absent: true)]).ToList();
        app.Apis.Put("/calcom/v2/bookings", request => new
        {
            status = "success",
            data = all.Skip(int.Parse(request.Query["skip"]!, CultureInfo.InvariantCulture)).Take(int.Parse(request.Query["take"]!, CultureInfo.InvariantCulture)),
        });
        var pull = await app.PullAsync(sender, 10);
        Assert.Equal("done", pull.GetProperty("status").GetString());
        Assert.Equal(2, pull.GetProperty("pages").GetInt32());
        Assert.Equal("cancelled=1 confirmed=101 no_show=1", await app.ValueAsync<string>(
            $"SELECT string_agg(status || '=' || n, ' ' ORDER BY status) FROM (SELECT status, count(*) AS n FROM conversions WHERE website_id = '{sender.Site.Id}' GROUP BY status) s"));
        Assert.Equal("booking_canceled=1 booking_no_show=1 booking_rescheduled=1 schedule=103", await app.EventsAsync(sender));
        await app.PullAsync(sender, 10);
        Assert.Equal("booking_canceled=1 booking_no_show=1 booking_rescheduled=1 schedule=103", await app.EventsAsync(sender));
    }

    [Fact]
    public async Task Acuity_SplitsFullAnswers_AndReadsCancelledOnes()
    {
        app.Apis.AcuityKeys.Add(_secret);
        var sender = await Sender.ConnectAsync(app, "acuity", new { user_id = SenderApis.AcuityUser, currency = "EUR" }, new { webhook_secret = _secret });
        var asked = new List<string>();
        app.Apis.Put("/acuity/api/v1/appointments", request => Appointments(request, asked));
        var pull = await app.PullAsync(sender, 5);
        Assert.Equal("done", pull.GetProperty("status").GetString());
        Assert.Equal("booking|cancelled|55.00|0 booking|confirmed|55.00|0", await app.ConversionsAsync(sender));
        Assert.Equal("booking_canceled=1 schedule=2", await app.EventsAsync(sender));
        Assert.Contains(asked, a => a.StartsWith("3 days", StringComparison.Ordinal)); // seven were too many at once
    }

    [Fact]
    public async Task Whop_PaymentsAndTheirRefunds()
    {
        var sender = await Sender.ConnectAsync(app, "whop", new { company_id = "biz_1" }, new { webhook_secret = "ws_" + _secret, access_token = SenderApis.Token });
        app.Apis.Put("/whop/api/v1/payments", request => request.Query["company_id"] != "biz_1" ? null : request.Query["after"] == "c1"
            ? new { data = new[] { WhopPayment("pay_2", []) }, page_info = new { has_next_page = false, end_cursor = "c2" } }
            : new { data = new[] { WhopPayment("pay_1", [new { id = "rfnd_1", amount = 97, status = "succeeded", created_at = Day(-1) }]) }, page_info = new { has_next_page = true, end_cursor = "c1" } });
        await app.PullAsync(sender, 5);
        await app.PullAsync(sender, 5);
        Assert.Equal("97 0", await app.ValueAsync<string>($"SELECT string_agg(trim_scale(refunded)::text, ' ' ORDER BY refunded DESC) FROM conversions WHERE website_id = '{sender.Site.Id}'"));
        Assert.Equal("purchase=2 refund=1", await app.EventsAsync(sender));
    }

    [Fact]
    public async Task Sender_ThatIsSlowedDownOrAway_IsAskedAgain_AndOneThatRefuses_EndsThePull()
    {
        var sender = await CalendlyAsync();
        PutCalendly();
        app.Apis.Fail("/calendly/users/me", 429, 500);
        var pull = await app.PullAsync(sender, 30);
        Assert.Equal("done", pull.GetProperty("status").GetString());

        var stranger = await Sender.ConnectAsync(app, "calendly", credentials: new { webhook_secret = _secret, access_token = "expired" });
        var failed = await app.PullAsync(stranger, 30);
        Assert.Equal("failed", failed.GetProperty("status").GetString());
        Assert.Contains("credentials", failed.GetProperty("reason").GetString(), StringComparison.Ordinal);
        Assert.Equal(JsonValueKind.Null, failed.GetProperty("nextStepAt").ValueKind);

        app.Apis.Put("/calendly/users/me", new { resource = new { } });
        Assert.Contains("shape", (await app.PullAsync(sender, 30)).GetProperty("reason").GetString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Start_WhatCannotBe_IsRefusedWithWhatToDo()
    {
        var sender = await Sender.ConnectAsync(app, "calendly", credentials: new { webhook_secret = _secret });
        using var client = app.ClientFor(sender.Account);
        var path = $"/api/websites/{sender.Site.Id}/connections/{await app.ConnectionAsync(sender)}/pull";
        var problem = await AppFixture.ProblemOf(await client.PostAsJsonAsync(path, new { days = 30 }), 422);
        Assert.Equal("pull_not_possible", problem.GetProperty("code").GetString());
        Assert.False((await AppFixture.JsonOf(await client.GetAsync(path))).GetProperty("canPull").GetBoolean());

        using var stranger = app.ClientFor((await CalendlyAsync()).Account);
        await AppFixture.ProblemOf(await stranger.GetAsync(path), 404);
        await AppFixture.ProblemOf(await stranger.PostAsJsonAsync(path, new { days = 30 }), 404);

        var ready = await CalendlyAsync();
        using var owner = app.ClientFor(ready.Account);
        path = $"/api/websites/{ready.Site.Id}/connections/{await app.ConnectionAsync(ready)}/pull";
        foreach (var days in new int?[] { null, 0, -1, 366 })
            Assert.Equal("validation_failed", (await AppFixture.ProblemOf(await owner.PostAsJsonAsync(path, new { days }), 422)).GetProperty("code").GetString());
        Assert.Equal(JsonValueKind.Null, (await AppFixture.JsonOf(await owner.GetAsync(path))).GetProperty("pull").ValueKind);

        app.Apis.Fail("/calendly/users/me", 429, 429, 429, 429); // it waits, and meanwhile a second one is refused
        Assert.Equal(HttpStatusCode.Accepted, (await owner.PostAsJsonAsync(path, new { days = 1 })).StatusCode);
        Assert.Equal("pull_running", (await AppFixture.ProblemOf(await owner.PostAsJsonAsync(path, new { days = 1 }), 409)).GetProperty("code").GetString());
    }

    private Task<Sender> CalendlyAsync() => Sender.ConnectAsync(app, "calendly", credentials: new { webhook_secret = _secret, access_token = SenderApis.Token });

    /// <summary>Two pages of events; the first event has two pages of invitees.</summary>
    private void PutCalendly()
    {
        const string organization = "https://api.calendly.com/organizations/o1";
        app.Apis.Fail("/calendly/users/me");
        app.Apis.Put("/calendly/users/me", new { resource = new { uri = "https://api.calendly.com/users/u1", current_organization = organization } });
        app.Apis.Put("/calendly/scheduled_events", request => request.Query["organization"] != organization || !request.Query.ContainsKey("min_start_time") ? null
            : request.Query["page_token"] == "p2" ? Page(null, Event("E2", 7), Event("E3", 8)) : Page("p2", Event("E1", 5)));
        app.Apis.Put("/calendly/scheduled_events/E1/invitees", request => request.Query["page_token"] == "i2"
            ? Page(null, Invitee("two", -2, canceled: -1)) : Page("i2", Invitee("ancient", -40), Invitee("one", -3)));
        app.Apis.Put("/calendly/scheduled_events/E2/invitees", Page(null, Invitee("three", -1, canceled: 0, next: "four")));
        app.Apis.Put("/calendly/scheduled_events/E3/invitees", Page(null, Invitee("four", 0, previous: "three")));
    }

    private static object Page(string? next, params object[] collection) => new { collection, pagination = new { count = collection.Length, next_page_token = next } };

    private static object Event(string id, int startsAt) => new { uri = Root + id, name = "Colour", start_time = Day(startsAt), location = new { type = "zoom" } };

    private static object Invitee(string id, int createdAt, int? canceled = null, string? previous = null, string? next = null, int? startsAt = null) => new
    {
        uri = UriOf(id),
        @event = UriOf(id).Split("/invitees/")[0],
        created_at = Day(createdAt),
        updated_at = Day(canceled ?? createdAt),
        email = $"{id}@example.com",
        name = "Zoe",
        status = canceled is null ? "active" : "canceled",
        rescheduled = next is not null,
        old_invitee = previous is null ? null : UriOf(previous),
        new_invitee = next is null ? null : UriOf(next),
        cancellation = canceled is { } at ? new { created_at = Day(at) } : null,
        scheduled_event = startsAt is { } start ? Event("E1", start) : null,
    };

    private static string UriOf(string invitee) => $"{Root}{invitee switch { "three" => "E2", "four" => "E3", _ => "E1" }}/invitees/{invitee}";

    private static object CalBooking(string uid, int daysAgo, string status = "accepted", string? from = null, string? to = null, bool absent = false) => new
    {
        id = 1,
        uid,
        status,
        title = "Fade",
        start = from is null ? Day(9) : Day(10),
        createdAt = Now.AddDays(-daysAgo).ToString("O", CultureInfo.InvariantCulture),
        updatedAt = Now.AddHours(-1).ToString("O", CultureInfo.InvariantCulture),
        eventTypeId = 7,
        rescheduledFromUid = from,
        rescheduledToUid = to,
        attendees = new[] { new { name = "Zoe", email = $"{uid}@example.com", absent } },
        metadata = new { ct_vid = "abc123" },
    };

    private static object WhopPayment(string id, object[] refunds) =>
        new { id, status = "paid", total = 497, currency = "usd", created_at = Day(-2), paid_at = Day(-2), refunded_amount = refunds.Length * 97, refunds, user = new { id = "u", email = $"{id}@example.com" } };

    /// <summary>As Acuity: cancelled ones only when asked for, at most so many, by day.</summary>
    private static object[] Appointments(HttpRequest request, List<string> asked)
    {
        var (from, to) = (DateOnly.Parse(request.Query["minDate"]!, CultureInfo.InvariantCulture), DateOnly.Parse(request.Query["maxDate"]!, CultureInfo.InvariantCulture));
        asked.Add($"{to.DayNumber - from.DayNumber + 1} days");
        var (max, canceled) = (int.Parse(request.Query["max"]!, CultureInfo.InvariantCulture), request.Query["canceled"] == "true");
        // many old ones fill the first week; two are new
        var old = Enumerable.Range(0, 600).Select(i => Appointment(1000 + i, -400, 0, i % 7));
        var all = canceled ? [Appointment(2, -2, 3, 3, canceled: true)] : old.Append(Appointment(1, -1, 4, 4)).ToArray();
        return all.Where(a => a.Day >= from && a.Day <= to).Select(a => a.Json).Take(max).ToArray();
    }

    private static (DateOnly Day, object Json) Appointment(int id, int createdAt, int startsAt, int shift, bool canceled = false)
    {
        var starts = Now.AddDays(startsAt == 0 ? -5 + shift : startsAt);
        return (DateOnly.FromDateTime(starts.UtcDateTime), new
        {
            id,
            email = $"a{id}@example.com",
            firstName = "Zoe",
            price = "55.00",
            type = "Cut",
            appointmentTypeID = 6,
            canceled,
            noShow = false,
            datetime = starts.ToString("yyyy-MM-ddTHH:mm:ss", CultureInfo.InvariantCulture) + "+0000",
            datetimeCreated = Now.AddDays(createdAt).ToString("yyyy-MM-ddTHH:mm:ss", CultureInfo.InvariantCulture) + "+0000",
        });
    }

    private static string Day(int days) => Now.AddDays(days).ToString("yyyy-MM-ddTHH:mm:ss'Z'", CultureInfo.InvariantCulture);
}
