using System.Collections.Concurrent;
using System.Net.Http.Json;
using ClarityTracking.Tests.Support;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;

namespace ClarityTracking.Tests.Inbound;

/// <summary>Square's webhooks of appointments name neither customer nor price: both are asked of its API.</summary>
public sealed class SquareLookUpTests(AppWithSquare app) : IClassFixture<AppWithSquare>
{
    private static object Booking(string id, string customer = "C1", params string[] services) => new
    {
        id,
        version = 0,
        status = "ACCEPTED",
        updated_at = SenderMessages.Time(DateTimeOffset.UtcNow),
        start_at = "2026-12-24T10:00:00Z",
        customer_id = customer,
        appointment_segments = services.Select(s => new { service_variation_id = s }),
    };

    private Task<Sender> ConnectAsync(string? token) => Sender.ConnectAsync(app, "square", credentials: token is null
        ? new { webhook_secret = "key-of-the-subscription-1" } : new { webhook_secret = "key-of-the-subscription-1", access_token = token });

    private Task<HttpResponseMessage> PostAsync(Sender sender, object booking) =>
        SenderMessages.Square(sender, app.Url, "booking.created", "booking", booking, secret: "key-of-the-subscription-1").PostAsync(sender);

    private Task<string> StateAsync(Sender sender) => app.ValueAsync<string>($"""
        SELECT concat_ws('|', status, value, currency, items -> 0 ->> 'name', match_keys IS NOT NULL) FROM conversions WHERE website_id = '{sender.Site.Id}'
        """);

    [Fact]
    public async Task Booking_GetsItsCustomerAndThePriceOfAllItsServices()
    {
        var sender = await ConnectAsync(AppWithSquare.Token);
        await PostAsync(sender, Booking("b1", "C1", "CUT", "BEARD"));
        Assert.Equal("processed", (await sender.ProcessedAsync()).GetProperty("status").GetString());
        Assert.Equal("confirmed|55.50|USD|Haircut|t", await StateAsync(sender));
        Assert.Equal("schedule schedule_b1 55.50", await app.ValueAsync<string>($"SELECT concat_ws(' ', name, event_id, value) FROM events WHERE website_id = '{sender.Site.Id}'"));
        using var client = app.ClientFor(sender.Account);
        var id = await app.ValueAsync<Guid>($"SELECT id FROM events WHERE website_id = '{sender.Site.Id}'");
        var personal = (await AppFixture.JsonOf(await client.PostAsync($"/api/websites/{sender.Site.Id}/events/{id}/reveal", null))).GetProperty("personal").ToString();
        Assert.Contains("darnell@example.com", personal, StringComparison.OrdinalIgnoreCase);
    }

    /// <summary>A price that varies leaves the whole without one: half a value would be a wrong one.</summary>
    [Fact]
    public async Task ServiceWithoutPrice_LeavesTheBookingWithoutValue()
    {
        var sender = await ConnectAsync(AppWithSquare.Token);
        await PostAsync(sender, Booking("b2", "C1", "CUT", "VARIES"));
        await sender.ProcessedAsync();
        Assert.Equal("confirmed|Haircut|t", await StateAsync(sender));
    }

    [Fact]
    public async Task WhatIsGone_IsLeftOut()
    {
        var sender = await ConnectAsync(AppWithSquare.Token);
        await PostAsync(sender, Booking("b3", "DELETED", "GONE"));
        Assert.Equal("processed", (await sender.ProcessedAsync()).GetProperty("status").GetString());
        Assert.StartsWith("confirmed|", await StateAsync(sender), StringComparison.Ordinal);
    }

    [Fact]
    public async Task WithoutToken_NothingIsAsked()
    {
        var sender = await ConnectAsync(null);
        await PostAsync(sender, Booking("b4", "NOBODY-ASKS", "CUT"));
        Assert.Equal("processed", (await sender.ProcessedAsync()).GetProperty("status").GetString());
        Assert.DoesNotContain(app.Asked, p => p.Contains("NOBODY-ASKS", StringComparison.Ordinal));
    }

    [Fact]
    public async Task ServerError_IsTriedAgain()
    {
        var sender = await ConnectAsync(AppWithSquare.Token);
        app.Failures["/v2/customers/SHAKY"] = 1;
        await PostAsync(sender, Booking("b5", "SHAKY", "CUT"));
        Assert.Equal("processed", (await sender.ProcessedAsync()).GetProperty("status").GetString());
        Assert.Equal("confirmed|35.00|USD|Haircut|t", await StateAsync(sender));
        Assert.Equal(2, app.Asked.Count(p => p == "/v2/customers/SHAKY"));
        Assert.Equal(1, await app.ValueAsync<long>($"SELECT count(*) FROM events WHERE website_id = '{sender.Site.Id}'"));
    }

    /// <summary>The booking counts at once; the log says what is missing, and a replay with a good token adds it.</summary>
    [Fact]
    public async Task RevokedToken_IsSaid_AndReplayedWhenItIsGoodAgain()
    {
        var sender = await ConnectAsync("revoked-token");
        await PostAsync(sender, Booking("b6", "C1", "CUT"));
        var webhook = await sender.ProcessedAsync();
        Assert.Equal("failed", webhook.GetProperty("status").GetString());
        Assert.Contains("401", webhook.GetProperty("reason").GetString(), StringComparison.Ordinal);
        Assert.DoesNotContain("revoked-token", webhook.ToString(), StringComparison.Ordinal);
        Assert.StartsWith("confirmed|", await StateAsync(sender), StringComparison.Ordinal);

        using var client = app.ClientFor(sender.Account);
        var connection = (await AppFixture.JsonOf(await client.GetAsync($"/api/websites/{sender.Site.Id}/connections"))).GetProperty("items")[0].GetProperty("id").GetString();
        await AppFixture.JsonOf(await client.PatchAsJsonAsync($"/api/websites/{sender.Site.Id}/connections/{connection}", new { credentials = new { access_token = AppWithSquare.Token } }));
        await AppFixture.JsonOf(await client.PostAsync($"/api/websites/{sender.Site.Id}/inbound-webhooks/{webhook.GetProperty("id").GetString()}/replay", null));
        Assert.Equal("processed", (await sender.ProcessedAsync()).GetProperty("status").GetString());
        Assert.Equal("confirmed|35.00|USD|Haircut|t", await StateAsync(sender));
        Assert.Equal(1, await app.ValueAsync<long>($"SELECT count(*) FROM conversion_changes WHERE website_id = '{sender.Site.Id}'"));
        Assert.Equal(1, await app.ValueAsync<long>($"SELECT count(*) FROM events WHERE website_id = '{sender.Site.Id}'"));
    }
}

/// <summary>The app with a strict server in Square's place: right method, token and version, or no answer.</summary>
public sealed class AppWithSquare : AppFixture
{
    public const string Token = "EAAA-production-token";
    private WebApplication? _square;

    /// <summary>Paths that were asked for.</summary>
    public ConcurrentQueue<string> Asked { get; } = new();

    /// <summary>How often a path answers 500 before it answers well.</summary>
    public ConcurrentDictionary<string, int> Failures { get; } = new();

    protected override IReadOnlyDictionary<string, string> Settings => new Dictionary<string, string> { ["Sources:Square:BaseUrl"] = _square!.Urls.First() };

    public override async Task InitializeAsync()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        _square = builder.Build();
        _square.Use(async (http, next) =>
        {
            var path = http.Request.Path.Value!;
            Asked.Enqueue(path);
            var failsOnce = Failures.TryGetValue(path, out var left) && left > 0;
            if (failsOnce)
                Failures[path] = left - 1;
            http.Response.StatusCode = failsOnce ? 500
                : http.Request.Headers.Authorization != $"Bearer {Token}" ? 401
                : !DateOnly.TryParse(http.Request.Headers["Square-Version"], out _) || http.Request.ContentLength > 0 ? 400 : 200;
            if (http.Response.StatusCode == 200)
                await next(http);
            else
                await http.Response.WriteAsJsonAsync(new { errors = new[] { new { category = "API_ERROR", code = "REFUSED", detail = $"not with {http.Request.Headers.Authorization}" } } });
        });
        _square.MapGet("/v2/customers/{id}", (string id) => id is "C1" or "SHAKY"
            ? Results.Json(new { customer = new { id, given_name = "Darnell", family_name = "Okafor", email_address = "Darnell@Example.com", phone_number = "+13125550188", address = new { locality = "Chicago", country = "US" } } })
            : Results.Json(new { errors = new[] { new { category = "INVALID_REQUEST_ERROR", code = "NOT_FOUND" } } }, statusCode: 404));
        _square.MapGet("/v2/catalog/object/{id}", (string id, bool include_related_objects) => (id, include_related_objects) switch
        {
            ("CUT", true) => Results.Json(Variation("Haircut", 3500)),
            ("BEARD", true) => Results.Json(Variation("Beard", 2050)),
            ("VARIES", true) => Results.Json(Variation("Colour", null)),
            _ => Results.Json(new { errors = new[] { new { code = "NOT_FOUND" } } }, statusCode: 404),
        });
        await _square.StartAsync();
        await base.InitializeAsync();
    }

    private static object Variation(string name, int? cents) => new
    {
        @object = new { type = "ITEM_VARIATION", item_variation_data = new { name = "Regular", pricing_type = cents is null ? "VARIABLE_PRICING" : "FIXED_PRICING", price_money = cents is null ? null : new { amount = cents, currency = "USD" } } },
        related_objects = new[] { new { type = "ITEM", item_data = new { name } } },
    };

    public override async ValueTask DisposeAsync()
    {
        await base.DisposeAsync();
        await _square!.DisposeAsync();
        GC.SuppressFinalize(this);
    }
}
