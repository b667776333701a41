using ClarityTracking.Core.Connections;
using ClarityTracking.Core.Delivery.Jobs;
using ClarityTracking.Web.Components.Shared;
using Microsoft.AspNetCore.Components;

namespace ClarityTracking.Web.Components.Pages.Deliveries;

/// <summary>Replays and backfills: the running ones with their progress, the last ones with what they did. Nothing while there is none.</summary>
public sealed partial class DeliveryJobsCard(DeliveryJobs service)
{
    private const int ShownEnded = 2, LooksWhileIdle = 5;
    private static readonly TimeSpan LookAgainEvery = TimeSpan.FromSeconds(1);
    private readonly HashSet<Guid> _cancelling = [];
    private Task? _looking;
    private bool _showAll;
    private int _looks;

    [Parameter, EditorRequired]
    public Guid WebsiteId { get; set; }

    /// <summary>Those of one connection only.</summary>
    [Parameter]
    public Guid? ConnectionId { get; set; }

    [Parameter, EditorRequired]
    public IReadOnlyList<ConnectionDetails> Connections { get; set; } = [];

    /// <summary>Where the deliveries of a job are listed.</summary>
    [Parameter]
    public Func<DeliveryJob, string>? LinkTo { get; set; }

    private LoadState<IReadOnlyList<DeliveryJob>> Jobs { get; set; } = new();

    /// <summary>Looks again now, because a job was made.</summary>
    public async Task RefreshAsync()
    {
        await LoadAsync();
        StateHasChanged();
    }

    protected override async Task LoadAsync()
    {
        Jobs = await QueryAsync<IReadOnlyList<DeliveryJob>>(async (caller, cancel) =>
        {
            var page = await service.ListAsync(caller, WebsiteId, null, Core.Page.DefaultLimit, cancel);
            return page.IsOk ? page.Value.Items.Where(j => ConnectionId is null || j.ConnectionId == ConnectionId).ToList() : page.Error;
        });
        _looking ??= PollAsync(LookAgainEvery, LookAgainAsync);
    }

    private async Task LookAgainAsync()
    {
        if (Jobs.Value?.Any(j => j.IsOpen) != true && ++_looks % LooksWhileIdle != 0)
            return;
        if (await Viewer.IsVisibleAsync())
            await RefreshAsync();
    }

    private async Task CancelAsync(DeliveryJob job)
    {
        _cancelling.Add(job.Id);
        await DoAsync((caller, cancel) => service.CancelAsync(caller, WebsiteId, job.Id, cancel), "It is stopped");
        _cancelling.Remove(job.Id);
        await LoadAsync();
    }
}
