using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;

namespace ClarityTracking.Tests.Support;

/// <summary>A customer's website on an origin of its own: every path shows the same page with the snippet pasted into its head.</summary>
public sealed class Shop : IAsyncDisposable
{
    private readonly WebApplication _app;

    private Shop(WebApplication app) => _app = app;

    /// <summary>The website's address.</summary>
    public string Url => _app.Urls.First().Replace("127.0.0.1", "localhost", StringComparison.Ordinal);

    public static async Task<Shop> StartAsync(string snippet)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        var app = builder.Build();
        app.MapFallback(() => Results.Text($"<!doctype html><html><head><title>Red shoes</title>{snippet}</head><body><h1>Shop</h1></body></html>", "text/html"));
        await app.StartAsync();
        return new Shop(app);
    }

    public ValueTask DisposeAsync() => _app.DisposeAsync();
}
