using System.Net.Http.Json;
using System.Text.Json;
using ClarityTracking.Core.Alerts;
using ClarityTracking.Core.Connections.OAuth;
using ClarityTracking.Tests.Support;
using Microsoft.Extensions.DependencyInjection;

namespace ClarityTracking.Tests.Connections;

/// <summary>The whole way of access that was taken back: the refresh is refused, the connection pauses, an alert opens, and somebody is told, once.</summary>
public sealed class OAuthAlertTests(AppWithOAuth app) : IClassFixture<AppWithOAuth>
{
    [Fact]
    public async Task RevokedRefreshToken_PausesTheConnection_OpensOneAlert_AndTellsTheChannelOnce()
    {
        await using var receivers = await AlertReceivers.StartAsync(app.Clock);
        var owner = await app.RegisterAsync();
        var site = await app.CreateWebsiteAsync(owner);
        using var client = app.ClientFor(owner);
        var hook = await AppFixture.JsonOf(await client.PostAsJsonAsync($"/api/workspaces/{site.WorkspaceId}/alert-channels", new { kind = "webhook", name = "Hook", settings = new { url = $"{receivers.Url}/hook/owner" } }));
        receivers.Keys["owner"] = Convert.FromBase64String(hook.GetProperty("secret").GetString()!["whsec_".Length..]);
        var id = await AppWithOAuth.ConnectAsync(client, site.Id, "pinterest");
        await app.RunAsync($"UPDATE connections SET enabled = true WHERE id = '{id}'");
        await PassAsync(2);
        Assert.Empty(receivers.Of("hook", "owner"));

        app.Provider.Revoke("pinterest");
        app.Clock.Advance(TimeSpan.FromDays(8));
        await app.Services.GetRequiredService<OAuthRefresh>().RunAsync(CancellationToken.None);
        var reason = await app.ValueAsync<string>($"SELECT state_reason FROM connections WHERE id = '{id}' AND state = 'paused'");
        Assert.StartsWith("Reconnect needed: Pinterest refused the refresh: HTTP 400: invalid_grant", reason, StringComparison.Ordinal);
        await PassAsync(30);
        var told = Assert.Single(receivers.Of("hook", "owner"));
        var news = Assert.Single(told.GetProperty("data").GetProperty("alerts").EnumerateArray().ToList());
        Assert.Equal(("opened", "connection_paused", "Pinterest is paused"), (Text(news, "news"), Text(news, "rule"), Text(news, "title")));
        var alert = Assert.Single(await AlertsAsync(), a => Text(a, "rule") == "connection_paused");
        Assert.Equal(("open", "critical"), (Text(alert, "state"), Text(alert, "severity")));
        Assert.Contains("Reconnect needed: Pinterest refused the refresh", alert.ToString(), StringComparison.Ordinal);
        Assert.All(app.Provider.Secrets, secret => Assert.DoesNotContain(secret, alert.ToString() + told, StringComparison.Ordinal));

        // connected again it is over, and that is told once
        using var nobody = app.Anonymous();
        var again = await AppFixture.JsonOf(await nobody.PostAsJsonAsync("/api/login", new { email = owner.Email, password = owner.Password }));
        using var back = app.ClientFor(again.GetProperty("accessToken").GetString()!);
        Assert.Equal(id, await AppWithOAuth.ConnectAsync(back, site.Id, "pinterest", id));
        await PassAsync(25);
        Assert.Equal(["opened", "resolved"], receivers.Of("hook", "owner").SelectMany(b => b.GetProperty("data").GetProperty("alerts").EnumerateArray()).Select(a => Text(a, "news")));
        Assert.Empty(receivers.Refused);

        async Task<List<JsonElement>> AlertsAsync()
        {
            using var key = app.ClientFor(site.SecretKey);
            return [.. (await AppFixture.JsonOf(await key.GetAsync($"/api/websites/{site.Id}/alerts"))).GetProperty("items").EnumerateArray()];
        }
    }

    /// <summary>What the jobs do each minute.</summary>
    private async Task PassAsync(int minutes)
    {
        for (var minute = 0; minute < minutes; minute++)
        {
            app.Clock.Advance(TimeSpan.FromMinutes(1));
            await app.Services.GetRequiredService<AlertEvaluator>().RunAsync(null, CancellationToken.None);
            await app.Services.GetRequiredService<AlertComposer>().ComposeAsync(CancellationToken.None);
            await app.Services.GetRequiredService<AlertSender>().SendDueAsync(CancellationToken.None);
        }
    }

    private static string? Text(JsonElement json, string name) => json.GetProperty(name).GetString();
}
