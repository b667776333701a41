using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using ClarityTracking.Tests.Support;

namespace ClarityTracking.Tests.Attribution.Touchpoints;

/// <summary>A website whose events are sent in and whose touchpoints are read from the database.</summary>
sealed class TouchSite(AppFixture app, Account owner, NewSite site)
{
    public const string Phone = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Mobile/15E148 Safari/604.1";

    public Account Owner => owner;

    public NewSite Site => site;

    public static async Task<TouchSite> StartAsync(AppFixture app, Account? owner = null)
    {
        owner ??= await app.RegisterAsync();
        return new TouchSite(app, owner, await app.CreateWebsiteAsync(owner));
    }

    /// <summary>Sends events as a browser does.</summary>
    public async Task BrowseAsync(params object[] events)
    {
        using var browser = app.Anonymous();
        browser.DefaultRequestHeaders.TryAddWithoutValidation("User-Agent", Phone);
        var answer = await browser.PostAsJsonAsync($"/api/v1/collect?key={site.PublishableKey}", new { events });
        Assert.Equal(HttpStatusCode.Accepted, answer.StatusCode);
        Assert.Equal(events.Length, (await AppFixture.JsonOf(answer)).GetProperty("accepted").GetInt32());
        await FollowedAsync();
    }

    /// <summary>Sends events as a server does.</summary>
    public async Task TrackAsync(params object[] events)
    {
        using var server = app.ClientFor(site.SecretKey);
        var answer = await server.PostAsJsonAsync("/event/track", new { events });
        Assert.Equal(HttpStatusCode.Accepted, answer.StatusCode);
        var result = await AppFixture.JsonOf(answer);
        Assert.True(result.GetProperty("accepted").GetInt32() == events.Length, result.GetRawText());
        await FollowedAsync();
    }

    /// <summary>A view of a page by a visitor.</summary>
    public static object View(string visitor, DateTimeOffset at, string path = "/", string? referrer = null, object? user = null, object? clickIds = null, string type = "page_view") => new
    {
        event_type = type,
        timestamp = at,
        visitor_id = visitor,
        session_id = "s",
        properties = new { url = $"https://shop.example.com{path}", referrer },
        user,
        click_ids = clickIds,
    };

    /// <summary>Waits until all that was sent is followed.</summary>
    public async Task FollowedAsync()
    {
        for (var patience = 0; patience < 150; patience++)
        {
            if (await app.ValueAsync<bool>($"""
                SELECT NOT EXISTS (SELECT FROM outbox WHERE website_id = '{site.Id}') AND NOT EXISTS (SELECT FROM event_feed WHERE website_id = '{site.Id}' AND follower <> 'duplicates')
                """))
                return;
            await Task.Delay(50);
        }
        Assert.Fail("The feed was not followed within 7 seconds.");
    }

    /// <summary>One value of the touchpoints, in their order, separated by blanks.</summary>
    public Task<string> TouchesAsync(string expression, string where = "true") => app.ValueAsync<string>(
        $"SELECT coalesce(string_agg({expression}, ' ' ORDER BY occurred_at, id), '') FROM touchpoints WHERE website_id = '{site.Id}' AND {where}");

    /// <summary>A link, and a click on it: answers where the browser was sent.</summary>
    public async Task<(Guid Link, string Target)> ClickAsync(object link)
    {
        using var client = app.ClientFor(owner);
        var made = await AppFixture.JsonOf(await client.PostAsJsonAsync($"/api/websites/{site.Id}/links", link));
        using var browser = app.Anonymous();
        browser.DefaultRequestHeaders.TryAddWithoutValidation("User-Agent", Phone);
        var answer = await browser.GetAsync($"/r/{made.GetProperty("slug").GetString()}");
        Assert.Equal(HttpStatusCode.Found, answer.StatusCode);
        return (made.GetProperty("id").GetGuid(), answer.Headers.Location!.OriginalString);
    }

    /// <summary>Calls the management API.</summary>
    public async Task<JsonElement> CallAsync(HttpMethod method, string path, object? body = null)
    {
        using var client = app.ClientFor(owner);
        return await AppFixture.JsonOf(await client.SendAsync(new HttpRequestMessage(method, $"/api/websites/{site.Id}/{path}") { Content = body is null ? null : JsonContent.Create(body) }));
    }
}
