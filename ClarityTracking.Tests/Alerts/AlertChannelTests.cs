using System.Net.Http.Json;
using ClarityTracking.Core.Alerts.Channels;
using ClarityTracking.Tests.Support;
using ClarityTracking.Tests.Vectors;

namespace ClarityTracking.Tests.Alerts;

/// <summary>Channels and rules as the API takes them: what is refused and why, what is never shown, what a test says.</summary>
public sealed class AlertChannelTests(AlertApp app) : IClassFixture<AlertApp>
{
    [Theory]
    [InlineData("""{"name":"x","kind":"pigeon"}""", "kind")]
    [InlineData("""{"name":"x","kind":"email"}""", "settings.to")]
    [InlineData("""{"name":"x","kind":"email","settings":{"to":["a@example.com","nobody"]}}""", "settings.to")]
    [InlineData("""{"name":"x","kind":"email","settings":{"to":"a@example.com\r\nBcc: b@example.com"}}""", "settings.to")]
    [InlineData("""{"name":"x","kind":"email","settings":[]}""", "settings")]
    [InlineData("""{"kind":"email","settings":{"to":"a@example.com"}}""", "name")]
    [InlineData("""{"name":"x","kind":"webhook","settings":{"url":"ftp://example.com"}}""", "settings.url")]
    [InlineData("""{"name":"x","kind":"webhook","settings":{"url":"https://me:pw@example.com"}}""", "settings.url")]
    [InlineData("""{"name":"x","kind":"webhook","settings":{"url":"https://example.com"},"credentials":{"secret":"short"}}""", "credentials.secret")]
    [InlineData("""{"name":"x","kind":"slack"}""", "credentials.url")]
    [InlineData("""{"name":"x","kind":"slack","credentials":{"url":"https://example.com"},"severity":"loud"}""", "severity")]
    [InlineData("""{"name":"x","kind":"slack","credentials":{"url":"https://example.com"},"digest":{"rhythm":"daily"}}""", "digest.rhythm")]
    [InlineData("""{"name":"x","kind":"email","settings":{"to":"a@example.com"},"digest":{"rhythm":"hourly","hour":24,"timeZone":"Mars/Base"}}""", "digest.hour")]
    public async Task Create_WrongValue_IsRefusedWithItsField(string body, string field)
    {
        var tenant = await app.TenantAsync(withChannels: false);
        using var person = await tenant.PersonAsync();
        using var content = new StringContent(body, System.Text.Encoding.UTF8, "application/json");
        var problem = await AppFixture.ProblemOf(await person.PostAsync($"/api/workspaces/{tenant.Site.WorkspaceId}/alert-channels", content), 422);
        Assert.True(problem.GetProperty("errors").TryGetProperty(field, out _), problem.GetRawText());
    }

    [Fact]
    public async Task Secrets_Stored_AreSealedAndNeverShownAgain()
    {
        var tenant = await app.TenantAsync();
        using var person = await tenant.PersonAsync();
        var text = await person.GetStringAsync($"/api/workspaces/{tenant.Site.WorkspaceId}/alert-channels");
        Assert.DoesNotContain("whsec_", text, StringComparison.Ordinal);
        Assert.DoesNotContain($"/slack/{tenant.Name}", text, StringComparison.Ordinal);
        Assert.Contains("\"credentials\":[\"url\"]", text, StringComparison.Ordinal);
        foreach (var secret in (string[])["whsec_", $"/slack/{tenant.Name}", $"/teams/{tenant.Name}"])
            Assert.Equal(0, await app.ValueAsync<long>($"SELECT count(*) FROM alert_channels c WHERE c::text LIKE '%{secret}%' OR position('{secret}'::bytea IN coalesce(c.secret, '')) > 0"));
        Assert.Equal(0, await app.ValueAsync<long>($"SELECT count(*) FROM audit_log a WHERE a::text LIKE '%/slack/%' OR a::text LIKE '%whsec_%'"));
    }

    [Fact]
    public async Task Change_WithoutASecret_KeepsTheOneThatIsSet()
    {
        var tenant = await app.TenantAsync();
        using var person = await tenant.PersonAsync();
        var path = $"/api/workspaces/{tenant.Site.WorkspaceId}/alert-channels";
        foreach (var channel in (await AppFixture.JsonOf(await person.GetAsync(path))).GetProperty("items").EnumerateArray())
        {
            await AppFixture.JsonOf(await person.PatchAsJsonAsync($"{path}/{channel.GetProperty("id").GetGuid()}", new { name = "Renamed", severity = "critical" }));
            var answer = await AppFixture.JsonOf(await person.PostAsJsonAsync($"{path}/{channel.GetProperty("id").GetGuid()}/test", new { }));
            Assert.True(answer.GetProperty("taken").GetBoolean(), answer.GetRawText());
        }
        Assert.Equal((1, 1, 1, 1), tenant.Came);
        // critical only: a warning is not told
        await tenant.StateAsync(await tenant.ConnectionAsync(), "degraded", "HTTP 500");
        await app.PassAsync(2);
        Assert.Equal((1, 1, 1, 1), tenant.Came);
    }

    [Fact]
    public async Task Test_ReceiverRefuses_ItsAnswerIsShown()
    {
        var tenant = await app.TenantAsync();
        var wrong = await tenant.ChannelAsync(new { kind = "email", name = "Typo", settings = new { to = "someone@nowhere.example.com" } });
        app.Receivers.Down = 410;
        using var person = await tenant.PersonAsync();
        var path = $"/api/workspaces/{tenant.Site.WorkspaceId}/alert-channels";
        foreach (var channel in (await AppFixture.JsonOf(await person.GetAsync(path))).GetProperty("items").EnumerateArray().Where(c => c.Text("name") != "Mail"))
        {
            var answer = await AppFixture.JsonOf(await person.PostAsJsonAsync($"{path}/{channel.GetProperty("id").GetGuid()}/test", new { }));
            Assert.False(answer.GetProperty("taken").GetBoolean());
            Assert.Contains(channel.GetProperty("id").GetGuid() == wrong.GetProperty("id").GetGuid() ? "Mailbox unavailable" : "HTTP 410: down for maintenance", answer.Text("answer"), StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task Rules_WrongValues_AreRefusedAndNothingChanges()
    {
        var tenant = await app.TenantAsync(withChannels: false);
        using var client = tenant.Client;
        var path = $"/api/websites/{tenant.Site.Id}/alert-rules";
        var before = await client.GetStringAsync(path);
        foreach (var (body, field) in new (object, string)[]
        {
            (new { items = new[] { new { kind = "no_such" } } }, "items[0].kind"),
            (new { items = new object?[] { null } }, "items[0].kind"),
            (new { items = new[] { new { kind = "no_events" }, new { kind = "no_events" } } }, "items[1].kind"),
            (new { items = new[] { new { kind = "no_events", threshold = 0 } } }, "no_events.threshold"),
            (new { items = new[] { new { kind = "no_events", raiseAfterMinutes = -1 } } }, "no_events.raiseAfterMinutes"),
            (new { schedule = new { quietFrom = "22:00" } }, "schedule.quietTo"),
            (new { schedule = new { quietFrom = "25:00", quietTo = "07:00" } }, "schedule.quietFrom"),
            (new { schedule = new { days = Array.Empty<string>() } }, "schedule.days"),
        })
            Assert.True((await AppFixture.ProblemOf(await client.PutAsJsonAsync(path, body), 422)).GetProperty("errors").TryGetProperty(field, out _), field);
        Assert.Equal(before, await client.GetStringAsync(path));
        await tenant.RulesAsync(new { items = new[] { new { kind = "no_events", threshold = 48 } }, schedule = new { quietFrom = "22:00", quietTo = "07:00", days = new[] { "monday", "tuesday" } } });
        var after = await AppFixture.JsonOf(await client.GetAsync(path));
        Assert.Equal(48, after.GetProperty("items").EnumerateArray().Single(r => r.Text("kind") == "no_events").GetProperty("threshold").GetDecimal());
        Assert.Equal("22:00 07:00 monday tuesday", $"{after.GetProperty("schedule").Text("quietFrom")} {after.GetProperty("schedule").Text("quietTo")} {string.Join(' ', after.GetProperty("schedule").GetProperty("days").EnumerateArray())}");
    }

    [Theory]
    [InlineData("", "", "starttls", null)]
    [InlineData("mail.example.com", "a@example.com", "starttls", null)]
    [InlineData("mail.example.com", "nobody", "starttls", "Clarity__Smtp__From")]
    [InlineData("mail.example.com", "a@example.com", "ssl", "Clarity__Smtp__Tls")]
    public void Smtp_WrongSetting_IsNamed(string host, string from, string tls, string? named)
    {
        var options = new SmtpOptions { Host = host, From = from, Tls = tls };
        var result = options.Validate(null, options);
        Assert.Equal(named is null, result.Succeeded);
        if (named is not null)
            Assert.Contains(named, result.FailureMessage, StringComparison.Ordinal);
    }
}

/// <summary>Channels where private networks are not allowed, as by default.</summary>
public sealed class AlertChannelNetworkTests(AppFixture app) : IClassFixture<AppFixture>
{
    [Theory]
    [InlineData("""{"name":"x","kind":"webhook","settings":{"url":"http://127.0.0.1:5432/"}}""")]
    [InlineData("""{"name":"x","kind":"slack","credentials":{"url":"http://169.254.169.254/latest/meta-data"}}""")]
    [InlineData("""{"name":"x","kind":"teams","credentials":{"url":"http://localhost/"}}""")]
    public async Task Create_AddressInAPrivateNetwork_IsRefused(string body)
    {
        var account = await app.RegisterAsync();
        using var client = app.ClientFor(account);
        using var content = new StringContent(body, System.Text.Encoding.UTF8, "application/json");
        var problem = await AppFixture.ProblemOf(await client.PostAsync($"/api/workspaces/{account.WorkspaceId}/alert-channels", content), 422);
        Assert.Contains("private network", problem.Text("detail"), StringComparison.Ordinal);
    }
}
