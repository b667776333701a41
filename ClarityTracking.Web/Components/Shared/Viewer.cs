using System.Globalization;
using Microsoft.JSInterop;

namespace ClarityTracking.Web.Components.Shared;

/// <summary>The person in front of this circuit: their time zone, clipboard, visibility. One per circuit.</summary>
public sealed class Viewer(IJSRuntime js, TimeProvider clock) : IAsyncDisposable
{
    private static readonly TimeSpan TickEvery = TimeSpan.FromSeconds(20);
    private Task<IJSObjectReference>? _module;
    private ITimer? _ticks;

    /// <summary>The browser's time zone; UTC until <see cref="ReadyAsync"/> has asked it.</summary>
    public TimeZoneInfo Zone { get; private set; } = TimeZoneInfo.Utc;

    /// <summary>Now (UTC).</summary>
    public DateTimeOffset Now => clock.GetUtcNow();

    /// <summary>Relative times have moved on. Raised on a timer thread.</summary>
    public event Action? Ticked;

    /// <summary>Asks the browser for what pages need before their first data. Twice is the same as once.</summary>
    public async Task ReadyAsync()
    {
        if (_ticks is not null)
            return;
        _ticks = clock.CreateTimer(_ => Ticked?.Invoke(), null, TickEvery, TickEvery);
        var name = await InvokeAsync<string?>("timeZone");
        if (name is not null && TimeZoneInfo.TryFindSystemTimeZoneById(name, out var zone))
            Zone = zone;
    }

    /// <summary>Exact time where the viewer is, with the zone's name (<c>21 Nov 2026, 14:03:09 Europe/Vienna</c>).</summary>
    public string Exact(DateTimeOffset at) =>
        $"{TimeZoneInfo.ConvertTime(at, Zone).ToString("d MMM yyyy, HH:mm:ss", CultureInfo.InvariantCulture)} {Zone.Id}";

    /// <summary>Time of day where the viewer is, to the second.</summary>
    public string TimeOfDay(DateTimeOffset at) => TimeZoneInfo.ConvertTime(at, Zone).ToString("HH:mm:ss", CultureInfo.InvariantCulture);

    /// <summary>Puts text on the clipboard; false when the browser refuses.</summary>
    public Task<bool> CopyAsync(string text) => InvokeAsync<bool>("copy", text);

    /// <summary>Is the page in front, or in a hidden tab?</summary>
    public Task<bool> IsVisibleAsync() => InvokeAsync<bool>("isVisible");

    /// <summary>Has the viewer scrolled away from the top?</summary>
    public Task<bool> IsScrolledAsync() => InvokeAsync<bool>("isScrolled");

    /// <summary>Scrolls to the top.</summary>
    public Task ToTopAsync() => InvokeAsync<object?>("toTop");

    /// <summary>Calls a function of viewer.js. A browser that has gone answers with the default.</summary>
    public async Task<T> InvokeAsync<T>(string function, params object?[] arguments)
    {
        try
        {
            var module = await (_module ??= js.InvokeAsync<IJSObjectReference>("import", "./dashboard/viewer.js").AsTask());
            return await module.InvokeAsync<T>(function, arguments);
        }
        catch (Exception gone) when (gone is JSDisconnectedException or OperationCanceledException)
        {
            return default!;
        }
    }

    public async ValueTask DisposeAsync()
    {
        _ticks?.Dispose();
        if (_module is not { IsCompletedSuccessfully: true })
            return;
        try
        {
            await (await _module).DisposeAsync();
        }
        catch (JSDisconnectedException)
        {
            // The browser has gone and took the module with it.
        }
    }
}
