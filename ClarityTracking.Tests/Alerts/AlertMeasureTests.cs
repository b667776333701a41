using ClarityTracking.Tests.Support;
using ClarityTracking.Tests.Vectors;
using Xunit.Abstractions;

namespace ClarityTracking.Tests.Alerts;

/// <summary>Each rule on rows as the router and the lanes write them: what raises it, what does not, and what ends it.</summary>
public sealed class AlertMeasureTests(AlertApp app, ITestOutputHelper output) : IClassFixture<AlertApp>
{
    private static readonly DateTimeOffset Monday = new(2027, 5, 3, 12, 30, 0, TimeSpan.Zero);

    private async Task<AlertTenant> TenantAsync()
    {
        app.Now = Monday;
        return await app.TenantAsync(withChannels: false);
    }

    private static async Task<string> RaisedAsync(AlertTenant tenant) =>
        string.Join(", ", (await tenant.AlertsAsync("?state=unresolved")).Select(a => $"{a.Text("rule")} {a.Text("subjectName")}".TrimEnd()).Order(StringComparer.Ordinal));

    [Fact]
    public async Task NoEvents_ForADay_IsRaisedAndEndsWithTheNextEvent()
    {
        var tenant = await TenantAsync();
        await app.PassAsync(1);
        Assert.Equal("", await RaisedAsync(tenant)); // a website that never had one is not silent
        await tenant.EventsAsync("page_view", Monday.AddHours(-23), 10);
        await app.PassAsync(1);
        Assert.Equal("", await RaisedAsync(tenant));
        app.Now = Monday.AddHours(1);
        await app.PassAsync(1);
        Assert.Equal("no_events", await RaisedAsync(tenant));
        Assert.Contains("The last one came 25 hours ago; up to 24 hours is normal.", (await tenant.AlertAsync()).Text("text"), StringComparison.Ordinal);
        await tenant.EventsAsync("page_view", app.Now, 1);
        await app.PassAsync(6);
        Assert.Equal("", await RaisedAsync(tenant));
        // a threshold of one's own
        await tenant.RulesAsync(new { items = new[] { new { kind = "no_events", threshold = 2 } } });
        app.Now += TimeSpan.FromHours(3);
        await app.PassAsync(1);
        Assert.Equal("no_events", await RaisedAsync(tenant));
    }

    [Fact]
    public async Task NoEvents_OnlyTestEvents_AreNoEvents()
    {
        var tenant = await TenantAsync();
        await tenant.EventsAsync("page_view", Monday.AddHours(-30), 10);
        await app.RunAsync($"INSERT INTO event_rollups VALUES ('{tenant.Site.WorkspaceId}', '{tenant.Site.Id}', '2027-05-03T12:00Z', 'page_view', true, 50, 0)");
        await app.PassAsync(1);
        Assert.Equal("no_events", await RaisedAsync(tenant));
    }

    [Fact]
    public async Task VolumeDrop_OneNameStops_IsRaisedForItAloneWithinMinutesAndEnds()
    {
        var tenant = await TenantAsync();
        await HistoryAsync(tenant, "browser");
        app.Now = Monday.AddHours(-1);
        await StreamAsync(tenant, 3, purchases: 2, "browser");
        Assert.Equal("", await RaisedAsync(tenant));
        await StreamAsync(tenant, 12, purchases: 0, "browser"); // two a minute are usual
        Assert.Equal("volume_drop purchase", await RaisedAsync(tenant));
        Assert.Contains("0 in", (await tenant.AlertAsync()).Text("text"), StringComparison.Ordinal);
        await StreamAsync(tenant, 14, purchases: 2, "browser");
        Assert.Equal("volume_drop purchase", await RaisedAsync(tenant));
        await StreamAsync(tenant, 15, purchases: 2, "browser");
        Assert.Equal("", await RaisedAsync(tenant));
    }

    [Fact]
    public async Task NoEvents_SnippetOfABusyWebsite_IsToldWithinAMinuteWhileTheServerGoesOn()
    {
        var tenant = await TenantAsync();
        await HistoryAsync(tenant);
        app.Now = Monday.AddHours(-1);
        await StreamAsync(tenant, 3, purchases: 2);
        app.Now += TimeSpan.FromSeconds(50);
        await tenant.MinuteAsync("purchase", "server", app.Now, 2);
        await app.TickAsync();
        Assert.Equal("no_events browser", await RaisedAsync(tenant));
        Assert.Equal("The snippet is silent", (await tenant.AlertAsync()).Text("title"));
        app.Now += TimeSpan.FromSeconds(10); // the next minute begins
        await StreamAsync(tenant, 9, purchases: 2);
        Assert.Equal("", await RaisedAsync(tenant));
    }

    [Fact]
    public async Task NoEvents_WhileTheInstallationItselfWasDown_RaisesNothing()
    {
        var tenant = await TenantAsync();
        await HistoryAsync(tenant);
        app.Now = Monday.AddHours(-1);
        await app.RunAsync("INSERT INTO watched_minutes SELECT m FROM generate_series('2027-05-03T09:00Z'::timestamptz, '2027-05-03T11:30Z', '1 minute') m");
        await StreamAsync(tenant, 1, purchases: 2);
        app.Now += TimeSpan.FromMinutes(20); // nobody watched
        await app.TickAsync();
        Assert.Equal("", await RaisedAsync(tenant));
        await app.RunAsync("DELETE FROM watched_minutes");
    }

    /// <summary>Five weeks of 40 page views from browsers and two purchases, from a server where nothing else is said, each minute.</summary>
    private Task HistoryAsync(AlertTenant tenant, string source = "server") => app.RunAsync($"""
        INSERT INTO volume_hours SELECT '{tenant.Site.WorkspaceId}', '{tenant.Site.Id}', h, k.name, k.source, k.events
          FROM generate_series('2027-03-29T00:00Z'::timestamptz, '2027-05-03T10:00Z', '1 hour') h, (VALUES ('page_view', 'browser', 2400), ('purchase', '{source}', 120)) k(name, source, events);
        INSERT INTO volume_minutes SELECT '{tenant.Site.WorkspaceId}', '{tenant.Site.Id}', m, k.name, k.source, k.events, m + interval '59 seconds'
          FROM generate_series('2027-05-02T10:00Z'::timestamptz, '2027-05-03T11:29Z', '1 minute') m, (VALUES ('page_view', 'browser', 40), ('purchase', '{source}', 2)) k(name, source, events);
        INSERT INTO volume_hours VALUES ('{tenant.Site.WorkspaceId}', '{tenant.Site.Id}', '2027-05-03T11:00Z', 'page_view', 'browser', 1200), ('{tenant.Site.WorkspaceId}', '{tenant.Site.Id}', '2027-05-03T11:00Z', 'purchase', '{source}', 60)
        """);

    /// <summary>Minutes of events, each looked at when it is over.</summary>
    private async Task StreamAsync(AlertTenant tenant, int minutes, int purchases, string source = "server")
    {
        for (; minutes > 0; minutes--)
        {
            await tenant.MinuteAsync("page_view", "browser", app.Now, 40);
            if (purchases > 0)
                await tenant.MinuteAsync("purchase", source, app.Now, purchases);
            await app.PassAsync(1);
        }
    }

    [Fact]
    public async Task MatchQuality_APointBelowTheWeekBefore_IsRaised()
    {
        var tenant = await TenantAsync();
        await KeysAsync(tenant, "purchase", Monday.AddDays(-4), events: 400, emails: 400);
        await KeysAsync(tenant, "lead", Monday.AddDays(-4), events: 400, emails: 400);
        // from before the whole was counted: would make lead's week before better than it can be
        await tenant.EventsAsync("lead", Monday.AddDays(-5), 10_000);
        await app.RunAsync($"INSERT INTO key_rollups VALUES ('{tenant.Site.WorkspaceId}', '{tenant.Site.Id}', '2027-04-28T12:00Z', 'lead', 'ph', 9000)");
        // tests and bots, which no platform gets, are no part of the whole
        await tenant.EventsAsync("lead", Monday.AddHours(-3), 900);
        await KeysAsync(tenant, "purchase", Monday.AddHours(-2), events: 100, emails: 30);
        await KeysAsync(tenant, "lead", Monday.AddHours(-2), events: 100, emails: 95);
        await app.PassAsync(60);
        Assert.Equal("match_quality_drop purchase", await RaisedAsync(tenant));
        var evidence = (await tenant.AlertAsync()).GetProperty("evidence");
        Assert.Equal(3.8m, evidence.GetProperty("value").GetDecimal()); // 5.5 with every email, 1.7 with three in ten
        await KeysAsync(tenant, "purchase", Monday, events: 900, emails: 900);
        await app.PassAsync(90);
        Assert.Equal("", await RaisedAsync(tenant));
    }

    private async Task KeysAsync(AlertTenant tenant, string name, DateTimeOffset hour, int events, int emails)
    {
        await tenant.EventsAsync(name, hour, events);
        await app.RunAsync($"""
            INSERT INTO key_rollups SELECT '{tenant.Site.WorkspaceId}', '{tenant.Site.Id}', date_trunc('hour', '{hour:O}'::timestamptz, 'UTC'), '{name}', k.key, k.events
              FROM (VALUES ('*', {events}), ('em', {emails})) AS k(key, events)
            """);
    }

    [Theory]
    [InlineData(100, 95, "")]
    [InlineData(100, 80, "accuracy_below Meta")]
    [InlineData(15, 2, "")] // too few to tell
    public async Task Accuracy_BelowTheThreshold_IsRaisedAndEnds(int orders, int delivered, string expected)
    {
        var tenant = await TenantAsync();
        await tenant.EventsAsync("purchase", Monday, orders);
        var meta = await tenant.ConnectionAsync();
        await app.RunAsync($"UPDATE connections SET created_at = '2027-01-01' WHERE id = '{meta}'");
        await OrdersAsync("first", orders, delivered);
        await app.PassAsync(60);
        Assert.Equal(expected, await RaisedAsync(tenant));
        if (expected.Length == 0)
            return;
        Assert.Contains("80 % of 100 conversions of the last 24 hours arrived: 20 failed", (await tenant.AlertAsync()).Text("text"), StringComparison.Ordinal);
        await OrdersAsync("second", 900, 900);
        await app.PassAsync(15);
        Assert.Equal(expected, await RaisedAsync(tenant)); // over, but not for long
        await app.PassAsync(75);
        Assert.Equal("", await RaisedAsync(tenant));

        // of the last hours, as senders, intake and lanes leave them
        Task OrdersAsync(string name, int count, int arrived) => app.RunAsync($"""
            WITH made AS (SELECT i, (left(clarity_lowest_id('{Monday.AddHours(-2):O}')::text, 14) || '7' || substr(md5('{name}' || i), 1, 3) || '-8' || substr(md5('{name}' || i), 4, 3) || '-' || substr(md5('{name}' || i), 7, 12))::uuid AS id
                            FROM generate_series(1, {count}) i),
            c AS (INSERT INTO conversions (workspace_id, website_id, id, source, kind, sender_id, status, occurred_at, paid_at, value, currency, told_at, updated_at)
                SELECT '{tenant.Site.WorkspaceId}', '{tenant.Site.Id}', id, 'generic', 'order', '{name}' || i, 'paid', '{Monday.AddHours(-2):O}', '{Monday.AddHours(-2):O}', 10, 'EUR', '{Monday:O}', '{Monday:O}' FROM made RETURNING id),
            x AS (INSERT INTO conversion_events (workspace_id, website_id, conversion_id, name, event_id, taken_in_at)
                SELECT '{tenant.Site.WorkspaceId}', '{tenant.Site.Id}', made.id, 'purchase', 'purchase_{name}' || i, '{Monday.AddHours(-2):O}' FROM made, c WHERE c.id = made.id),
            e AS (INSERT INTO events (workspace_id, website_id, id, event_id, name, source, is_test, occurred_at, received_at, properties)
                SELECT '{tenant.Site.WorkspaceId}', '{tenant.Site.Id}', id, 'purchase_{name}' || i, 'purchase', 'webhook', false, '{Monday.AddHours(-2):O}', '{Monday.AddHours(-2):O}', '{"{}"}' FROM made)
            INSERT INTO deliveries (workspace_id, website_id, id, connection_id, event_id, event_name, status, reason, attempts, created_at, finished_at)
            SELECT '{tenant.Site.WorkspaceId}', '{tenant.Site.Id}', id, '{meta}', id, 'purchase', CASE WHEN i <= {arrived} THEN 'delivered' ELSE 'dead' END, CASE WHEN i <= {arrived} THEN NULL ELSE 'permanent' END,
                   1, '{Monday.AddHours(-2):O}', '{Monday.AddHours(-2):O}' FROM made
            """);
    }

    [Fact]
    public async Task Webhooks_SilentForTwiceTheirUsualPause_AreRaisedUntilTheNextOne()
    {
        var tenant = await TenantAsync();
        using var person = await tenant.PersonAsync();
        var source = (await AppFixture.JsonOf(await System.Net.Http.Json.HttpClientJsonExtensions.PostAsJsonAsync(person, $"/api/websites/{tenant.Site.Id}/connections",
            new { platform = "generic", name = "Shop", credentials = new { webhook_secret = "whsec_" + Convert.ToBase64String(new byte[32]) } }))).GetProperty("id").GetGuid();
        await tenant.EventsAsync("page_view", Monday, 10);
        await HeardAsync("'2027-05-02T06:00Z'::timestamptz, '2027-05-02T12:00Z', '10 minutes'"); // busy, but since yesterday only
        app.Now = Monday;
        await app.PassAsync(20);
        Assert.Equal("", await RaisedAsync(tenant));

        // each day from 6 to 22: the nights are its usual pause of 8 hours; once it was away for two days
        for (var day = 1; day <= 25; day++)
            if (day is not (10 or 11))
                await HeardAsync($"'2027-05-03T06:00Z'::timestamptz - interval '{day} days', '2027-05-03T22:00Z'::timestamptz - interval '{day} days', '1 hour'");
        app.Now = new DateTimeOffset(2027, 5, 3, 13, 0, 0, TimeSpan.Zero); // 15 hours
        await app.PassAsync(45);
        Assert.Equal("", await RaisedAsync(tenant));
        // what does not fit its signature is no sign of life
        await app.RunAsync($"UPDATE inbound_webhooks SET verdict = 'signature_mismatch', last_received_at = '2027-05-03T13:40Z' WHERE id = (SELECT id FROM inbound_webhooks WHERE connection_id = '{source}' ORDER BY id LIMIT 1)");
        app.Now = new DateTimeOffset(2027, 5, 3, 14, 5, 0, TimeSpan.Zero);
        await app.PassAsync(25);
        Assert.Equal("webhook_silent Shop", await RaisedAsync(tenant));
        Assert.Contains("The last one came on 2 May 2027 at 22:00 UTC.", (await tenant.AlertAsync()).Text("text"), StringComparison.Ordinal);
        await HeardAsync("'2027-05-03T14:20Z'::timestamptz, '2027-05-03T14:20Z', '1 hour'");
        await app.PassAsync(6);
        Assert.Equal("", await RaisedAsync(tenant));

        Task HeardAsync(string series) => app.RunAsync($"""
            INSERT INTO inbound_webhooks (workspace_id, website_id, connection_id, id, delivery_key, received_at, last_received_at, verdict, status, headers, body_bytes)
            SELECT '{tenant.Site.WorkspaceId}', '{tenant.Site.Id}', '{source}', gen_random_uuid(), gen_random_uuid()::text, at, at, 'ok', 'processed', '{"{}"}', 1 FROM generate_series({series}) at
            """);
    }

    [Theory]
    [InlineData(5, "browser", 95, "")]
    [InlineData(12, "browser", 88, "duplicate_rate purchase")]
    [InlineData(12, "", 88, "duplicate_rate purchase")] // the first one is no longer known
    [InlineData(60, "server", 40, "")] // a browser and a server under one id: as it should be
    [InlineData(12, "browser", 8, "")] // too few to tell
    public async Task Duplicates_UnderTheSameId_AreRaisedFromATenthOn(int duplicates, string first, int stored, string expected)
    {
        var tenant = await TenantAsync();
        await tenant.EventsAsync("purchase", Monday, stored);
        await app.RunAsync($"""
            INSERT INTO duplicate_repeats VALUES ('{tenant.Site.WorkspaceId}', '{tenant.Site.Id}', '2027-05-03T12:00Z', 'purchase', 'browser', '{first}', {duplicates})
            """);
        await app.PassAsync(20);
        Assert.Equal(expected, await RaisedAsync(tenant));
    }

    [Theory]
    [InlineData(12, "", 88, "duplicate_rate purchase")]
    [InlineData(5, "", 95, "")]
    [InlineData(12, "ignored_at = now()", 88, "")]
    [InlineData(12, "prevented = true", 88, "")]
    [InlineData(12, "ended = true", 88, "")]
    [InlineData(12, "last_at = '2027-05-01T12:00Z'", 88, "")]
    public async Task Duplicates_UnderDifferentIds_AreRaisedFromATenthOn(int duplicates, string change, int stored, string expected)
    {
        var tenant = await TenantAsync();
        await tenant.EventsAsync("purchase", Monday, stored);
        await app.RunAsync($"""
            INSERT INTO duplicate_groups (workspace_id, website_id, id, kind, reason, name, family, first_at, last_at, found_at, changed_at, events, extra_value, original_id, ended)
            SELECT '{tenant.Site.WorkspaceId}', '{tenant.Site.Id}', gen_random_uuid(), 'different_ids', 'same_order', 'purchase', 'purchase', '2027-05-03T12:10Z', '2027-05-03T12:10Z',
                   '2027-05-03T12:10Z', '2027-05-03T12:10Z', 2, 10, gen_random_uuid(), false FROM generate_series(1, {duplicates});
            {(change.Length == 0 ? "" : $"UPDATE duplicate_groups SET {change} WHERE website_id = '{tenant.Site.Id}'")}
            """);
        await app.PassAsync(20);
        Assert.Equal(expected, await RaisedAsync(tenant));
    }

    [Theory]
    [InlineData(90, 10, 0, "delivery_failures Meta")]
    [InlineData(95, 5, 0, "")]
    [InlineData(90, 0, 10, "delivery_failures Meta")]
    [InlineData(9, 10, 0, "")] // too few to tell
    public async Task DeliveryFailures_DeadAndRetrying_CountTogether(int delivered, int dead, int retrying, string expected)
    {
        var tenant = await TenantAsync();
        var connection = await tenant.ConnectionAsync();
        await app.RunAsync($"""
            INSERT INTO delivery_rollups SELECT '{tenant.Site.WorkspaceId}', '{tenant.Site.Id}', '{connection}', '2027-05-03T12:00Z', 'purchase', s.status, s.reason, s.count, 0
              FROM (VALUES ('delivered', '', {delivered}), ('dead', 'permanent', {dead})) s(status, reason, count);
            INSERT INTO delivery_queue (workspace_id, website_id, id, connection_id, event_id, event_name, attempts, created_at, next_attempt_at)
            SELECT '{tenant.Site.WorkspaceId}', '{tenant.Site.Id}', gen_random_uuid(), '{connection}', gen_random_uuid(), 'purchase', 3, '2027-05-03T12:00Z', '2027-05-03T14:00Z' FROM generate_series(1, {retrying})
            """);
        await app.PassAsync(12);
        Assert.Equal(expected, await RaisedAsync(tenant));
    }

    [Fact]
    public async Task QueueAge_ADeliveryThatNobodyTakes_IsRaised()
    {
        var tenant = await TenantAsync();
        var connection = await tenant.ConnectionAsync();
        await app.RunAsync($"""
            INSERT INTO delivery_queue (workspace_id, website_id, id, connection_id, event_id, event_name, created_at, next_attempt_at)
            VALUES ('{tenant.Site.WorkspaceId}', '{tenant.Site.Id}', gen_random_uuid(), '{connection}', gen_random_uuid(), 'purchase', '2027-05-03T12:30Z', '2027-05-03T12:30Z')
            """);
        await app.PassAsync(14);
        Assert.Equal("", await RaisedAsync(tenant));
        await app.PassAsync(1);
        Assert.Equal("queue_age Meta", await RaisedAsync(tenant));
        await app.RunAsync("DELETE FROM delivery_queue");
        await app.PassAsync(6);
        Assert.Equal("", await RaisedAsync(tenant));
    }

    [Fact]
    public async Task QueueAge_EventsBeforeTheRouter_AreRaised()
    {
        var tenant = await TenantAsync();
        // another website's backlog, older and large, hides nothing
        await app.RunAsync($$"""
            INSERT INTO outbox SELECT ('0190' || substr(gen_random_uuid()::text, 5))::uuid, '{{tenant.Site.WorkspaceId}}', '{{Guid.NewGuid()}}', '2027-05-03T12:00Z', '{}', '[]', '[]'
              FROM generate_series(1, 10001)
            """);
        await app.RunAsync($$"""
            INSERT INTO outbox VALUES (clarity_lowest_id('2027-05-03T12:00Z'), '{{tenant.Site.WorkspaceId}}', '{{tenant.Site.Id}}', '2027-05-03T12:00Z', '{}', '[]', '[]')
            """);
        await app.PassAsync(1);
        Assert.Equal("queue_age", await RaisedAsync(tenant));
        Assert.Equal("Events wait to be routed", (await tenant.AlertAsync()).Text("title"));
        await app.RunAsync("DELETE FROM outbox");
    }

    [Fact]
    public async Task Credentials_BeforeAndAfterTheyExpire_AreRaised()
    {
        var tenant = await TenantAsync();
        var connection = await tenant.ConnectionAsync();
        await app.RunAsync($"""
            ALTER TABLE connections ADD COLUMN IF NOT EXISTS credentials_expire_at timestamptz;
            UPDATE connections SET credentials_expire_at = '2027-05-11T12:30Z' WHERE id = '{connection}'
            """);
        await app.PassAsync(1);
        Assert.Equal("", await RaisedAsync(tenant)); // eight days
        app.Now = Monday.AddDays(1);
        await app.PassAsync(1);
        Assert.Equal("credential_expiring Meta", await RaisedAsync(tenant));
        Assert.Contains("11 May 2027", (await tenant.AlertAsync()).Text("text"), StringComparison.Ordinal);
        app.Now = Monday.AddDays(8);
        await app.PassAsync(90);
        Assert.Equal("credential_expired Meta", await RaisedAsync(tenant));
        await app.RunAsync($"UPDATE connections SET credentials_expire_at = '2028-05-11T12:30Z' WHERE id = '{connection}'");
        await app.PassAsync(1);
        Assert.Equal("", await RaisedAsync(tenant));
    }

    [Fact]
    public async Task Connection_SwitchedOff_RaisesNothing()
    {
        var tenant = await TenantAsync();
        var connection = await tenant.ConnectionAsync();
        await tenant.StateAsync(connection, "paused", "expired");
        await app.RunAsync($"UPDATE connections SET enabled = false WHERE id = '{connection}'");
        await app.PassAsync(2);
        Assert.Equal("", await RaisedAsync(tenant));
    }

    [Fact]
    public async Task Run_WebsitesWithAMonthOfSums_CostsMillisecondsEach()
    {
        const int Websites = 10;
        var tenant = await TenantAsync();
        await app.RunAsync($"""
            INSERT INTO websites SELECT (w).* FROM (
                SELECT json_populate_record(w, json_build_object('id', gen_random_uuid(), 'script_alias', 'cost-' || i)) AS w FROM websites w, generate_series(1, {Websites - 1}) i WHERE w.id = '{tenant.Site.Id}') copies;
            INSERT INTO event_rollups SELECT w.workspace_id, w.id, h, 'name_' || n, false, 50, 0
              FROM websites w, generate_series('2027-04-04T00:00Z', '2027-05-03T12:00Z', interval '1 hour') h, generate_series(1, 5) n;
            INSERT INTO key_rollups SELECT w.workspace_id, w.id, h, 'name_' || n, CASE k WHEN 1 THEN '*' ELSE 'key_' || k END, 25
              FROM websites w, generate_series('2027-04-24T00:00Z', '2027-05-03T12:00Z', interval '1 hour') h, generate_series(1, 5) n, generate_series(1, 10) k;
            ANALYZE
            """);
        await app.TickAsync(); // warm
        var minutes = new List<double>();
        for (var minute = 0; minute < 15; minute++)
        {
            app.Now += TimeSpan.FromMinutes(1);
            var started = System.Diagnostics.Stopwatch.GetTimestamp();
            Assert.Equal((Websites, 0), ((await app.TickAsync()) is var run ? run.Websites : 0, run.Failed));
            minutes.Add(System.Diagnostics.Stopwatch.GetElapsedTime(started).TotalMilliseconds / Websites);
        }
        output.WriteLine($"{minutes.Average():0.0} ms per website and minute on average, {minutes.Max():0.0} ms at most");
        Assert.True(minutes.Average() < 1000, $"{minutes.Average():0} ms per website");
    }
}
