using ClarityTracking.Core.Connections;
using ClarityTracking.Core.Connections.OAuth;
using ClarityTracking.Core.Inbound;
using ClarityTracking.Web.Components.Shared;
using Microsoft.AspNetCore.Components;
using Radzen;

namespace ClarityTracking.Web.Components.Pages.Sources;

/// <summary>The systems that tell of bookings, orders and payments. Follows what they post; the opened one lives in the address.</summary>
public sealed partial class SourcesPage(ConnectionService service, OAuthConnections oauth, InboundQueries webhooks)
{
    private const string OpenName = "open", PlatformName = "platform";
    private static readonly TimeSpan LookAgainEvery = TimeSpan.FromSeconds(3);
    private Task? _looking;

    [Inject]
    private PlatformCatalog Platforms { get; set; } = default!;

    [Inject]
    private SourceCatalog Catalog { get; set; } = default!;

    /// <summary><c>new</c> or a connection's id.</summary>
    [SupplyParameterFromQuery(Name = OpenName)]
    private string? Open { get; set; }

    [SupplyParameterFromQuery(Name = PlatformName)]
    private string? Platform { get; set; }

    /// <summary>A consent that failed, and the provider of one that did not; the callback leads here.</summary>
    [SupplyParameterFromQuery(Name = "attempt")]
    private Guid? Attempt { get; set; }

    [SupplyParameterFromQuery(Name = "connected")]
    private string? Connected { get; set; }

    private LoadState<IReadOnlyList<ConnectionDetails>> Sources { get; set; } = new();

    /// <summary>By connection.</summary>
    private IReadOnlyDictionary<Guid, InboundWebhook> Newest { get; set; } = new Dictionary<Guid, InboundWebhook>();

    private Platform? Chosen => Open == "new" && Platform is not null && Platforms.Find(Platform) is { IsSource: true } platform ? platform : null;

    private (ConnectionDetails Connection, Platform Platform)? Opened =>
        Sources.Value?.FirstOrDefault(c => c.Id.ToString() == Open) is { } connection && Platforms.Find(connection.Platform) is { } platform ? (connection, platform) : null;

    private string? Answer
    {
        get
        {
            if (Sources.Value is not { Count: > 0 } all)
                return null;
            if (all.FirstOrDefault(c => Platforms.Find(c.Platform)!.WaitsForSecret(c.Credentials)) is { } waiting)
                return $"{waiting.Name} waits for its webhook secret; until then nothing it posts is taken.";
            if (all.FirstOrDefault(c => c.Enabled && c.State == ConnectionState.Paused) is { } paused)
                return $"{paused.Name} is paused until someone acts.";
            if (all.FirstOrDefault(c => Newest.GetValueOrDefault(c.Id) is { Status: InboundStatus.Refused or InboundStatus.Failed }) is { } failing)
                return $"The last webhook of {failing.Name} could not be used; the log says why.";
            var silent = all.Count(c => c.Enabled && !Newest.ContainsKey(c.Id));
            return silent == all.Count ? "Waiting for the first webhook."
                : silent > 0 ? $"{Words.Count(all.Count - silent, "source tells", "sources tell")} what happens; {Words.Count(silent, "has", "have")} posted nothing in the last 30 days."
                : $"{Words.Count(all.Count, "source tells", "sources tell")} what happens after the visit.";
        }
    }

    private StatusText StateOf(ConnectionDetails connection) =>
        Platforms.Find(connection.Platform)!.WaitsForSecret(connection.Credentials) ? new("warn", "Waits for its secret")
            : StatusWords.Of(connection.State, connection.Enabled, connection.StateReason);

    protected override async Task LoadAsync()
    {
        var all = await QueryAsync((caller, cancel) => service.ListAsync(caller, WebsiteId, cancel));
        Sources = all.Value is { } connections
            ? LoadState.Of<IReadOnlyList<ConnectionDetails>>(connections.Where(c => Platforms.Find(c.Platform) is { IsSource: true }).ToList()) : all;
        await ReadNewestAsync();
        _looking ??= PollAsync(LookAgainEvery, LookAgainAsync);
    }

    private async Task ReadNewestAsync() => Newest = (await QueryAsync((caller, cancel) => webhooks.NewestAsync(caller, WebsiteId, cancel))).Value ?? Newest;

    private async Task LookAgainAsync()
    {
        if (Sources.Value is not { Count: > 0 } || !await Viewer.IsVisibleAsync())
            return;
        await ReadNewestAsync();
        StateHasChanged();
    }

    private void ClosePanel() => Filter((OpenName, null), (PlatformName, null), ("attempt", null), ("connected", null));

    /// <summary>What was said about connecting is over once something else was done.</summary>
    private async Task ChangedAsync()
    {
        if (Attempt is null && Connected is null)
            await LoadAsync();
        else
            Filter(("attempt", null), ("connected", null));
    }

    private async Task EnableAsync(ConnectionDetails connection)
    {
        var values = new ConnectionValues(null, null, null, !connection.Enabled);
        await DoAsync((caller, cancel) => service.ChangeAsync(caller, WebsiteId, connection.Id, values, cancel),
            connection.Enabled ? $"{connection.Name} is switched off: what it posts is kept and makes nothing" : $"{connection.Name} is switched on");
        await LoadAsync();
    }

    private async Task DeleteAsync(ConnectionDetails connection)
    {
        var sure = await Dialogs.Confirm($"Its address stops working, and its log goes with it. Bookings, orders and events that came of it stay.",
            $"Delete {connection.Name}?", new ConfirmOptions { OkButtonText = "Delete source", CancelButtonText = "Keep it" });
        if (sure != true)
            return;
        await DoAsync((caller, cancel) => oauth.DeleteConnectionAsync(caller, WebsiteId, connection.Id, cancel), $"{connection.Name} is deleted");
        await LoadAsync();
    }
}
