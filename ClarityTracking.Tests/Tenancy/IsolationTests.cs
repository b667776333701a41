using System.Net;
using System.Net.Http.Json;
using System.Text;
using ClarityTracking.Core.Data;
using ClarityTracking.Core.Tenancy;
using ClarityTracking.Tests.Support;
using ClarityTracking.Web.Security;
using Microsoft.AspNetCore.Components.Endpoints;
using Microsoft.AspNetCore.Routing;
using Microsoft.AspNetCore.Routing.Patterns;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using Npgsql;

namespace ClarityTracking.Tests.Tenancy;

/// <summary>
/// Another tenant's anything is not found. The routes come from the running app, so a new one is tested or fails here; the tables come
/// from the database's own catalogue, so a new one is protected or fails here.
/// </summary>
public sealed class IsolationTests(AppFixture app) : IClassFixture<AppFixture>
{
    /// <summary>Routes whose parameter names no tenant's thing, or is itself the secret that opens it.</summary>
    // the first is the framework's own for static files
    private static readonly string[] PublicRoutes = ["/{**path:file}", "/openapi/{documentName}.json", "/t/{name}.js", "/r/{slug}", "/webhooks/{platform}/{token}"];

    /// <summary>Fits the body of every route, so that none is refused for its shape before it looks whose thing it is.</summary>
    private const string AnyBody = """
        {"name":"Taken over","domain":"evil.example.com","kind":"secret","role":"owner","email":"EMAIL","platform":"meta",
         "settings":{"dataset_id":"666"},"credentials":{"access_token":"evil"},"enabled":false,"when":{},"then":{"action":"exclude"},"status":"dead","dryRun":false,"windowMinutes":99}
        """;

    [Fact]
    public async Task EveryRoute_CalledWithAnotherTenantsIds_AnswersNotFoundAndChangesNothing()
    {
        var (victim, attacker) = (await TenantAsync("victim"), await TenantAsync("attacker"));
        using var byUser = app.ClientFor(attacker.Account);
        using var byKey = app.ClientFor(attacker.Site.SecretKey);
        var before = await FingerprintAsync(victim);
        var failures = new List<string>();
        var called = 0;
        foreach (var (method, pattern) in TenantRoutes())
        {
            var foreign = Filled(pattern, _ => victim, victim);
            foreach (var (client, who) in new[] { (byUser, "user"), (byKey, "key") })
                await ExpectNotFoundAsync(client, who, method, foreign);
            // my website, another's connection in it
            if (pattern.Parameters.Count > 1)
                await ExpectNotFoundAsync(byUser, "user", method, Filled(pattern, index => index == 0 ? attacker : victim, victim));
        }
        Assert.True(failures.Count == 0, string.Join('\n', failures));
        Assert.True(called > 60, $"only {called} calls were made");
        Assert.Equal(before, await FingerprintAsync(victim));

        async Task ExpectNotFoundAsync(HttpClient client, string who, string method, string path)
        {
            called++;
            using var request = new HttpRequestMessage(new HttpMethod(method), path);
            if (method is not ("GET" or "DELETE"))
                request.Content = new StringContent(AnyBody.Replace("EMAIL", attacker.Account.Email, StringComparison.Ordinal), Encoding.UTF8, "application/json");
            using var answer = await client.SendAsync(request);
            if (answer.StatusCode != HttpStatusCode.NotFound)
                failures.Add($"{method} {path} by {who}: {(int)answer.StatusCode} {await answer.Content.ReadAsStringAsync()}");
        }
    }

    [Fact]
    public async Task EveryRoute_CalledByItsOwner_IsFound()
    {
        // without this, a route that is always 404 would pass the test above
        var owner = await TenantAsync("owner");
        using var client = app.ClientFor(owner.Account);
        foreach (var (method, pattern) in TenantRoutes().Where(r => r.Method == "GET"))
        {
            using var answer = await client.GetAsync(Filled(pattern, _ => owner, owner));
            Assert.True(answer.IsSuccessStatusCode, $"{pattern.RawText} answered {(int)answer.StatusCode}");
        }
    }

    [Fact]
    public async Task Lists_OfACaller_HoldNothingOfAnotherTenant()
    {
        var (victim, attacker) = (await TenantAsync("listed"), await TenantAsync("lister"));
        using var client = app.ClientFor(attacker.Account);
        foreach (var path in new[] { "/api/websites", "/api/workspaces", $"/api/websites?workspaceId={victim.Site.WorkspaceId}" })
            Assert.DoesNotContain(victim.Site.WorkspaceId.ToString(), await client.GetStringAsync(path), StringComparison.Ordinal);
        await AppFixture.ProblemOf(await client.PostAsJsonAsync("/api/websites", new { name = "x", domain = "x.example.com", workspaceId = victim.Site.WorkspaceId }), 404);
        // a filter by another's connection finds nothing
        var deliveries = await AppFixture.JsonOf(await client.GetAsync($"/api/websites/{attacker.Site.Id}/deliveries?connectionId={victim.Ids["cid"]}"));
        Assert.Equal(0, deliveries.GetProperty("items").GetArrayLength());
    }

    [Fact]
    public async Task EveryTenantTable_InTheDatabase_IsUnderRowLevelSecurity()
    {
        // queues of the installation: callers have no right to them at all
        string[] withoutPolicy = ["outbox", "event_feed", "event_keys"];
        await using var database = NpgsqlDataSource.Create(app.ConnectionString);
        await using var command = database.CreateCommand("""
            SELECT c.relname, c.relrowsecurity, EXISTS (SELECT FROM pg_policy p WHERE p.polrelid = c.oid AND p.polname = 'tenant'),
                   has_table_privilege('clarity_tenant', c.oid, 'SELECT, INSERT, UPDATE, DELETE'), c.relispartition
              FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'workspace_id' AND NOT a.attisdropped
             WHERE c.relkind IN ('r', 'p') AND c.relnamespace = 'public'::regnamespace
            """);
        var tables = new List<string>();
        await using var reader = await command.ExecuteReaderAsync();
        while (await reader.ReadAsync())
        {
            var (name, isSecured, hasPolicy, mayTouch, isPartition) = (reader.GetString(0), reader.GetBoolean(1), reader.GetBoolean(2), reader.GetBoolean(3), reader.GetBoolean(4));
            tables.Add(name);
            // a partition is reached through its table, whose policy holds
            if (isPartition || withoutPolicy.Contains(name))
                Assert.False(mayTouch, $"callers have rights on {name}");
            else
                Assert.True(isSecured && hasPolicy, $"{name} has no row level security");
        }
        Assert.Contains("events", tables);
        Assert.Contains("connections", tables);
    }

    [Fact]
    public async Task Database_AskedForACaller_ShowsOnlyTheirRowsAndTakesNoOthers()
    {
        var (victim, attacker) = (await TenantAsync("seen"), await TenantAsync("seer"));
        var database = app.Services.GetRequiredService<ClarityDb>();
        var caller = new Caller { Label = "test", UserId = attacker.Account.UserId, Workspaces = new Dictionary<Guid, Role> { [attacker.Site.WorkspaceId] = Role.Owner } };
        await using (var db = database.For(caller))
        {
            // no condition anywhere, as a careless author would write it
            Assert.Equal([attacker.Site.Id], await db.Websites.Select(w => w.Id).ToListAsync());
            Assert.Equal([attacker.Ids["cid"]], await db.Connections.Where(c => c.Platform == "meta").Select(c => (object)c.Id).ToListAsync());
            Assert.Equal([attacker.Account.UserId], await db.Users.Select(u => u.Id).ToListAsync());
            Assert.All(await db.AuditLog.Select(a => a.WorkspaceId).ToListAsync(), id => Assert.Equal(attacker.Site.WorkspaceId, id));
            Assert.Equal(0, await db.Websites.Where(w => w.Id == victim.Site.Id).ExecuteDeleteAsync());
            db.Members.Add(new Member(victim.Site.WorkspaceId, attacker.Account.UserId, Role.Owner, DateTimeOffset.UtcNow));
            var refused = await Assert.ThrowsAsync<DbUpdateException>(() => db.SaveChangesAsync());
            Assert.Equal(PostgresErrorCodes.InsufficientPrivilege, Assert.IsType<PostgresException>(refused.InnerException).SqlState);
        }
        await using (var db = database.For(caller))
        {
            var refused = await Assert.ThrowsAsync<PostgresException>(() => db.Database.SqlQuery<string>($"SELECT password_hash AS \"Value\" FROM users").ToListAsync());
            Assert.Equal(PostgresErrorCodes.InsufficientPrivilege, refused.SqlState);
        }
        await using (var db = database.For(caller with { Workspaces = new Dictionary<Guid, Role>() }))
            Assert.Empty(await db.Websites.ToListAsync());
        // the same pooled connections, asked as the system, are not narrowed any more
        await using (var db = database.System())
            Assert.True(await db.Websites.CountAsync() >= 2);
    }

    /// <param name="Ids">What the tenant owns, by the name routes give its parameter.</param>
    private sealed record Tenant(Account Account, NewSite Site, Dictionary<string, object> Ids);

    private async Task<Tenant> TenantAsync(string name)
    {
        var account = await app.RegisterAsync();
        var site = await app.CreateWebsiteAsync(account, name, $"{name}.example.com");
        using var client = app.ClientFor(account);
        var connection = await AppFixture.JsonOf(await client.PostAsJsonAsync($"/api/websites/{site.Id}/connections",
            new { platform = "meta", settings = new { dataset_id = "1" }, credentials = new { access_token = "secret" }, enabled = false }));
        var rule = await AppFixture.JsonOf(await client.PostAsJsonAsync($"/api/websites/{site.Id}/rules",
            new { name = "Staff", when = new { field = "url_path", op = "starts_with", value = "/admin" }, then = new { action = "exclude" } }));
        var botRule = await AppFixture.JsonOf(await client.PostAsJsonAsync($"/api/websites/{site.Id}/bot-rules",
            new { name = "Office", verdict = "bot", when = new { field = "ip", op = "equals", value = "203.0.113.9" } }));
        var keys = await AppFixture.JsonOf(await client.GetAsync($"/api/websites/{site.Id}/keys"));
        using var server = app.Anonymous();
        server.DefaultRequestHeaders.Add("X-API-Key", site.SecretKey);
        await AppFixture.JsonOf(await server.PostAsJsonAsync("/api/v1/collect",
            new { events = new[] { new { event_id = $"{name}-1", event_type = "lead", timestamp = DateTimeOffset.UtcNow, session_id = "s" } } }));
        var id = await app.ValueAsync<Guid>($"SELECT id FROM events WHERE website_id = '{site.Id}' AND name = 'lead'");
        var source = await AppFixture.JsonOf(await client.PostAsJsonAsync($"/api/websites/{site.Id}/connections",
            new { platform = "generic", credentials = new { webhook_secret = "whsec_" + Convert.ToBase64String(new byte[32]) }, enabled = false }));
        using (var unsigned = app.Anonymous())
            await AppFixture.ProblemOf(await unsigned.PostAsync(source.GetProperty("webhookUrl").GetString(), new StringContent("{}")), 401);
        var webhook = await app.ValueAsync<Guid>($"SELECT id FROM inbound_webhooks WHERE website_id = '{site.Id}'");
        var link = await AppFixture.JsonOf(await client.PostAsJsonAsync($"/api/websites/{site.Id}/links", new { name = "Link", targetUrl = "https://shop.example.com/" }));
        using var visitor = app.Anonymous();
        var followed = await visitor.GetAsync($"/r/{link.GetProperty("slug").GetString()}");
        var click = System.Web.HttpUtility.ParseQueryString(followed.Headers.Location!.Query)["ct_tracking_id"]!;
        var conversion = await AppFixture.JsonOf(await visitor.PostAsJsonAsync("/api/conversions",
            new { tracking_id = click, campaign_link_id = link.GetProperty("id").GetString(), event_type = "lead" }));
        var job = Guid.CreateVersion7();
        await app.RunAsync($"""
            INSERT INTO delivery_jobs (workspace_id, website_id, id, kind, request, status, matched, too_old, already_delivered, will_send, next_batch_at, created_by, created_at)
            VALUES ('{site.WorkspaceId}', '{site.Id}', '{job}', 'replay', '{"{}"}', 'queued', 1, 0, 0, 1, now() + interval '1 hour', 'test', now())
            """);
        var channel = await AppFixture.JsonOf(await client.PostAsJsonAsync($"/api/workspaces/{site.WorkspaceId}/alert-channels",
            new { kind = "email", name = "Mail", enabled = false, settings = new { to = "team@example.com" } }));
        var alert = Guid.CreateVersion7();
        await app.RunAsync($"""
            INSERT INTO alerts (workspace_id, website_id, id, kind, subject, subject_name, severity, state, opening, evidence, opened_at, updated_at, resolved_at)
            VALUES ('{site.WorkspaceId}', '{site.Id}', '{alert}', 'no_events', '', '', 'critical', 'resolved', 1, '{"{"}"value":30,"threshold":24,"unit":"hours","detail":{"{}"}{"}"}', now(), now(), now())
            """);
        await Eventually.GetAsync(async () => await app.ValueAsync<bool>($"""
            SELECT NOT EXISTS (SELECT FROM outbox WHERE website_id = '{site.Id}') AND NOT EXISTS (SELECT FROM event_feed WHERE website_id = '{site.Id}')
               AND EXISTS (SELECT FROM matches WHERE website_id = '{site.Id}') AND NOT EXISTS (SELECT FROM match_queue WHERE website_id = '{site.Id}')
            """) ? true : (bool?)null, "workers to have nothing left to do"); // else they write between two fingerprints
        var review = Guid.CreateVersion7();
        await app.RunAsync($"INSERT INTO bot_reviews (workspace_id, website_id, event_id, review_id, is_bot, reviewed_at) VALUES ('{site.WorkspaceId}', '{site.Id}', '{id}', '{review}', false, now())");
        var duplicate = Guid.CreateVersion7();
        await app.RunAsync($"""
            INSERT INTO duplicate_groups (workspace_id, website_id, id, kind, reason, name, family, first_at, last_at, found_at, changed_at, events, extra_value, original_id, ended)
            VALUES ('{site.WorkspaceId}', '{site.Id}', '{duplicate}', 'different_ids', 'same_order', 'purchase', 'purchase', now(), now(), now(), now(), 2, 0, '{duplicate}', false);
            INSERT INTO duplicate_members (workspace_id, website_id, group_id, id, event_id, name, source, occurred_at, keys, stored)
            SELECT '{site.WorkspaceId}', '{site.Id}', '{duplicate}', id, id::text, 'purchase', 'browser', now(), 1, true FROM unnest(ARRAY['{duplicate}', '{Guid.CreateVersion7()}']::uuid[]) id
            """);
        var (person, merge) = (Guid.CreateVersion7(), Guid.CreateVersion7());
        await app.RunAsync($"""
            INSERT INTO persons (workspace_id, website_id, id, created_at, last_seen_at) VALUES ('{site.WorkspaceId}', '{site.Id}', '{person}', now(), now());
            INSERT INTO person_merges (workspace_id, website_id, id, kept_id, merged_id, kind, confidence, merged_at)
            VALUES ('{site.WorkspaceId}', '{site.Id}', '{merge}', '{person}', '{person}', 'email', 1, now())
            """);
        return new Tenant(account, site, new()
        {
            ["brid"] = botRule.GetProperty("id"),
            ["reviewId"] = review,
            ["groupId"] = duplicate,
            ["cid"] = connection.GetProperty("id").GetGuid(),
            ["keyId"] = keys.GetProperty("items")[0].GetProperty("id"),
            ["userId"] = account.UserId,
            ["eventId"] = id,
            ["rid"] = rule.GetProperty("id"),
            ["whid"] = webhook,
            ["linkId"] = link.GetProperty("id"),
            ["trackingId"] = click,
            ["jid"] = job,
            ["aid"] = alert,
            ["chid"] = channel.GetProperty("id").GetGuid(),
            ["bid"] = conversion.GetProperty("id"),
            ["conversionId"] = conversion.GetProperty("id"),
            ["personId"] = person,
            ["mergeId"] = merge,
        });
    }

    private IEnumerable<(string Method, RoutePattern Pattern)> TenantRoutes()
    {
        foreach (var endpoint in app.Services.GetRequiredService<EndpointDataSource>().Endpoints.OfType<RouteEndpoint>())
        {
            var pattern = endpoint.RoutePattern;
            var text = "/" + pattern.RawText?.TrimStart('/');
            if (pattern.Parameters.Count == 0 || PublicRoutes.Contains(text) || text.StartsWith("/_", StringComparison.Ordinal)
                || endpoint.Metadata.GetMetadata<ComponentTypeMetadata>() is not null)
                continue;
            Assert.True(endpoint.Metadata.GetMetadata<ApiAuthentication.NeedsCaller>() is not null,
                $"{text} has a parameter but no caller: put it into the API group, or into PublicRoutes with the reason.");
            foreach (var method in endpoint.Metadata.GetMetadata<HttpMethodMetadata>()!.HttpMethods)
                yield return (method, pattern);
        }
    }

    /// <summary>The path with ids put in; which tenant's is asked by the parameter's place.</summary>
    private static string Filled(RoutePattern pattern, Func<int, Tenant> tenantAt, Tenant last)
    {
        var path = new StringBuilder();
        var place = 0;
        var before = "";
        foreach (var segment in pattern.PathSegments)
        {
            path.Append('/');
            if (segment.Parts is [RoutePatternParameterPart parameter])
            {
                var tenant = place + 1 == pattern.Parameters.Count ? last : tenantAt(place);
                path.Append((before, parameter.Name) switch
                {
                    ("workspaces", "id") => tenant.Site.WorkspaceId,
                    ("websites", "id") => tenant.Site.Id,
                    _ when tenant.Ids.TryGetValue(parameter.Name, out var id) => id,
                    _ => throw new InvalidOperationException($"{pattern.RawText}: say here which of a tenant's ids {{{parameter.Name}}} is."),
                });
                place++;
            }
            else
            {
                before = string.Concat(segment.Parts.OfType<RoutePatternLiteralPart>().Select(p => p.Content));
                path.Append(before);
            }
        }
        return path.ToString();
    }

    private async Task<string> FingerprintAsync(Tenant tenant)
    {
        var tables = await app.ValueAsync<string[]>("""
            SELECT array_agg(c.relname::text ORDER BY c.relname)
              FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'workspace_id' AND NOT a.attisdropped
             WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND c.relnamespace = 'public'::regnamespace
            """);
        var prints = new List<string>();
        foreach (var table in tables)
            prints.Add(await app.ValueAsync<string>($"SELECT '{table} ' || coalesce(md5(string_agg(t::text, '|' ORDER BY t::text)), '') FROM {table} t WHERE workspace_id = '{tenant.Site.WorkspaceId}'"));
        return string.Join('\n', prints);
    }
}
