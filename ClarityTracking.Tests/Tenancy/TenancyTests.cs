using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using ClarityTracking.Tests.Support;

namespace ClarityTracking.Tests.Tenancy;

/// <summary>Workspaces, members, websites and keys over HTTP.</summary>
public sealed class TenancyTests(AppFixture app) : IClassFixture<AppFixture>
{
    [Theory]
    [InlineData("https://Shop.Example.com/cart?x=1", "shop.example.com")]
    [InlineData("MÜNCHEN.example.com", "xn--mnchen-3ya.example.com")]
    [InlineData(" example.com. ", "example.com")]
    [InlineData("example.com:8080", "example.com")]
    [InlineData("localhost:3000", "localhost")]
    public async Task Website_DomainInAnyWriting_IsNormalised(string typed, string kept)
    {
        var account = await app.RegisterAsync();
        using var client = app.ClientFor(account);
        var site = await AppFixture.JsonOf(await client.PostAsJsonAsync("/api/websites", new { name = "Shop", domain = typed }));
        Assert.Equal(kept, site.GetProperty("domain").GetString());
    }

    [Theory]
    [InlineData("domain", "")]
    [InlineData("domain", "nodots")]
    [InlineData("domain", "-.example.com")]
    [InlineData("domain", "a_b.example.com")]
    [InlineData("currency", "EURO")]
    [InlineData("currency", "XYZ")]
    [InlineData("timeZone", "Berlin")]
    [InlineData("timeZone", "Central European Standard Time")]
    [InlineData("defaultCountry", "Germany")]
    [InlineData("name", " ")]
    public async Task Website_BadField_IsRefusedWithItsName(string field, string value)
    {
        var account = await app.RegisterAsync();
        using var client = app.ClientFor(account);
        var body = new Dictionary<string, string> { ["name"] = "Shop", ["domain"] = "shop.example.com", [field] = value };
        var problem = await AppFixture.ProblemOf(await client.PostAsJsonAsync("/api/websites", body), 422);
        Assert.Equal(field, Assert.Single(problem.GetProperty("errors").EnumerateObject()).Name);
    }

    [Fact]
    public async Task Website_CreateChangeDelete_RoundTrips()
    {
        var account = await app.RegisterAsync();
        using var client = app.ClientFor(account);
        var made = await client.PostAsJsonAsync("/api/websites", new { name = "Salon", domain = "salon.example.com", currency = "eur", timeZone = "Europe/Berlin", defaultCountry = "de" });
        Assert.Equal(HttpStatusCode.Created, made.StatusCode);
        var site = await AppFixture.JsonOf(made);
        Assert.StartsWith("pk_live_", site.GetProperty("publishableKey").GetString(), StringComparison.Ordinal);
        Assert.StartsWith("sk_live_", site.GetProperty("secretKey").GetString(), StringComparison.Ordinal);
        var path = $"/api/websites/{site.GetProperty("id").GetGuid()}";
        Assert.Equal(path, made.Headers.Location?.ToString());

        var changed = await AppFixture.JsonOf(await client.PatchAsJsonAsync(path, new { currency = "CHF" }));
        Assert.Equal(("CHF", "DE", "Salon"), (changed.GetProperty("currency").GetString(), changed.GetProperty("defaultCountry").GetString(), changed.GetProperty("name").GetString()));
        Assert.Equal(JsonValueKind.Null, (await AppFixture.JsonOf(await client.PatchAsJsonAsync(path, new { defaultCountry = "" }))).GetProperty("defaultCountry").ValueKind);
        var got = await AppFixture.JsonOf(await client.GetAsync(path));
        Assert.False(got.TryGetProperty("secretKey", out _));
        Assert.Equal(site.GetProperty("publishableKey").GetString(), got.GetProperty("publishableKey").GetString());

        Assert.Equal(HttpStatusCode.NoContent, (await client.DeleteAsync(path)).StatusCode);
        await AppFixture.ProblemOf(await client.GetAsync(path), 404);
        using var key = app.ClientFor(site.GetProperty("secretKey").GetString()!);
        await AppFixture.ProblemOf(await key.GetAsync(path), 401);
    }

    [Fact]
    public async Task Keys_CreateUseRevoke_EndsAtOnce()
    {
        var account = await app.RegisterAsync();
        var site = await app.CreateWebsiteAsync(account);
        using var client = app.ClientFor(account);
        var key = await AppFixture.JsonOf(await client.PostAsJsonAsync($"/api/websites/{site.Id}/keys", new { kind = "secret", isTest = true, name = "Import" }));
        var secret = key.GetProperty("key").GetString()!;
        Assert.StartsWith("sk_test_", secret, StringComparison.Ordinal);
        using var byKey = app.ClientFor(secret);
        var seen = (await AppFixture.JsonOf(await byKey.GetAsync("/api/websites"))).GetProperty("items");
        Assert.Equal(site.Id, Assert.Single(seen.EnumerateArray()).GetProperty("id").GetGuid());

        var list = (await AppFixture.JsonOf(await client.GetAsync($"/api/websites/{site.Id}/keys"))).GetProperty("items").EnumerateArray().ToList();
        Assert.Equal(3, list.Count);
        Assert.All(list.Where(k => k.GetProperty("kind").GetString() == "secret"), k => Assert.Equal(JsonValueKind.Null, k.GetProperty("key").ValueKind));

        Assert.Equal(HttpStatusCode.NoContent, (await client.DeleteAsync($"/api/websites/{site.Id}/keys/{key.GetProperty("id").GetGuid()}")).StatusCode);
        await AppFixture.ProblemOf(await byKey.GetAsync("/api/websites"), 401);
    }

    [Fact]
    public async Task SecretKey_InEitherHeader_ReachesItsWebsiteAlone()
    {
        var account = await app.RegisterAsync();
        var (mine, other) = (await app.CreateWebsiteAsync(account), await app.CreateWebsiteAsync(account, "Other", "other.example.com"));
        using var client = app.Anonymous();
        client.DefaultRequestHeaders.Add("X-API-Key", mine.SecretKey);
        Assert.Equal(HttpStatusCode.OK, (await client.GetAsync($"/api/websites/{mine.Id}")).StatusCode);
        await AppFixture.ProblemOf(await client.GetAsync($"/api/websites/{other.Id}"), 404);
        await AppFixture.ProblemOf(await client.GetAsync($"/api/websites/{other.Id}/keys"), 404);
        await AppFixture.ProblemOf(await client.PostAsJsonAsync("/api/websites", new { name = "New", domain = "new.example.com" }), 403);
        await AppFixture.ProblemOf(await client.GetAsync($"/api/workspaces/{account.WorkspaceId}/members"), 403);
        await AppFixture.ProblemOf(await client.GetAsync($"/api/workspaces/{account.WorkspaceId}/audit-log"), 403);
    }

    [Theory]
    [InlineData("viewer", 200, 403, 403, 403, 403)]
    [InlineData("analyst", 200, 200, 403, 403, 403)]
    [InlineData("admin", 200, 200, 200, 200, 403)]
    [InlineData("owner", 200, 200, 200, 200, 422)]
    public async Task Role_OfAMember_DecidesWhatTheyMay(string role, int read, int replay, int change, int auditLog, int addMember)
    {
        var (owner, member) = (await app.RegisterAsync(), await app.RegisterAsync());
        var site = await app.CreateWebsiteAsync(owner);
        using var byOwner = app.ClientFor(owner);
        Assert.Equal(HttpStatusCode.Created, (await byOwner.PostAsJsonAsync($"/api/workspaces/{owner.WorkspaceId}/members", new { email = member.Email, role })).StatusCode);
        using var client = app.ClientFor(member);
        Assert.Equal(read, (int)(await client.GetAsync($"/api/websites/{site.Id}")).StatusCode);
        Assert.Equal(replay, (int)(await client.PostAsJsonAsync($"/api/websites/{site.Id}/deliveries/replay", new { dryRun = true })).StatusCode);
        Assert.Equal(change, (int)(await client.PatchAsJsonAsync($"/api/websites/{site.Id}", new { name = "Renamed" })).StatusCode);
        Assert.Equal(auditLog, (int)(await client.GetAsync($"/api/workspaces/{owner.WorkspaceId}/audit-log")).StatusCode);
        Assert.Equal(addMember, (int)(await client.PostAsJsonAsync($"/api/workspaces/{owner.WorkspaceId}/members", new { email = "nobody@example.com" })).StatusCode);
    }

    [Fact]
    public async Task Members_AddChangeRemove_TakesEffectAtOnceAndIsWrittenDown()
    {
        var (owner, member) = (await app.RegisterAsync(), await app.RegisterAsync());
        var site = await app.CreateWebsiteAsync(owner);
        using var byOwner = app.ClientFor(owner);
        using var byMember = app.ClientFor(member);
        var members = $"/api/workspaces/{owner.WorkspaceId}/members";
        await AppFixture.ProblemOf(await byMember.GetAsync($"/api/websites/{site.Id}"), 404);
        await AppFixture.JsonOf(await byOwner.PostAsJsonAsync(members, new { email = member.Email.ToUpperInvariant(), role = "viewer" }));
        await AppFixture.ProblemOf(await byOwner.PostAsJsonAsync(members, new { email = member.Email }), 409);
        Assert.Equal(HttpStatusCode.OK, (await byMember.GetAsync($"/api/websites/{site.Id}")).StatusCode);
        Assert.Equal(2, (await AppFixture.JsonOf(await byMember.GetAsync(members))).GetProperty("items").GetArrayLength());
        Assert.Equal(HttpStatusCode.NoContent, (await byOwner.PatchAsJsonAsync($"{members}/{member.UserId}", new { role = "admin" })).StatusCode);
        Assert.Equal(HttpStatusCode.OK, (await byMember.PatchAsJsonAsync($"/api/websites/{site.Id}", new { name = "Changed" })).StatusCode);
        Assert.Equal(HttpStatusCode.NoContent, (await byOwner.DeleteAsync($"{members}/{member.UserId}")).StatusCode);
        await AppFixture.ProblemOf(await byMember.GetAsync($"/api/websites/{site.Id}"), 404);

        var log = await AppFixture.JsonOf(await byOwner.GetAsync($"/api/workspaces/{owner.WorkspaceId}/audit-log?limit=3"));
        Assert.Equal(["member.removed", "website.changed", "member.changed"], log.GetProperty("items").EnumerateArray().Select(a => a.GetProperty("action").GetString()));
        var next = await AppFixture.JsonOf(await byOwner.GetAsync($"/api/workspaces/{owner.WorkspaceId}/audit-log?cursor={log.GetProperty("nextCursor").GetGuid()}"));
        // the last two are of one moment
        Assert.Equal(["account.registered", "member.added", "website.created", "workspace.created"], next.GetProperty("items").EnumerateArray().Select(a => a.GetProperty("action").GetString()).Order(StringComparer.Ordinal));
        Assert.Equal(JsonValueKind.Null, next.GetProperty("nextCursor").ValueKind);
    }
}
