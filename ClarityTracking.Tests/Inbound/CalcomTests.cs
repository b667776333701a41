using System.Net;
using System.Text.Json;

namespace ClarityTracking.Tests.Inbound;

/// <summary>Cal.com over HTTP: what becomes of a booking, in any order of arrival.</summary>
public sealed class CalcomTests(SenderFixture app) : IClassFixture<SenderFixture>
{
    private readonly string _secret = SenderFixture.NewSecret();

    // all orders of four are 24: those that begin with each of them, and end with each
    public static TheoryData<string> Orders => [.. SenderFixture.Orders("cprn").Where((_, i) => i % 3 == 0)];

    [Theory, MemberData(nameof(Orders))]
    public async Task BookedPaidMovedNotCome_InAnyOrder_IsOneBooking(string order)
    {
        var sender = await ConnectAsync();
        for (var i = 0; i < order.Length; i++)
        {
            var body = order[i] switch
            {
                'c' => Booking("BOOKING_CREATED", "2026-11-10T10:00:00.000Z", "u1", "2026-11-18T09:00:00Z"),
                'p' => Booking("BOOKING_PAID", "2026-11-10T10:05:00.000Z", "u1", "2026-11-18T09:00:00Z"),
                'r' => Booking("BOOKING_RESCHEDULED", "2026-11-11T10:00:00.000Z", "u2", "2026-11-19T09:00:00Z", "u1"),
                _ => JsonSerializer.Serialize(new
                {
                    triggerEvent = "BOOKING_NO_SHOW_UPDATED",
                    createdAt = "2026-11-19T10:00:00.000Z",
                    payload = new { bookingUid = "u2", attendees = new[] { new { email = "zoe@example.com", noShow = true } } },
                }),
            };
            await PostAsync(sender, body);
            await sender.ProcessedAsync(i + 1);
            await PostAsync(sender, body);
        }

        Assert.Equal("booking|no_show|40.00|0", await app.ConversionsAsync(sender));
        Assert.Equal("booking_no_show=1 booking_rescheduled=1 purchase=1 schedule=1", await app.EventsAsync(sender));
    }

    [Fact]
    public async Task RequestThenConfirmed_SchedulesOnlyWhenConfirmed()
    {
        var sender = await ConnectAsync();
        await PostAsync(sender, Booking("BOOKING_REQUESTED", "2026-11-10T10:00:00.000Z", "q1", "2026-11-28T09:00:00Z", status: "PENDING"));
        await sender.ProcessedAsync();
        Assert.Equal("booking|pending|40.00|0", await app.ConversionsAsync(sender));
        Assert.Equal("", await app.EventsAsync(sender));
        await PostAsync(sender, Booking("BOOKING_CREATED", "2026-11-10T11:00:00.000Z", "q1", "2026-11-28T09:00:00Z"));
        await sender.ProcessedAsync(2);
        Assert.Equal("booking|confirmed|40.00|0", await app.ConversionsAsync(sender));
        Assert.Equal("schedule=1", await app.EventsAsync(sender));
    }

    [Fact]
    public async Task CustomTemplate_IsRefusedWithWhatToDo()
    {
        var sender = await ConnectAsync();
        var answer = await PostAsync(sender, "title=Fade&start=2026");
        Assert.Equal(HttpStatusCode.UnprocessableEntity, answer.StatusCode);
        Assert.Contains("template", await answer.Content.ReadAsStringAsync(), StringComparison.Ordinal);
    }

    private Task<Sender> ConnectAsync() => Sender.ConnectAsync(app, "calcom", credentials: new { webhook_secret = _secret });

    private Task<HttpResponseMessage> PostAsync(Sender sender, string body) => sender.PostRawAsync(body, ("X-Cal-Signature-256", SenderFixture.Hex(_secret, body)));

    private static string Booking(string trigger, string at, string uid, string startsAt, string? previous = null, string status = "ACCEPTED") => JsonSerializer.Serialize(new
    {
        triggerEvent = trigger,
        createdAt = at,
        payload = new
        {
            uid,
            eventTypeId = 77,
            eventTitle = "Skin fade",
            startTime = startsAt,
            status,
            price = 4000,
            currency = "usd",
            rescheduleUid = previous,
            attendees = new[] { new { email = "zoe@example.com", name = "Zoe Example" } },
            metadata = new { ct_vid = "abc123", fbclid = "IwCal1" },
        },
    });
}
