using System.Net.Http.Json;
using System.Text.Json;
using ClarityTracking.Core.Ingestion.Identify;
using ClarityTracking.Tests.Attribution.Touchpoints;
using ClarityTracking.Tests.Inbound;
using ClarityTracking.Tests.Support;
using Npgsql;

namespace ClarityTracking.Tests.People;

/// <summary>Persons through the API: found, merged, taken apart, given out, erased.</summary>
public sealed class PeopleApiTests(AppFixture app) : IClassFixture<AppFixture>
{
    private static readonly DateTimeOffset Now = DateTimeOffset.UtcNow.AddHours(-2);

    private static object Identify(string visitor, object user, int minute = 0) => new { event_type = "identify", timestamp = Now.AddMinutes(minute), visitor_id = visitor, properties = new { }, user };

    private static async Task<JsonElement[]> PeopleAsync(TouchSite site, string search = "") =>
        [.. (await site.CallAsync(HttpMethod.Get, $"people?search={Uri.EscapeDataString(search)}")).GetProperty("items").EnumerateArray()];

    [Fact]
    public async Task Person_IsFoundByWholeValues_AndShownCutShort()
    {
        var site = await TouchSite.StartAsync(app);
        await site.BrowseAsync(
            TouchSite.View("v1", Now.AddMinutes(-30), "/?gclid=abc"),
            TouchSite.View("v1", Now.AddMinutes(10), "/", "https://www.instagram.com/"),
            Identify("v1", new { email = "Jane.Doe@example.com", phone = "+1 512 778 2877", first_name = "Jane", last_name = "Doe" }, 11),
            new { event_type = "purchase", timestamp = Now.AddMinutes(12), visitor_id = "v1", properties = new { value = 50, currency = "USD", order_id = "1" }, user = new { email = "jane.doe@example.com" } });
        foreach (var search in new[] { "", "jane.doe@EXAMPLE.com", "+15127782877", "v1" })
        {
            var found = Assert.Single(await PeopleAsync(site, search));
            Assert.Equal(("Jane D.", "j•••@example.com", "••• 2877", 1), (found.GetProperty("name").GetString(), found.GetProperty("email").GetString(), found.GetProperty("phone").GetString(), found.GetProperty("conversions").GetInt32()));
        }
        Assert.Empty(await PeopleAsync(site, "jane.doe"));
        Assert.Empty(await PeopleAsync(site, "v2"));

        var person = await site.CallAsync(HttpMethod.Get, $"people/{(await PeopleAsync(site))[0].GetProperty("id").GetString()}");
        Assert.Equal(("google_cpc", "instagram"), (person.GetProperty("firstTouch").GetProperty("channel").GetString(), person.GetProperty("lastTouch").GetProperty("channel").GetString()));
        Assert.Equal(["conversion:order", "touchpoint:identify", "touchpoint:identify", "touchpoint:visit", "touchpoint:visit"], person.GetProperty("timeline").EnumerateArray()
            .Select(s => $"{s.GetProperty("type").GetString()}:{s.GetProperty("name").GetString()}").Order());
        Assert.Equal(["email", "phone", "visitor"], person.GetProperty("identifiers").EnumerateArray().Select(i => i.GetProperty("kind").GetString()).Distinct().Order());
        Assert.DoesNotContain("jane.doe@", person.GetRawText(), StringComparison.OrdinalIgnoreCase);
    }

    [Fact]
    public async Task AMergeUndone_RestoresBothPersons_AndIsNotMadeAgain()
    {
        var site = await TouchSite.StartAsync(app);
        await site.TrackAsync(Identify("v1", new { email = "jane@example.com" }), Identify("v2", new { phone = "+15127782877" }));
        await site.TrackAsync(new { event_type = "purchase", timestamp = Now, visitor_id = "v1", properties = new { order_id = "A", value = 10, currency = "USD" }, user = new { email = "jane@example.com" } },
            new { event_type = "purchase", timestamp = Now, visitor_id = "v2", properties = new { order_id = "B", value = 20, currency = "USD" }, user = new { phone = "+15127782877" } });
        var before = await SnapshotAsync(site);
        var shown = await ShownAsync(site);
        Assert.Equal(2, (await PeopleAsync(site)).Length);

        await site.TrackAsync(Identify("v3", new { email = "jane@example.com", phone = "+15127782877" }, 5));
        var one = Assert.Single(await PeopleAsync(site));
        Assert.Equal((2, 1), (one.GetProperty("conversions").GetInt32(), one.GetProperty("mergedFrom").GetInt32()));
        var merge = (await site.CallAsync(HttpMethod.Get, $"people/{one.GetProperty("id").GetString()}")).GetProperty("merges")[0];
        // an id that was merged leads to the one it became
        Assert.Equal(one.GetProperty("id").GetString(), (await site.CallAsync(HttpMethod.Get, $"people/{merge.GetProperty("mergedId").GetString()}")).GetProperty("id").GetString());

        await site.CallAsync(HttpMethod.Post, $"people/merges/{merge.GetProperty("id").GetString()}/undo");
        Assert.Equal(before, await SnapshotAsync(site));
        Assert.Equal(shown, await ShownAsync(site));
        Assert.Equal([1, 1], (await PeopleAsync(site)).Select(p => p.GetProperty("conversions").GetInt32()));
        await site.TrackAsync(Identify("v3", new { email = "jane@example.com", phone = "+15127782877" }, 6)); // the same evidence again
        Assert.Equal(2, (await PeopleAsync(site)).Length);

        using var client = app.ClientFor(site.Owner);
        await AppFixture.ProblemOf(await client.PostAsync($"/api/websites/{site.Site.Id}/people/merges/{merge.GetProperty("id").GetString()}/undo", null), 409);
        var (a, b) = (merge.GetProperty("keptId").GetGuid(), merge.GetProperty("mergedId").GetGuid());
        Assert.Equal(1, (await site.CallAsync(HttpMethod.Post, $"people/{b}/merge", new { otherId = a })).GetProperty("mergedFrom").GetInt32());
        await AppFixture.ProblemOf(await client.PostAsJsonAsync($"/api/websites/{site.Site.Id}/people/{b}/merge", new { otherId = a }), 409);
    }

    private static async Task<IReadOnlyList<string>> ShownAsync(TouchSite site) =>
        [.. (await PeopleAsync(site)).Select(p => $"{p.GetProperty("email").GetString()} {p.GetProperty("phone").GetString()} {p.GetProperty("value").GetDecimal()}")];

    /// <summary>Who has which identifiers and conversions; the browser that was seen with both is left out.</summary>
    private Task<string> SnapshotAsync(TouchSite site) => app.ValueAsync<string>($"""
        SELECT string_agg(concat_ws('|', p.id, p.merged_into, (SELECT string_agg(kind || i.token, ',' ORDER BY kind, i.token) FROM person_ids i WHERE i.person_id = p.id AND i.token <> 'v3'),
               (SELECT string_agg(sender_id, ',' ORDER BY sender_id) FROM conversions c WHERE c.person_id = p.id)), ' ' ORDER BY p.id) FROM persons p WHERE website_id = '{site.Site.Id}'
        """);

    [Fact]
    public async Task Erasure_LeavesNothingFindable_AndOthersAlone()
    {
        var sender = await Sender.ConnectAsync(app);
        var site = new TouchSite(app, sender.Account, sender.Site);
        const string visitor = "visitor-of-jane";
        await site.BrowseAsync(
            TouchSite.View(visitor, Now.AddMinutes(-5), "/?gclid=abc&utm_source=google"),
            TouchSite.View(visitor, Now.AddMinutes(-4), "/book", user: new { email = "Jane@example.com" }),
            Identify(visitor, new { email = "Jane@example.com", phone = "+15127782877", first_name = "Jane", last_name = "Doe", external_id = "cust-77" }),
            Identify("visitor-of-joe", new { email = "joe@example.com" }));
        await site.TrackAsync(new { event_type = "lead", timestamp = Now, properties = new { note = "call jane@example.com" }, user = new { email = "jane@example.com" } }); // no visitor
        var twice = new { event_id = "told-twice", event_type = "purchase", timestamp = Now, visitor_id = visitor, properties = new { value = 12, currency = "USD", order_id = "O-1" } };
        await site.BrowseAsync(twice);
        await site.TrackAsync(twice); // the same by the server: kept as a repeat only
        foreach (var (id, who, email) in new[] { ("BK-1", visitor, "jane@example.com"), ("BK-2", "visitor-of-joe", "joe@example.com") })
        {
            await sender.PostAsync("booking.created", new { booking_id = id, value = "38.50", customer = new { email, phone = who == visitor ? "+15127782877" : null }, note = $"{visitor}-2 mary-jane@example.com", attribution = new { visitor_id = who } });
            await sender.ProcessedAsync();
        }
        await site.FollowedAsync();
        await Eventually.GetAsync(async () => await app.ValueAsync<long>($"SELECT count(*) FROM duplicate_members WHERE website_id = '{site.Site.Id}' AND visitor_id = '{visitor}'") == 2 ? true : (bool?)null, "the repeat");
        Assert.Equal("true false", await app.ValueAsync<string>($"SELECT string_agg(stored::text, ' ' ORDER BY stored DESC) FROM duplicate_members WHERE website_id = '{site.Site.Id}'"));
        await app.RunAsync($$"""
            UPDATE conversions SET tracking_id = gen_random_uuid() WHERE website_id = '{{site.Site.Id}}' AND sender_id = 'BK-1';
            INSERT INTO matches (workspace_id, website_id, conversion_id, confidence, decision, reasons, evidence, model, matched_at)
            SELECT workspace_id, website_id, id, 1, 'confirmed', '["the same email"]', '{"raw": 0.9, "answer": null, "fields": [{"field": "email", "weight": 9}]}', 'x', now() FROM conversions
             WHERE website_id = '{{site.Site.Id}}' AND sender_id = 'BK-1'
            ON CONFLICT (workspace_id, conversion_id) DO UPDATE SET decision = excluded.decision, reasons = excluded.reasons, evidence = excluded.evidence
            """);
        var meta = await site.CallAsync(HttpMethod.Post, "connections", new { platform = "meta", settings = new { dataset_id = "1" }, credentials = new { access_token = "secret" }, enabled = false });
        await app.RunAsync($"""
            INSERT INTO delivery_queue (workspace_id, website_id, id, connection_id, event_id, event_name, created_at, next_attempt_at)
            SELECT workspace_id, website_id, gen_random_uuid(), '{meta.GetProperty("id").GetString()}', id, name, now(), now() + interval '1 day' FROM events WHERE website_id = '{site.Site.Id}' AND name = 'identify'
            """);
        var hash = MatchKeyHasher.Hash(new UserData { Email = ["jane@example.com"] }, null)["em"][0];
        foreach (var word in new[] { visitor, hash, "jane@example.com" })
            Assert.NotEmpty(await TablesWithAsync(site, word));

        var exported = await site.CallAsync(HttpMethod.Post, "people/export", new { email = " jane@example.com " });
        Assert.Equal((1, 6, 3, 3), (exported.GetProperty("persons").GetArrayLength(), exported.GetProperty("events").GetArrayLength(), exported.GetProperty("touchpoints").GetArrayLength(), exported.GetProperty("conversions").GetArrayLength()));
        Assert.Contains("Jane@example.com", exported.GetProperty("events").GetRawText(), StringComparison.Ordinal);
        Assert.Equal(1, exported.GetProperty("deliveries").GetArrayLength());
        Assert.DoesNotContain("joe", exported.GetRawText(), StringComparison.Ordinal);

        var erased = await site.CallAsync(HttpMethod.Post, "people/erase", new { email = "jane@example.com" });
        Assert.Equal((1, 6, 3, 1, 1), (erased.GetProperty("persons").GetInt32(), erased.GetProperty("events").GetInt32(), erased.GetProperty("conversions").GetInt32(), erased.GetProperty("webhooks").GetInt32(), erased.GetProperty("deliveries").GetInt32()));
        foreach (var word in new[] { visitor, hash, "jane@example.com", "cust-77" })
            Assert.Empty(await TablesWithAsync(site, word));
        Assert.Empty(await PeopleAsync(site, "jane@example.com"));
        Assert.Equal("skipped erased", await app.ValueAsync<string>($"SELECT string_agg(status || ' ' || reason, ',') FROM deliveries WHERE website_id = '{site.Site.Id}'"));
        // what happened stays, and the other person
        Assert.Equal(38.50m, await app.ValueAsync<decimal>($"SELECT value FROM conversions WHERE website_id = '{site.Site.Id}' AND sender_id = 'BK-1'"));
        Assert.True(await app.ValueAsync<bool>($"SELECT tracking_id IS NULL FROM conversions WHERE website_id = '{site.Site.Id}' AND sender_id = 'BK-1'"));
        Assert.Equal("""[] {"raw": 0.9, "answer": null, "fields": []}""", await app.ValueAsync<string>($"""
            SELECT reasons::text || ' ' || evidence::text FROM matches m JOIN conversions c ON c.id = m.conversion_id WHERE m.website_id = '{site.Site.Id}' AND c.sender_id = 'BK-1'
            """));
        Assert.Equal(1, await app.ValueAsync<long>($"SELECT count(*) FROM inbound_webhooks WHERE website_id = '{site.Site.Id}' AND body_sealed IS NOT NULL")); // joe's, which holds longer values
        Assert.Equal("google_cpc", await site.TouchesAsync("channel", "channel = 'google_cpc'"));
        Assert.Single(await PeopleAsync(site, "joe@example.com"));
        Assert.NotEmpty(await TablesWithAsync(site, "visitor-of-joe"));
        Assert.Equal(1, await app.ValueAsync<long>($"SELECT count(*) FROM delivery_queue WHERE website_id = '{site.Site.Id}'"));
        Assert.Equal("person.erased person.exported", await app.ValueAsync<string>($"SELECT string_agg(action, ' ' ORDER BY action) FROM audit_log WHERE workspace_id = '{site.Site.WorkspaceId}' AND action LIKE 'person.%'"));

        var again = await site.CallAsync(HttpMethod.Post, "people/erase", new { email = "jane@example.com", visitorId = visitor });
        Assert.All(again.EnumerateObject(), part => Assert.Equal(0, part.Value.GetInt32()));
    }

    /// <summary>Tables in which a word stands in any row of the website, in clear or in a column of bytes.</summary>
    private async Task<List<string>> TablesWithAsync(TouchSite site, string word)
    {
        await using var connection = new NpgsqlConnection(app.ConnectionString);
        await connection.OpenAsync();
        var tables = new List<string>();
        await using (var list = new NpgsqlCommand("""
            SELECT c.relname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'website_id' AND NOT a.attisdropped
             WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND c.relnamespace = 'public'::regnamespace
            """, connection))
        await using (var row = await list.ExecuteReaderAsync())
            while (await row.ReadAsync())
                tables.Add(row.GetString(0));
        Assert.Contains("events", tables);
        var found = new List<string>();
        foreach (var table in tables)
        {
            await using var look = new NpgsqlCommand($"SELECT EXISTS (SELECT FROM {table} t WHERE t.website_id = $1 AND to_jsonb(t)::text ILIKE '%' || $2 || '%')", connection);
            look.Parameters.Add(new NpgsqlParameter { Value = site.Site.Id });
            look.Parameters.Add(new NpgsqlParameter { Value = word });
            if ((bool)(await look.ExecuteScalarAsync())!)
                found.Add(table);
        }
        return found;
    }

    [Fact]
    public async Task WhatIsFoundOutWhileErasing_GoesToo()
    {
        var site = await TouchSite.StartAsync(app);
        await site.BrowseAsync(TouchSite.View("browser-found-late", Now.AddMinutes(-5)), Identify("browser-of-jane", new { email = "jane@example.com" }));
        await using (var other = new NpgsqlConnection(app.ConnectionString))
        {
            await other.OpenAsync();
            await using var held = await other.BeginTransactionAsync();
            await using var hold = new NpgsqlCommand($"SELECT pg_advisory_xact_lock(hashtextextended('{site.Site.Id}', 11))", other);
            await hold.ExecuteNonQueryAsync();
            var erasing = site.CallAsync(HttpMethod.Post, "people/erase", new { email = "jane@example.com" });
            await Eventually.GetAsync(async () => await app.ValueAsync<long>("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted") > 0 ? true : (bool?)null, "the waiting erasure");
            await app.RunAsync($"""
                INSERT INTO person_ids (workspace_id, website_id, kind, token, person_id, source, first_seen_at, last_seen_at)
                SELECT workspace_id, website_id, 'visitor', 'browser-found-late', id, 'event', now(), now() FROM persons WHERE website_id = '{site.Site.Id}'
                """);
            await held.CommitAsync();
            var erased = await erasing;
            Assert.Equal((1, 2, 2), (erased.GetProperty("persons").GetInt32(), erased.GetProperty("events").GetInt32(), erased.GetProperty("touchpoints").GetInt32()));
        }
        foreach (var word in new[] { "browser-of-jane", "browser-found-late" })
            Assert.Empty(await TablesWithAsync(site, word));
    }

    [Fact]
    public async Task APersonWhoseOtherIsGone_IsSeenAndErasedAsBefore()
    {
        var site = await TouchSite.StartAsync(app);
        await site.TrackAsync(Identify("browser-of-joe", new { email = "joe@example.com" }));
        await app.RunAsync($"UPDATE persons SET merged_into = gen_random_uuid() WHERE website_id = '{site.Site.Id}'");
        Assert.Empty(await PeopleAsync(site, "joe@example.com"));
        await site.TrackAsync(Identify("browser-of-joe", new { email = "joe@example.com", phone = "+15127782877" }, 1));
        Assert.Single(await PeopleAsync(site, "joe@example.com"));
        await app.RunAsync($"UPDATE persons SET merged_into = gen_random_uuid() WHERE website_id = '{site.Site.Id}'");
        Assert.Equal(1, (await site.CallAsync(HttpMethod.Post, "people/erase", new { phone = "+15127782877" })).GetProperty("persons").GetInt32());
        Assert.Empty(await TablesWithAsync(site, "browser-of-joe"));
    }

    [Fact]
    public async Task AFamilysTablet_GivesAndErasesOnlyWhatIsTheirs()
    {
        var site = await TouchSite.StartAsync(app);
        await site.BrowseAsync(Identify("tablet", new { email = "jane@example.com" }), Identify("tablet", new { email = "joe@example.com" }, 1));
        Assert.Equal(1, (await site.CallAsync(HttpMethod.Post, "people/export", new { email = "jane@example.com" })).GetProperty("events").GetArrayLength());
        await site.CallAsync(HttpMethod.Post, "people/erase", new { email = "jane@example.com" });
        Assert.Single(await PeopleAsync(site, "joe@example.com"));
        Assert.Equal(1, await app.ValueAsync<long>($"SELECT count(*) FROM events WHERE website_id = '{site.Site.Id}' AND match_keys IS NOT NULL"));
    }

    [Fact]
    public async Task Requests_ThatNameNobody_AreRefused()
    {
        var site = await TouchSite.StartAsync(app);
        using var client = app.ClientFor(site.Owner);
        foreach (var body in new object[] { new { }, new { email = "  " }, new { email = "none@none.com" }, new { phone = "0000000000" }, new { visitorId = new string('v', 501) }, new { visitorId = "1" },
            new { visitorId = "v234567" }, new { visitorId = "Anonymous" }, new { visitorId = "00000000-0000-0000-0000-000000000000" }, new { email = "jane@example.com", visitorId = "null" } })
            foreach (var action in new[] { "erase", "export" })
                Assert.Equal("validation_failed", (await AppFixture.ProblemOf(await client.PostAsJsonAsync($"/api/websites/{site.Site.Id}/people/{action}", body), 422)).GetProperty("code").GetString());
        await AppFixture.ProblemOf(await client.GetAsync($"/api/websites/{site.Site.Id}/people/{Guid.NewGuid()}"), 404);
        using var key = app.ClientFor(site.Site.SecretKey);
        Assert.Equal(0, (await AppFixture.JsonOf(await client.PostAsJsonAsync($"/api/websites/{site.Site.Id}/people/erase", new { email = "never.seen@example.com" }))).GetProperty("events").GetInt32());
    }
}
