using ClarityTracking.Tests.Support;

namespace ClarityTracking.Tests.Inbound;

/// <summary>Acuity over HTTP: thin notifications that are completed by look-ups.</summary>
public sealed class AcuityTests(SenderFixture app) : IClassFixture<SenderFixture>
{
    private readonly string _secret = SenderFixture.NewSecret();

    /// <summary>Two moves of one appointment are told by the same bytes; both count, and a repetition of the last does not.</summary>
    [Fact]
    public async Task BookedMovedTwiceNotCome_IsOneBooking()
    {
        var sender = await ConnectAsync();
        Put(501, "2026-11-17T11:00:00+0100");
        await PostAsync(sender, "scheduled", 501);
        await sender.ProcessedAsync(1);
        Put(501, "2026-11-18T11:00:00+0100");
        await PostAsync(sender, "rescheduled", 501);
        await PostAsync(sender, "changed", 501);
        await sender.ProcessedAsync(3);
        Put(501, "2026-11-19T11:00:00+0100");
        await PostAsync(sender, "rescheduled", 501);
        await PostAsync(sender, "rescheduled", 501);
        await sender.ProcessedAsync(5);
        Assert.Equal("booking|confirmed|55.00|0", await app.ConversionsAsync(sender));
        Assert.Equal("booking_rescheduled=2 schedule=1", await app.EventsAsync(sender));
        Put(501, "2026-11-19T11:00:00+0100", canceled: true, noShow: true);
        await PostAsync(sender, "canceled", 501);
        await sender.ProcessedAsync(6);

        Assert.Equal("booking|no_show|55.00|0", await app.ConversionsAsync(sender));
        Assert.Equal("booking_no_show=1 booking_rescheduled=2 schedule=1", await app.EventsAsync(sender));
        Assert.Equal("EUR|abc123", await app.ValueAsync<string>($"SELECT concat_ws('|', currency, visitor_id) FROM conversions WHERE website_id = '{sender.Site.Id}'"));
    }

    [Fact]
    public async Task CancelledBeforeScheduledArrives_EndsCancelled()
    {
        var sender = await ConnectAsync();
        Put(502, "2026-11-27T11:00:00+0100", canceled: true);
        await PostAsync(sender, "canceled", 502);
        await sender.ProcessedAsync(1);
        await PostAsync(sender, "scheduled", 502);
        await sender.ProcessedAsync(2);
        Assert.Equal("booking|cancelled|55.00|0", await app.ConversionsAsync(sender));
        Assert.Equal("booking_canceled=1 schedule=1", await app.EventsAsync(sender));
    }

    [Fact]
    public async Task Order_IsPaid()
    {
        var sender = await ConnectAsync();
        app.Apis.Put("/acuity/api/v1/orders/9", new { id = 9, total = "120.00", status = "completed", title = "Ten visits", email = "zoe@example.com", time = "2026-11-10T10:00:00+0100" });
        app.Apis.Fail("/acuity/api/v1/orders/9", 503);
        await PostAsync(sender, "order.completed", 9);
        await sender.ProcessedAsync();
        Assert.Equal("order|paid|120.00|0", await app.ConversionsAsync(sender));
        Assert.Equal("purchase=1", await app.EventsAsync(sender));
    }

    [Fact]
    public async Task WrongUserId_FailsWithWhatToDo()
    {
        var sender = await Sender.ConnectAsync(app, "acuity", new { user_id = "777" }, new { webhook_secret = _secret });
        Put(503, "2026-11-27T11:00:00+0100");
        await PostAsync(sender, "scheduled", 503);
        var webhook = await sender.ProcessedAsync();
        Assert.Equal("failed", webhook.GetProperty("status").GetString());
        Assert.Contains("credentials", webhook.GetProperty("reason").GetString(), StringComparison.Ordinal);
    }

    private async Task<Sender> ConnectAsync()
    {
        app.Apis.AcuityKeys.Add(_secret);
        return await Sender.ConnectAsync(app, "acuity", new { user_id = SenderApis.AcuityUser, currency = "EUR" }, new { webhook_secret = _secret });
    }

    private void Put(int id, string startsAt, bool canceled = false, bool noShow = false) => app.Apis.Put($"/acuity/api/v1/appointments/{id}", new
    {
        id,
        firstName = "María",
        lastName = "Peña",
        email = "maria@example.com",
        datetime = startsAt,
        datetimeCreated = "2026-11-10T09:30:00+0000",
        price = "55.00",
        type = "Corte",
        appointmentTypeID = 6,
        calendarID = 8,
        canceled,
        noShow,
        forms = new[] { new { values = new[] { new { name = "ct_vid", value = "abc123" } } } },
    });

    private async Task PostAsync(Sender sender, string action, int id)
    {
        var body = $"action={action}&id={id}&calendarID=8&appointmentTypeID=6";
        await AppFixture.JsonOf(await sender.PostRawAsync(body, ("x-acuity-signature", SenderFixture.Base64(_secret, body))));
    }
}
