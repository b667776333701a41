using ClarityTracking.Web.Components.Shared;
using Microsoft.AspNetCore.Components;
using Microsoft.AspNetCore.Components.HtmlRendering.Infrastructure;
using Microsoft.AspNetCore.Components.RenderTree;
using Microsoft.AspNetCore.Components.Web;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.JSInterop;
using Radzen;

namespace ClarityTracking.Tests.Components;

/// <summary>Renders one component to HTML with the framework's own static renderer, and clicks in it. No browser, no circuit.</summary>
internal sealed class RenderHarness : IAsyncDisposable
{
    private readonly Renderer _renderer;
    private readonly ServiceProvider _services;
    private const int Root = 0; // the renderer numbers components from 0, and a harness renders one
    private Func<string> _html = () => "";

    /// <param name="now">What the clock says.</param>
    public RenderHarness(DateTimeOffset now)
    {
        var services = new ServiceCollection();
        services.AddLogging();
        services.AddRadzenComponents();
        services.AddSingleton<TimeProvider>(new StoppedClock(now));
        services.AddScoped<IJSRuntime, NoBrowser>();
        services.AddScoped<NavigationManager, Nowhere>();
        services.AddScoped<Viewer>();
        _services = services.BuildServiceProvider();
        _renderer = new Renderer(_services);
    }

    /// <summary>The HTML after everything the component awaits.</summary>
    public Task<string> RenderAsync<T>(Dictionary<string, object?> parameters) where T : IComponent => _renderer.Dispatcher.InvokeAsync(async () =>
    {
        var root = _renderer.BeginRenderingComponent(typeof(T), ParameterView.FromDictionary(parameters));
        await root.QuiescenceTask;
        _html = root.ToHtmlString;
        return root.ToHtmlString();
    });

    /// <summary>Clicks the first element whose attribute has this value, and gives the HTML afterwards.</summary>
    public Task<string> ClickAsync(string attribute, string value) => _renderer.Dispatcher.InvokeAsync(async () =>
    {
        var handler = _renderer.FindClick(Root, attribute, value) ?? throw new InvalidOperationException($"Nothing to click with {attribute}=\"{value}\".");
        await _renderer.DispatchEventAsync(handler, null, new MouseEventArgs());
        return _html();
    });

    public async ValueTask DisposeAsync()
    {
        await _renderer.DisposeAsync();
        await _services.DisposeAsync();
    }

    private sealed class Renderer(IServiceProvider services) : StaticHtmlRenderer(services, NullLoggerFactory.Instance)
    {
        public ulong? FindClick(int componentId, string attribute, string value)
        {
            var frames = GetCurrentRenderTreeFrames(componentId);
            for (var i = 0; i < frames.Count; i++)
            {
                ref var frame = ref frames.Array[i];
                if (frame.FrameType == RenderTreeFrameType.Component && FindClick(frame.ComponentId, attribute, value) is { } inside)
                    return inside;
                if (frame.FrameType != RenderTreeFrameType.Element)
                    continue;
                var attributes = frames.Array.Skip(i + 1).Take(frame.ElementSubtreeLength - 1).TakeWhile(f => f.FrameType == RenderTreeFrameType.Attribute).ToList();
                if (attributes.Any(a => a.AttributeName == attribute && Equals(a.AttributeValue, value)))
                    return attributes.First(a => a.AttributeName == "onclick").AttributeEventHandlerId;
            }
            return null;
        }
    }

    private sealed class StoppedClock(DateTimeOffset now) : TimeProvider
    {
        public override DateTimeOffset GetUtcNow() => now;
    }

    private sealed class NoBrowser : IJSRuntime
    {
        public ValueTask<TValue> InvokeAsync<TValue>(string identifier, object?[]? args) => throw new JSDisconnectedException("There is no browser.");

        public ValueTask<TValue> InvokeAsync<TValue>(string identifier, CancellationToken cancellationToken, object?[]? args) => InvokeAsync<TValue>(identifier, args);
    }

    private sealed class Nowhere : NavigationManager
    {
        public Nowhere() => Initialize("http://localhost/", "http://localhost/");

        protected override void NavigateToCore(string uri, NavigationOptions options) { }
    }
}

