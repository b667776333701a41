using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using ClarityTracking.Tests.Support;

namespace ClarityTracking.Tests.Inbound;

/// <summary>Setting a source up over the API: the address first, samples, secrets that overlap, failures and their replay.</summary>
public sealed class SourceSetupTests(AppFixture app) : IClassFixture<AppFixture>
{
    [Fact]
    public async Task Sample_OfASource_GoesOverHttpAndTellsWhatItBecame()
    {
        var sender = await Sender.ConnectAsync(app);
        var test = await PostAsync(sender, "test");
        Assert.Equal("accepted", test.GetProperty("outcome").GetString());
        Assert.Equal(200, test.GetProperty("httpStatus").GetInt32());
        Assert.EndsWith(sender.Path, test.GetProperty("request").GetProperty("url").GetString(), StringComparison.Ordinal);
        Assert.DoesNotContain(sender.Secret, test.ToString(), StringComparison.Ordinal);
        var webhook = test.GetProperty("webhook");
        Assert.Equal("processed", webhook.GetProperty("status").GetString());
        Assert.True(webhook.GetProperty("isSample").GetBoolean());
        Assert.Equal("schedule", webhook.GetProperty("eventNames")[0].GetString());
        Assert.False(webhook.GetProperty("canonical").TryGetProperty("customer", out _)); // nothing personal without a look that is noted
        Assert.True(await app.ValueAsync<bool>($"SELECT is_test FROM conversions WHERE website_id = '{sender.Site.Id}'"));
        Assert.True(await app.ValueAsync<bool>($"SELECT is_test FROM events WHERE website_id = '{sender.Site.Id}'"));
        Assert.Equal(0, await app.ValueAsync<long>($"SELECT count(*) FROM audit_log WHERE workspace_id = '{sender.Site.WorkspaceId}' AND action = 'personal_data.revealed'"));
    }

    [Fact]
    public async Task Sample_MarkedByItsHeader_IsATestWhateverTheBodySays()
    {
        var sender = await Sender.ConnectAsync(app);
        foreach (var (id, isSample) in new[] { ("real", false), ("sample", true) })
        {
            var body = JsonSerializer.Serialize(new { type = "order.paid", timestamp = DateTimeOffset.UtcNow, data = new { order_id = id, value = "9.00", currency = "EUR" } });
            var headers = sender.Signed(body);
            Assert.Equal(HttpStatusCode.OK, (await sender.PostRawAsync(body, isSample ? [.. headers, ("X-Clarity-Sample", "1")] : headers)).StatusCode);
        }
        await sender.ProcessedAsync(2);
        Assert.Equal("real false, sample true", await app.ValueAsync<string>(
            $"SELECT string_agg(sender_id || ' ' || is_test, ', ' ORDER BY sender_id) FROM conversions WHERE website_id = '{sender.Site.Id}'"));
    }

    [Fact]
    public async Task Secret_Rotated_BothAreTakenUntilTheOldOneIsTakenOut()
    {
        var sender = await Sender.ConnectAsync(app);
        var rotated = await PostAsync(sender, "rotate-secret");
        var fresh = rotated.GetProperty("secret").GetString()!;
        Assert.NotEqual(sender.Secret, fresh);
        Assert.Equal(HttpStatusCode.OK, (await sender.PostAsync("order.paid", new { order_id = "A" })).StatusCode);
        Assert.Equal(HttpStatusCode.OK, (await sender.PostAsync("order.paid", new { order_id = "B" }, secret: fresh)).StatusCode);

        using var client = app.ClientFor(sender.Account);
        var connection = await AppFixture.JsonOf(await client.PatchAsJsonAsync(await UrlAsync(sender), new { credentials = new { webhook_secret_previous = (string?)null } }));
        Assert.DoesNotContain("webhook_secret_previous", connection.GetProperty("credentials").ToString(), StringComparison.Ordinal);
        await AppFixture.ProblemOf(await sender.PostAsync("order.paid", new { order_id = "C" }), 401);
        Assert.Equal(HttpStatusCode.OK, (await sender.PostAsync("order.paid", new { order_id = "D" }, secret: fresh)).StatusCode);
    }

    [Fact]
    public async Task Secret_ThatBreaksTheRules_IsRefusedAndChangesNothing()
    {
        var sender = await Sender.ConnectAsync(app);
        using var client = app.ClientFor(sender.Account);
        foreach (var secret in new[] { "short", sender.Secret })
        {
            var problem = await AppFixture.ProblemOf(await client.PostAsJsonAsync($"{await UrlAsync(sender)}/rotate-secret", new { secret }), 422);
            Assert.Contains("secret", problem.ToString(), StringComparison.Ordinal);
        }
        Assert.Equal(HttpStatusCode.OK, (await sender.PostAsync("order.paid", new { order_id = "A" })).StatusCode);
    }

    [Fact]
    public async Task Source_WithoutItsSecret_GetsItsAddressAndWaitsSwitchedOff()
    {
        var account = await app.RegisterAsync($"{Guid.NewGuid():N}@example.com");
        var site = await app.CreateWebsiteAsync(account);
        using var client = app.ClientFor(account);
        var path = $"/api/websites/{site.Id}/connections";
        await AppFixture.ProblemOf(await client.PostAsJsonAsync(path, new { platform = "generic" }), 422); // on, it must be complete
        var connection = await AppFixture.JsonOf(await client.PostAsJsonAsync(path, new { platform = "generic", enabled = false }));
        var (id, url) = (connection.GetProperty("id").GetGuid(), connection.GetProperty("webhookUrl").GetString()!);
        using var sender = app.Anonymous();
        await AppFixture.ProblemOf(await sender.PostAsync(url, new StringContent("{}")), 401);
        Assert.Equal("secret_missing", (await AppFixture.ProblemOf(await client.PostAsync($"{path}/{id}/test", null), 409)).GetProperty("code").GetString());
        await AppFixture.ProblemOf(await client.PatchAsJsonAsync($"{path}/{id}", new { enabled = true }), 422);
        await AppFixture.JsonOf(await client.PatchAsJsonAsync($"{path}/{id}", new { name = "Booking system" }));
        var secret = Sender.NewSecret();
        var changed = await AppFixture.JsonOf(await client.PatchAsJsonAsync($"{path}/{id}", new { credentials = new { webhook_secret = secret }, enabled = true }));
        Assert.Equal(url, changed.GetProperty("webhookUrl").GetString());
        var test = await AppFixture.JsonOf(await client.PostAsync($"{path}/{id}/test", null));
        Assert.Equal("accepted", test.GetProperty("outcome").GetString());
    }

    [Fact]
    public async Task Failures_AreGroupedByReason_AndReplayedTogether()
    {
        var sender = await Sender.ConnectAsync(app);
        foreach (var id in new[] { "a", "b", "c" })
            Assert.Equal(HttpStatusCode.UnprocessableEntity, (await sender.PostAsync("booking.created", new { status = id })).StatusCode);
        await sender.PostAsync("order.paid", new { order_id = "fine" });
        await sender.ProcessedAsync(4);
        using var client = app.ClientFor(sender.Account);
        var path = $"/api/websites/{sender.Site.Id}/inbound-webhooks";
        var group = Assert.Single((await AppFixture.JsonOf(await client.GetAsync($"{path}/failures"))).GetProperty("items").EnumerateArray());
        Assert.Equal(3, group.GetProperty("count").GetInt32());
        Assert.Contains("booking_id", group.GetProperty("reason").GetString(), StringComparison.Ordinal);

        var order = new { connectionId = group.GetProperty("connectionId").GetGuid(), reason = group.GetProperty("reason").GetString(), dryRun = true };
        var plan = await AppFixture.JsonOf(await client.PostAsJsonAsync($"{path}/replay", order));
        Assert.Equal((3, 3, 0), (plan.GetProperty("matched").GetInt32(), plan.GetProperty("willReplay").GetInt32(), plan.GetProperty("forgotten").GetInt32()));
        Assert.Equal(3, await app.ValueAsync<long>($"SELECT count(*) FROM inbound_webhooks WHERE website_id = '{sender.Site.Id}' AND status = 'failed'"));
        var done = await AppFixture.JsonOf(await client.PostAsJsonAsync($"{path}/replay", order with { dryRun = false }));
        Assert.Equal(3, done.GetProperty("willReplay").GetInt32());
        await sender.ProcessedAsync(4); // they fail again, for the same reason, and nothing else was touched
        Assert.Equal(1, await app.ValueAsync<long>($"SELECT count(*) FROM conversions WHERE website_id = '{sender.Site.Id}'"));
        Assert.Equal(0, (await AppFixture.JsonOf(await client.PostAsJsonAsync($"{path}/replay", new { reason = "another" }))).GetProperty("matched").GetInt32());
    }

    private async Task<string> UrlAsync(Sender sender) =>
        $"/api/websites/{sender.Site.Id}/connections/{await app.ValueAsync<Guid>($"SELECT id FROM connections WHERE website_id = '{sender.Site.Id}'")}";

    private async Task<JsonElement> PostAsync(Sender sender, string act)
    {
        using var client = app.ClientFor(sender.Account);
        return await AppFixture.JsonOf(await client.PostAsync($"{await UrlAsync(sender)}/{act}", null));
    }
}
