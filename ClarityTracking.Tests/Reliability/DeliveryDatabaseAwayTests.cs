using System.Net;
using System.Net.Http.Json;
using System.Text;
using ClarityTracking.Tests.Support;

namespace ClarityTracking.Tests.Reliability;

/// <summary>The database is away while a platform takes events.</summary>
public sealed class DeliveryDatabaseAwayTests(DatabaseAwayTests.RelayedApp app) : IClassFixture<DatabaseAwayTests.RelayedApp>
{
    [Fact]
    public async Task Deliver_DatabaseAwayWhenThePlatformAnswers_IsRecordedAndNotSentAgain()
    {
        var owner = await app.RegisterAsync();
        var site = await app.CreateWebsiteAsync(owner);
        using var http = app.ClientFor(owner);
        await AppFixture.JsonOf(await http.PostAsJsonAsync($"/api/websites/{site.Id}/connections",
            new { platform = "meta", settings = new { dataset_id = "42" }, credentials = new { access_token = "some-token" } }));
        var released = new TaskCompletionSource();
        app.Platform.RespondAsync = async (_, _) =>
        {
            await released.Task;
            return (200, """{"events_received":1,"messages":[],"fbtrace_id":"trace"}""", null);
        };
        using var content = new StringContent(
            """{"events":[{"event_id":"away","event_type":"lead","properties":{"url":"https://shop.example.com/"},"user":{"email":"jane@example.com"}}]}""", Encoding.UTF8, "application/json");
        using var anonymous = app.Anonymous();
        Assert.Equal(HttpStatusCode.Accepted, (await anonymous.PostAsync($"/api/v1/collect?key={site.PublishableKey}", content)).StatusCode);
        await UntilAsync(() => Task.FromResult(app.Platform.Seen.Count == 1));

        app.Relay.Cut();
        released.SetResult();
        await Task.Delay(2500); // the first two tries to write are in vain
        app.Relay.Restore();
        await UntilAsync(() => app.ValueAsync<bool>($"SELECT count(*) = 1 FROM deliveries WHERE website_id = '{site.Id}' AND status = 'delivered'"));
        Assert.Equal(1L, await app.ValueAsync<long>($"SELECT count(*) FROM delivery_calls WHERE website_id = '{site.Id}'"));
        Assert.Single(app.Platform.Seen);
    }

    private static async Task UntilAsync(Func<Task<bool>> isSo)
    {
        for (var i = 0; !await isSo(); i++)
        {
            Assert.True(i < 300, "it does not happen");
            await Task.Delay(100);
        }
    }
}
