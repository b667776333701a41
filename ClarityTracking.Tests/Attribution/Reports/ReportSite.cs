using System.Globalization;
using System.Net.Http.Json;
using System.Text.Json;
using ClarityTracking.Tests.Support;
using Npgsql;

namespace ClarityTracking.Tests.Attribution.Reports;

/// <summary>A website whose touchpoints, conversions and matches are written straight into the tables, and read through the API.</summary>
internal sealed class ReportSite(AppFixture app, Account account, NewSite site)
{
    private static int _number;
    private readonly Dictionary<Guid, string> _links = [];

    public AppFixture App { get; } = app;

    public Account Account { get; } = account;

    public NewSite Site { get; } = site;

    public HttpClient Client { get; } = app.ClientFor(account);

    public static async Task<ReportSite> CreateAsync(AppFixture app, string currency = "EUR", string timeZone = "UTC")
    {
        var account = await app.RegisterAsync();
        var site = new ReportSite(app, account, await app.CreateWebsiteAsync(account));
        await AppFixture.JsonOf(await site.Client.PatchAsJsonAsync($"/api/websites/{site.Site.Id}", new { currency, timeZone }));
        return site;
    }

    /// <summary>A campaign link.</summary>
    public async Task<Guid> LinkAsync(string name, int windowDays, string? channel = null)
    {
        var link = await AppFixture.JsonOf(await Client.PostAsJsonAsync($"/api/websites/{Site.Id}/links", new { name, targetUrl = "https://shop.example.com/", windowDays, channel }));
        _links[link.GetProperty("id").GetGuid()] = name;
        return link.GetProperty("id").GetGuid();
    }

    /// <summary>The name of a link, by its id.</summary>
    public string NameOf(string id) => _links.GetValueOrDefault(Guid.Parse(id), id);

    /// <summary>A touch; null as channel earns no credit.</summary>
    public async Task<Guid> TouchAsync(string visitor, DateTimeOffset at, string? channel, Guid? link = null, string? campaign = null, string? landing = null, string? location = null,
        string kind = "visit", string? source = null)
    {
        // as intake numbers them: time of arrival, then the place in the request
        var id = IdOf(Interlocked.Increment(ref _number));
        await RunAsync("""
            INSERT INTO touchpoints (workspace_id, website_id, id, event_id, occurred_at, kind, profile, visitor_id, channel, link_id, campaign, landing, location, source)
            VALUES ($1, $2, $3, $3::text, $4, $5, $6, $6, $7::text, $8::uuid, $9::text, $10::text, $11::text, $12::text)
            """, Site.WorkspaceId, Site.Id, id, at, kind, visitor, channel, link, campaign, landing, location, source);
        return id;
    }

    /// <summary>A conversion, not joined to anything yet.</summary>
    public async Task<Guid> ConversionAsync(DateTimeOffset at, decimal? value, string status = "paid", string kind = "order", string? currency = null, decimal refunded = 0, bool isTest = false, string? visitor = null)
    {
        var id = Guid.CreateVersion7();
        await RunAsync("""
            INSERT INTO conversions (workspace_id, website_id, id, source, kind, sender_id, status, is_test, occurred_at, value, currency, refunded, visitor_id, told_at, updated_at)
            VALUES ($1, $2, $3, 'generic', $4, $3::text, $5, $6, $7, $8::numeric, $9::text, $10, $11::text, now(), now())
            """, Site.WorkspaceId, Site.Id, id, kind, status, isTest, at, value, currency, refunded, visitor);
        return id;
    }

    /// <summary>Joins touches to a conversion.</summary>
    public async Task MatchAsync(Guid conversion, double confidence, string decision, params Guid[] touches)
    {
        await RunAsync("""
            INSERT INTO matches (workspace_id, website_id, conversion_id, touchpoint_id, confidence, decision, reasons, evidence, model, matched_at) VALUES ($1, $2, $3, $4::uuid, $5, $6, '[]', '{}', 'test', now())
            """, Site.WorkspaceId, Site.Id, conversion, touches.Length == 0 ? null : touches[^1], confidence, decision);
        foreach (var touch in touches)
            await RunAsync("""
                INSERT INTO match_touches (workspace_id, website_id, conversion_id, touchpoint_id, occurred_at, confidence)
                SELECT $1, $2, $3, id, occurred_at, $5 FROM touchpoints WHERE workspace_id = $1 AND website_id = $2 AND id = $4
                """, Site.WorkspaceId, Site.Id, conversion, touch, confidence);
    }

    /// <summary>A conversion with the touches that led to it.</summary>
    public async Task<Guid> JourneyAsync(DateTimeOffset end, decimal? value, params (TimeSpan Before, string Channel)[] touches)
    {
        var visitor = $"v{Interlocked.Increment(ref _number)}";
        var ids = new List<Guid>();
        foreach (var (before, channel) in touches)
            ids.Add(await TouchAsync(visitor, end - before, channel));
        var conversion = await ConversionAsync(end, value);
        await MatchAsync(conversion, 1, "matched", [.. ids]);
        return conversion;
    }

    public async Task RunAsync(string sql, params object?[] values)
    {
        await using var connection = new NpgsqlConnection(App.ConnectionString);
        await connection.OpenAsync();
        await using var command = new NpgsqlCommand(sql, connection);
        foreach (var value in values)
            command.Parameters.Add(new NpgsqlParameter { Value = value ?? DBNull.Value });
        await command.ExecuteNonQueryAsync();
    }

    /// <summary>An answer about attribution.</summary>
    public async Task<JsonElement> GetAsync(string query, string part = "") => await AppFixture.JsonOf(await Client.GetAsync($"/api/websites/{Site.Id}/attribution{part}?{query}"));

    /// <summary>Conversions and revenue by key (links by name).</summary>
    public static Dictionary<string, (double Conversions, double Revenue)> Rows(JsonElement report) => report.GetProperty("rows").EnumerateArray()
        .ToDictionary(r => r.GetProperty("name").GetString()!, r => (r.GetProperty("conversions").GetDouble(), r.GetProperty("revenue").GetDouble()));

    private static Guid IdOf(int number) => new(0x0199_0000, (short)(number >> 12), (short)(0x7000 | (number & 0xFFF)), [0x80, 0, 0, 0, 0, 0, 0, 1]);

    public static string Iso(DateTimeOffset at) => at.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'", CultureInfo.InvariantCulture);
}
