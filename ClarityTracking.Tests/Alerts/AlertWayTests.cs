using System.Net.Http.Json;
using ClarityTracking.Core.Alerts;
using ClarityTracking.Tests.Support;
using ClarityTracking.Tests.Vectors;
using Microsoft.Extensions.DependencyInjection;

namespace ClarityTracking.Tests.Alerts;

/// <summary>The way of an alert with a clock that the test moves, over a real mail conversation and real HTTP.</summary>
public sealed class AlertWayTests(AlertApp app) : IClassFixture<AlertApp>
{
    [Fact]
    public async Task Alert_FromConditionToEnd_IsToldOncePerChannel()
    {
        var tenant = await app.TenantAsync();
        var connection = await tenant.ConnectionAsync();
        await app.PassAsync(2);
        Assert.Equal((0, 0, 0, 0), tenant.Came);

        // condition -> open -> one message per channel, however often it is looked at
        app.Now += TimeSpan.FromSeconds(30);
        await tenant.StateAsync(connection, "paused", "Error validating access token: the session <has> expired");
        await app.PassAsync(1);
        var alert = await tenant.AlertAsync();
        Assert.Equal(("connection_paused", "open", "critical"), (alert.Text("rule"), alert.Text("state"), alert.Text("severity")));
        Assert.Equal("Meta is paused", alert.Text("title"));
        await app.PassAsync(20);
        Assert.Equal((1, 1, 1, 1), tenant.Came);
        AssertMessages(tenant, alert.GetProperty("id").GetGuid());

        // acknowledged: nobody is told again
        Assert.Equal("acknowledged", (await tenant.ActAsync("acknowledge")).Text("state"));
        await app.PassAsync(90);
        Assert.Equal((1, 1, 1, 1), tenant.Came);

        // the condition ends -> resolved by itself, and those who were told are told so, once
        await tenant.StateAsync(connection, "healthy", null);
        await app.PassAsync(15);
        Assert.Equal("acknowledged", (await tenant.AlertAsync()).Text("state")); // a pause may come back at once
        await app.PassAsync(3);
        Assert.Equal("resolved", (await tenant.AlertAsync()).Text("state"));
        Assert.Equal((2, 2, 2, 2), tenant.Came);
        Assert.Contains("over: Meta is paused", app.Mail.To($"{tenant.Name}@example.com")[1].Headers["Subject"], StringComparison.Ordinal);

        var details = await tenant.DetailsAsync();
        Assert.Equal(["resolved", "acknowledged", "opened"], details.GetProperty("history").EnumerateArray().Select(h => h.Text("change")!));
        Assert.Equal([null, tenant.Site.SecretKey[..4], null], details.GetProperty("history").EnumerateArray().Select(h => h.Text("actor") is { } actor ? actor[..4] : null));
        Assert.All(details.GetProperty("told").EnumerateArray(), told => Assert.Equal("sent", told.Text("state")));
        Assert.Equal(8, details.GetProperty("told").GetArrayLength());
        Assert.Empty(app.Receivers.Refused);
        await AppFixture.ProblemOf(await tenant.Client.PostAsJsonAsync($"/api/websites/{tenant.Site.Id}/alerts/{alert.GetProperty("id").GetGuid()}/acknowledge", new { }), 409);
    }

    private void AssertMessages(AlertTenant tenant, Guid id)
    {
        var mail = app.Mail.To($"{tenant.Name}@example.com")[0];
        Assert.Equal("alerts@clarity.example.com", mail.From);
        Assert.Equal("Shop: Meta is paused", mail.Headers["Subject"]);
        Assert.Contains("Critical: Shop: Meta is paused\nError validating access token: the session <has> expired.", mail.Text, StringComparison.Ordinal);
        Assert.Contains($"https://clarity.example.com/websites/{tenant.Site.Id}/alerts?alert={id}\n", mail.Text, StringComparison.Ordinal);
        Assert.EndsWith("@clarity.example.com>", mail.Headers["Message-ID"], StringComparison.Ordinal);
        Assert.Equal("auto-generated", mail.Headers["Auto-Submitted"]);
        var hook = app.Receivers.Of("hook", tenant.Name)[0];
        var told = Assert.Single(hook.GetProperty("data").GetProperty("alerts").EnumerateArray());
        Assert.Equal(("opened", "connection_paused", 1, id), (told.Text("news"), told.Text("rule"), told.GetProperty("opening").GetInt32(), told.GetProperty("id").GetGuid()));
        Assert.Contains("session &lt;has&gt; expired", app.Receivers.Of("slack", tenant.Name)[0].Text("text"), StringComparison.Ordinal);
        Assert.Contains("Meta is paused", app.Receivers.Of("teams", tenant.Name)[0].GetRawText(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Connection_DegradedThenPausedThenHealthy_IsToldEachTime()
    {
        var tenant = await app.TenantAsync();
        var connection = await tenant.ConnectionAsync();
        foreach (var (state, titles) in new[] { ("degraded", "opened: Meta does not answer as it should"), ("paused", "opened: Meta is paused"), ("healthy", "resolved: Meta is paused") })
        {
            await tenant.StateAsync(connection, state, state == "healthy" ? null : "no answer");
            await app.PassAsync(state == "healthy" ? 16 : 1); // a pause must be over for a while
            var newest = app.Receivers.Of("hook", tenant.Name)[^1];
            Assert.Equal(titles, string.Join(", ", newest.GetProperty("data").GetProperty("alerts").EnumerateArray().Select(a => $"{a.Text("news")}: {a.Text("title")}")));
        }
        Assert.Equal(3, tenant.Came.Hook);
    }

    [Fact]
    public async Task Worker_AConnectionThatHasJustChanged_IsLookedAtAloneAndAtOnce()
    {
        var tenant = await app.TenantAsync();
        var (quiet, connection) = (await tenant.ConnectionAsync("Quiet", await app.CreateWebsiteAsync(tenant.Account with { AccessToken = await TokenAsync(tenant) })), await tenant.ConnectionAsync());
        app.Now += TimeSpan.FromMinutes(10);
        await tenant.StateAsync(connection, "paused", "expired");
        var run = await app.Services.GetRequiredService<AlertEvaluator>().RunAsync(app.Now - TimeSpan.FromSeconds(15), CancellationToken.None);
        Assert.Equal(new AlertRun(1, 0, 1, 0), run);
        Assert.NotEqual(quiet, connection);
    }

    private static async Task<string> TokenAsync(AlertTenant tenant)
    {
        using var client = await tenant.PersonAsync();
        return client.DefaultRequestHeaders.Authorization!.Parameter!;
    }

    [Fact]
    public async Task Flapping_ConditionComesAndGoes_ReopensTheSameAlertAndIsToldAgainOnlyWhenItStays()
    {
        var tenant = await app.TenantAsync();
        var connection = await tenant.ConnectionAsync();
        for (var turn = 0; turn < 6; turn++)
        {
            await tenant.StateAsync(connection, "degraded", "HTTP 500");
            await app.PassAsync(1);
            await tenant.StateAsync(connection, "healthy", null);
            await app.PassAsync(1);
        }
        var alert = await tenant.AlertAsync();
        Assert.Equal((6, "resolved"), (alert.GetProperty("openings").GetInt32(), alert.Text("state")));
        Assert.Equal(2, tenant.Came.Hook); // opened and over, once
        var leftOut = (await tenant.DetailsAsync()).GetProperty("told").EnumerateArray().Where(t => t.Text("state") == "left_out").Select(t => t.Text("why")).Distinct();
        Assert.Equal(["It was over before it could be told.", "Its opening was not told."], leftOut.Order(StringComparer.Ordinal));

        await tenant.StateAsync(connection, "degraded", "HTTP 500");
        await app.PassAsync(40);
        Assert.Equal(3, tenant.Came.Hook);
        // a day after its end it is a new one
        await tenant.StateAsync(connection, "healthy", null);
        await app.PassAsync(1);
        app.Now += TimeSpan.FromHours(25);
        await tenant.StateAsync(connection, "degraded", "HTTP 500");
        await app.PassAsync(1);
        Assert.Equal(2, (await tenant.AlertsAsync()).Count);
    }

    [Fact]
    public async Task Hysteresis_RaiseAfterAndResolveAfter_AreHeeded()
    {
        var tenant = await app.TenantAsync(withChannels: false);
        var connection = await tenant.ConnectionAsync();
        await tenant.RulesAsync(new { items = new[] { new { kind = "connection_degraded", raiseAfterMinutes = 10, resolveAfterMinutes = 5 } } });
        await tenant.StateAsync(connection, "degraded", null);
        await app.PassAsync(10);
        Assert.Empty(await tenant.AlertsAsync());
        await tenant.StateAsync(connection, "healthy", null);
        await app.PassAsync(1);
        await tenant.StateAsync(connection, "degraded", null);
        await app.PassAsync(10); // it counts from the beginning again
        Assert.Empty(await tenant.AlertsAsync());
        await app.PassAsync(1);
        Assert.Equal("open", (await tenant.AlertAsync()).Text("state"));
        await tenant.StateAsync(connection, "healthy", null);
        await app.PassAsync(4);
        await tenant.StateAsync(connection, "degraded", null);
        await app.PassAsync(1);
        await tenant.StateAsync(connection, "healthy", null);
        await app.PassAsync(5);
        Assert.Equal("open", (await tenant.AlertAsync()).Text("state"));
        await app.PassAsync(1);
        Assert.Equal("resolved", (await tenant.AlertAsync()).Text("state"));
    }

    [Fact]
    public async Task Storm_HundredConditionsAtOnce_IsOneMessagePerChannel()
    {
        var tenant = await app.TenantAsync();
        var other = await app.CreateWebsiteAsync(tenant.Account, "Salon", "salon.example.com");
        for (var i = 0; i < 100; i++)
            await tenant.StateAsync(await tenant.ConnectionAsync($"Connection {i}", i < 50 ? null : other), "paused", "expired");
        await app.PassAsync(5);
        Assert.Equal((1, 1, 1, 1), tenant.Came);
        Assert.Equal(100, app.Receivers.Of("hook", tenant.Name)[0].GetProperty("data").GetProperty("alerts").GetArrayLength());
        var mail = app.Mail.To($"{tenant.Name}@example.com")[0];
        Assert.Equal("2 websites: 100 alerts", mail.Headers["Subject"]);
        Assert.Contains("And 80 more.", mail.Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Storm_OfOneWebsite_IsToldOneByOneUpToALimitAndCountedBeyond()
    {
        var tenant = await app.TenantAsync();
        var all = new List<Guid>();
        for (var i = 0; i < AlertEvaluator.MostSubjects + 7; i++)
        {
            all.Add(await tenant.ConnectionAsync($"Connection {i}"));
            await tenant.StateAsync(all[i], "degraded", "HTTP 500");
        }
        await app.PassAsync(3);
        var told = app.Receivers.Of("hook", tenant.Name)[0].GetProperty("data").GetProperty("alerts").EnumerateArray().ToList();
        Assert.Equal((AlertEvaluator.MostSubjects + 1, 1), (told.Count, tenant.Came.Hook));
        var rest = Assert.Single(told, t => t.Text("title") == "Connection degraded: …and 7 more");
        Assert.StartsWith("7 more than are told one by one", rest.Text("text"), StringComparison.Ordinal);
        foreach (var one in all)
            await tenant.StateAsync(one, "healthy", null);
        await app.PassAsync(2);
        Assert.Equal(0L, await app.ValueAsync<long>($"SELECT count(*) FROM alerts WHERE website_id = '{tenant.Site.Id}' AND state <> 'resolved'"));
    }

    [Fact]
    public async Task HeldBack_ThousandWarnings_HideNoCriticalOne()
    {
        var tenant = await app.TenantAsync();
        await tenant.RulesAsync(new { schedule = new { quietFrom = "00:00", quietTo = "23:59", criticalAlways = true } });
        var connection = await tenant.ConnectionAsync();
        await app.RunAsync($$"""
            WITH made AS (
                INSERT INTO alerts (workspace_id, website_id, id, kind, subject, subject_name, severity, state, opening, evidence, opened_at, updated_at)
                SELECT '{{tenant.Site.WorkspaceId}}', '{{tenant.Site.Id}}', gen_random_uuid(), 'match_quality_drop', 'n' || i, 'n' || i, 'warning', 'open', 1,
                       '{"detail":{},"value":1,"threshold":1,"unit":"points"}', '{{app.Now:O}}', '{{app.Now:O}}' FROM generate_series(1, 1100) i RETURNING *)
            INSERT INTO alert_notifications (workspace_id, website_id, alert_id, opening, channel_id, news, created_at)
            SELECT m.workspace_id, m.website_id, m.id, 1, c.id, 'opened', m.opened_at FROM made m JOIN alert_channels c ON c.workspace_id = m.workspace_id
            """);
        await tenant.StateAsync(connection, "paused", "expired");
        await app.PassAsync(1);
        var told = Assert.Single(app.Receivers.Of("hook", tenant.Name)).GetProperty("data").GetProperty("alerts").EnumerateArray();
        Assert.Equal("Meta is paused", Assert.Single(told).Text("title"));
    }

    [Fact]
    public async Task Limit_MoreThanSixMessagesAnHour_TheRestWaitsAndComesTogether()
    {
        var tenant = await app.TenantAsync();
        for (var i = 0; i < 10; i++)
        {
            await tenant.StateAsync(await tenant.ConnectionAsync($"Connection {i}"), "paused", "expired");
            await app.PassAsync(1);
        }
        Assert.Equal(AlertComposer.MostPerHour, tenant.Came.Slack);
        await app.PassAsync(55);
        Assert.Equal(AlertComposer.MostPerHour + 1, tenant.Came.Slack);
        Assert.Equal(4, app.Receivers.Of("hook", tenant.Name)[^1].GetProperty("data").GetProperty("alerts").GetArrayLength());
    }

    [Fact]
    public async Task QuietHours_OverAClockChange_MessagesWaitAndWhatIsOverIsNotTold()
    {
        app.Now = new DateTimeOffset(2027, 3, 27, 20, 0, 0, TimeSpan.Zero);
        var tenant = await app.TenantAsync();
        using var client = tenant.Client;
        await AppFixture.JsonOf(await client.PatchAsJsonAsync($"/api/websites/{tenant.Site.Id}", new { timeZone = "Europe/Berlin" }));
        await tenant.RulesAsync(new { schedule = new { quietFrom = "22:00", quietTo = "07:00", criticalAlways = false } });
        var (stays, passes) = (await tenant.ConnectionAsync("Stays"), await tenant.ConnectionAsync("Passes"));
        app.Now = new DateTimeOffset(2027, 3, 27, 23, 0, 0, TimeSpan.Zero);
        await tenant.StateAsync(stays, "paused", "expired");
        await tenant.StateAsync(passes, "degraded", "HTTP 500");
        await app.PassAsync(3);
        await tenant.StateAsync(passes, "healthy", null);
        await app.PassAsync(3);
        Assert.Equal(2, (await tenant.AlertsAsync()).Count); // raised and shown all the same
        app.Now = new DateTimeOffset(2027, 3, 28, 4, 58, 0, TimeSpan.Zero);
        await app.PassAsync(1);
        Assert.Equal((0, 0, 0, 0), tenant.Came);
        await app.PassAsync(1); // 05:00 UTC is 07:00 since this night
        Assert.Equal((1, 1, 1, 1), tenant.Came);
        Assert.Equal("Stays is paused", Assert.Single(app.Receivers.Of("hook", tenant.Name)[0].GetProperty("data").GetProperty("alerts").EnumerateArray()).Text("title"));
    }

    [Fact]
    public async Task TwoNodes_AtOnce_RaiseAndTellOnce()
    {
        var tenant = await app.TenantAsync();
        for (var i = 0; i < 5; i++)
            await tenant.StateAsync(await tenant.ConnectionAsync($"Connection {i}"), "paused", "expired");
        app.Now += TimeSpan.FromMinutes(1);
        for (var round = 0; round < 5; round++)
            await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => Task.Run(app.TickAsync)));
        Assert.Equal(5, (await tenant.AlertsAsync()).Count);
        Assert.Equal((1, 1, 1, 1), tenant.Came);
        Assert.Equal(5, await app.ValueAsync<long>($"SELECT count(*) FROM alert_history WHERE website_id = '{tenant.Site.Id}'"));
    }

    [Fact]
    public async Task Receiver_DownThenUp_GetsTheMessageOnceUnderTheSameId()
    {
        var tenant = await app.TenantAsync();
        var connection = await tenant.ConnectionAsync();
        (app.Receivers.Down, app.Mail.IsDown) = (503, true);
        await tenant.StateAsync(connection, "paused", "expired");
        await app.PassAsync(10);
        Assert.Equal((0, 0, 0, 0), tenant.Came);
        using var person = await tenant.PersonAsync();
        var channels = (await AppFixture.JsonOf(await person.GetAsync($"/api/workspaces/{tenant.Site.WorkspaceId}/alert-channels"))).GetProperty("items");
        foreach (var channel in channels.EnumerateArray())
        {
            var last = channel.GetProperty("last");
            Assert.Equal("queued", last.Text("state"));
            Assert.True(last.GetProperty("attempts").GetInt32() is > 1 and < 10);
            Assert.Contains(channel.Text("kind") == "email" ? "mail server did not take it" : "HTTP 503: down for maintenance", last.Text("error"), StringComparison.Ordinal);
        }
        (app.Receivers.Down, app.Mail.IsDown) = (null, false);
        await app.PassAsync(40);
        Assert.Equal((1, 1, 1, 1), tenant.Came);
        Assert.Equal($"msg_{await app.ValueAsync<Guid>($"SELECT m.id FROM alert_messages m JOIN alert_channels c ON c.id = m.channel_id WHERE c.kind = 'webhook' AND m.workspace_id = '{tenant.Site.WorkspaceId}'"):N}",
            app.Receivers.Taken.Single(t => (t.Place, t.Name) == ("hook", tenant.Name)).Id);
    }

    [Fact]
    public async Task Receiver_DownForADay_IsGivenUpAndShown()
    {
        var tenant = await app.TenantAsync();
        var connection = await tenant.ConnectionAsync();
        app.Receivers.Down = 500;
        await tenant.StateAsync(connection, "paused", "expired");
        await app.PassAsync(1);
        app.Now += TimeSpan.FromHours(25);
        await app.TickAsync();
        var states = (await tenant.DetailsAsync()).GetProperty("told").EnumerateArray().ToDictionary(t => t.Text("channel")!, t => t.Text("state"));
        Assert.Equal("failed failed sent failed", $"{states["Hook"]} {states["Slack"]} {states["Mail"]} {states["Teams"]}");
        app.Receivers.Down = null;
        await app.PassAsync(5);
        Assert.Equal((1, 0, 0, 0), tenant.Came);
    }

    [Fact]
    public async Task Node_KilledBetweenSendingAndMarking_SendsAgainUnderTheSameId()
    {
        var tenant = await app.TenantAsync();
        await tenant.StateAsync(await tenant.ConnectionAsync(), "paused", "expired");
        await app.PassAsync(1);
        // as the row is when a node dies after the receiver's answer
        await app.RunAsync($"UPDATE alert_messages SET state = 'queued', sent_at = NULL WHERE workspace_id = '{tenant.Site.WorkspaceId}'");
        await app.TickAsync();
        Assert.Equal(1, tenant.Came.Hook); // its lease holds
        app.Now += TimeSpan.FromMinutes(4);
        await app.TickAsync();
        var ids = app.Receivers.Taken.Where(t => (t.Place, t.Name) == ("hook", tenant.Name)).Select(t => t.Id).ToList();
        Assert.Equal(2, ids.Count);
        Assert.Single(ids.Distinct());
        Assert.Single(app.Mail.To($"{tenant.Name}@example.com").Select(m => m.Headers["Message-ID"]).Distinct());
    }

    [Fact]
    public async Task Channel_DeletedWithAMessageWaiting_IsToldNothingAndHoldsUpNobody()
    {
        var tenant = await app.TenantAsync();
        var connection = await tenant.ConnectionAsync();
        app.Receivers.Down = 503;
        await tenant.StateAsync(connection, "paused", "expired");
        await app.PassAsync(1);
        using (var person = await tenant.PersonAsync())
        {
            var channels = (await AppFixture.JsonOf(await person.GetAsync($"/api/workspaces/{tenant.Site.WorkspaceId}/alert-channels"))).GetProperty("items").EnumerateArray().ToList();
            var slack = channels.Single(c => c.Text("kind") == "slack").GetProperty("id").GetGuid();
            Assert.Equal(204, (int)(await person.DeleteAsync($"/api/workspaces/{tenant.Site.WorkspaceId}/alert-channels/{slack}")).StatusCode);
            // one that is switched off keeps its place in the list, and what waited for it is given up
            var teams = channels.Single(c => c.Text("kind") == "teams").GetProperty("id").GetGuid();
            await AppFixture.JsonOf(await person.PatchAsJsonAsync($"/api/workspaces/{tenant.Site.WorkspaceId}/alert-channels/{teams}", new { enabled = false }));
        }
        app.Receivers.Down = null;
        await app.PassAsync(30);
        Assert.Equal((1, 1, 0, 0), tenant.Came);
    }

    [Fact]
    public async Task Snooze_EndsWhileTheConditionHolds_OpensAgainAndIsToldAgain()
    {
        var tenant = await app.TenantAsync();
        var connection = await tenant.ConnectionAsync();
        await tenant.StateAsync(connection, "paused", "expired");
        await app.PassAsync(1);
        Assert.Equal("snoozed", (await tenant.ActAsync("snooze", new { until = app.Now.AddHours(2) })).Text("state"));
        await app.PassAsync(119);
        Assert.Equal(1, tenant.Came.Hook);
        await app.PassAsync(2);
        Assert.Equal(("open", 2), ((await tenant.AlertAsync()).Text("state"), (await tenant.AlertAsync()).GetProperty("openings").GetInt32()));
        Assert.Equal(2, tenant.Came.Hook);
        // taken back by a person: open, but nobody is told
        await tenant.ActAsync("acknowledge");
        Assert.Equal("open", (await tenant.ActAsync("reopen")).Text("state"));
        await app.PassAsync(40);
        Assert.Equal(2, tenant.Came.Hook);
        using var client = tenant.Client;
        foreach (var until in (object?[])[null, app.Now.AddMinutes(-1), app.Now.AddDays(91)])
            await AppFixture.ProblemOf(await client.PostAsJsonAsync($"/api/websites/{tenant.Site.Id}/alerts/{(await tenant.AlertAsync()).GetProperty("id").GetGuid()}/snooze", new { until }), 422);
    }

    [Fact]
    public async Task Website_ThatCannotBeMeasured_StopsNoOther()
    {
        var tenant = await app.TenantAsync();
        var broken = await app.CreateWebsiteAsync(tenant.Account, "Broken", "broken.example.com");
        // an age without end is no number that can be compared
        var endless = Guid.CreateVersion7();
        await app.RunAsync($"""
            INSERT INTO connections (workspace_id, website_id, id, platform, name, settings, credentials, enabled, state, state_changed_at, failures_in_a_row, created_at, updated_at)
            SELECT '{broken.WorkspaceId}', '{broken.Id}', '{endless}', platform, 'Endless', settings, credentials, true, 'paused', '-infinity', 0, created_at, updated_at
              FROM connections WHERE id = '{await tenant.ConnectionAsync()}'
            """);
        await tenant.StateAsync(await tenant.ConnectionAsync(), "paused", "expired");
        app.Now += TimeSpan.FromMinutes(1);
        Assert.Equal(new AlertRun(1, 1, 1, 0), await app.TickAsync());
        Assert.Equal(1, tenant.Came.Hook);
    }

    [Fact]
    public async Task Rule_SwitchedOff_ResolvesItsAlertsAndRaisesNone()
    {
        var tenant = await app.TenantAsync();
        await tenant.StateAsync(await tenant.ConnectionAsync(), "paused", "expired");
        await app.PassAsync(1);
        await tenant.RulesAsync(new { items = new[] { new { kind = "connection_paused", enabled = false } } });
        await app.PassAsync(2);
        Assert.Equal("resolved", (await tenant.AlertAsync()).Text("state"));
        Assert.Equal("The rule is switched off.", (await tenant.DetailsAsync()).GetProperty("history")[0].Text("detail"));
    }

    [Fact]
    public async Task Digest_Due_TellsOfAllWebsitesOnce()
    {
        app.Now = new DateTimeOffset(2027, 4, 5, 5, 0, 0, TimeSpan.Zero); // a Monday, 07:00 in Berlin
        var tenant = await app.TenantAsync(withChannels: false);
        var salon = await app.CreateWebsiteAsync(tenant.Account, "Salon", "salon.example.com");
        await tenant.ChannelAsync(new
        {
            kind = "email",
            name = "Weekly",
            severity = "none",
            settings = new { to = new[] { $"{tenant.Name}@example.com" } },
            digest = new { rhythm = "weekly", weekday = "monday", hour = 8, timeZone = "Europe/Berlin" },
        });
        await tenant.EventsAsync("purchase", app.Now.AddDays(-3), 145);
        await tenant.EventsAsync("page_view", app.Now, 5);
        await tenant.EventsAsync("purchase", app.Now.AddDays(-10), 100);
        await tenant.StateAsync(await tenant.ConnectionAsync("Meta", salon), "paused", "expired");
        await app.PassAsync(59);
        Assert.Equal(0, tenant.Came.Mail); // no alerts here, digests only
        app.Now += TimeSpan.FromMinutes(1);
        await Task.WhenAll(Enumerable.Range(0, 3).Select(_ => Task.Run(app.TickAsync)));
        await app.PassAsync(30);
        var mail = Assert.Single(app.Mail.To($"{tenant.Name}@example.com"));
        Assert.EndsWith("the week of 2 websites, 1 open alert", mail.Headers["Subject"], StringComparison.Ordinal);
        Assert.Contains("Shop\n  150 events (+50 %), nothing sent; alerts: 0 opened, 0 over, 0 still open\n", mail.Text, StringComparison.Ordinal);
        Assert.Contains("Salon\n  0 events, nothing sent; alerts: 1 opened, 0 over, 1 still open\n", mail.Text, StringComparison.Ordinal);
        Assert.Contains("Critical: Salon: Meta is paused", mail.Text, StringComparison.Ordinal);
    }
}
