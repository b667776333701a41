using ClarityTracking.Core;
using ClarityTracking.Core.Reports;
using ClarityTracking.Web.Components.Shared;
using Microsoft.AspNetCore.Components;

namespace ClarityTracking.Web.Components.Pages.Deliveries;

/// <summary>One delivery with its attempts: the exact requests and answers.</summary>
public sealed partial class DeliveryPanel(EventTraces traces, EventQueries events)
{
    private static readonly HashSet<string> Nothing = [];
    private bool _showPersonal;

    [Parameter, EditorRequired]
    public Guid WebsiteId { get; set; }

    [Parameter, EditorRequired]
    public Guid DeliveryId { get; set; }

    [Parameter, EditorRequired]
    public Guid EventId { get; set; }

    [Parameter]
    public EventCallback OnRetry { get; set; }

    private LoadState<DeliveryTrace> Delivery { get; set; } = new();

    private IReadOnlySet<string> Hidden => _showPersonal ? Nothing : JsonMask.PersonalData;

    protected override async Task LoadAsync() => Delivery = await QueryAsync<DeliveryTrace>(async (caller, cancel) =>
    {
        var trace = await traces.GetAsync(caller, WebsiteId, EventId.ToString(), cancel);
        if (!trace.IsOk)
            return trace.Error;
        return trace.Value.Deliveries.FirstOrDefault(d => d.Id == DeliveryId) is { } delivery ? delivery : Error.NotFound("delivery");
    });

    /// <summary>Asks first: a look that is not allowed or not written down does not happen.</summary>
    private async Task RevealAsync() =>
        _showPersonal = await DoAsync((caller, cancel) => events.RevealPersonalAsync(caller, WebsiteId, EventId, cancel)) is not null;

    private async Task RetryAsync()
    {
        await OnRetry.InvokeAsync();
        await LoadAsync();
    }
}
