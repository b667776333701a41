using System.Net;
using System.Text;
using ClarityTracking.Core.Delivery;
using ClarityTracking.Core.Destinations;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;

namespace ClarityTracking.Tests.Delivery;

/// <summary>Answers that are long, or never end.</summary>
public sealed class DestinationClientTests : IAsyncLifetime
{
    private WebApplication _server = null!;

    public async Task InitializeAsync()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        _server = builder.Build();
        _server.MapPost("/bytes/{count:int}", (int count) => Results.Text(new string('x', count)));
        _server.MapPost("/trickle", async http =>
        {
            while (!http.RequestAborted.IsCancellationRequested)
            {
                await http.Response.WriteAsync(" ");
                await http.Response.Body.FlushAsync();
                await Task.Delay(20);
            }
        });
        _server.MapPost("/echo", async http =>
        {
            http.Response.StatusCode = (int)HttpStatusCode.Created;
            await http.Response.WriteAsync($"{http.Request.ContentType} {http.Request.Headers["X-Token"]}");
        });
        await _server.StartAsync();
    }

    public async Task DisposeAsync() => await _server.DisposeAsync();

    [Theory]
    [InlineData(0, 0)]
    [InlineData(16 * 1024, 16 * 1024)]
    [InlineData(100_000, 100_000)] // one entry for each of a thousand events
    [InlineData(5_000_000, 4 * 1024 * 1024)]
    public async Task Send_LongAnswer_IsReadToTheLimit(int sent, int read) => Assert.Equal(read, (await SendAsync($"/bytes/{sent}")).Body.Length);

    [Fact]
    public async Task Send_AnswerThatNeverEnds_IsNoAnswer()
    {
        var result = await SendAsync("/trickle", TimeSpan.FromMilliseconds(300));
        Assert.Equal((null, "No answer in time."), (result.HttpStatus, result.Body));
    }

    [Fact]
    public async Task Send_OwnContentTypeAndSecret_AreSentAndTheEchoIsMasked()
    {
        var result = await SendAsync("/echo");
        Assert.Equal((201, "application/x-ndjson ***"), (result.HttpStatus, result.Body));
    }

    private Task<CallResult> SendAsync(string path, TimeSpan? limit = null)
    {
        var clients = new ServiceCollection().AddHttpClient(DestinationClient.ClientName).Services.BuildServiceProvider().GetRequiredService<IHttpClientFactory>();
        var client = new DestinationClient(clients, new ConfigurationBuilder().Build(), TimeProvider.System) { TimeLimit = limit ?? TimeSpan.FromSeconds(20) };
        return client.SendAsync(new DestinationRequest(HttpMethod.Post, new Uri(_server.Urls.First() + path), Encoding.UTF8.GetBytes("{}"),
            new Dictionary<string, string> { ["X-Token"] = "s3cret" }, ["s3cret"], "application/x-ndjson"), CancellationToken.None);
    }
}
