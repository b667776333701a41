using ClarityTracking.Core.Alerts;
using ClarityTracking.Core.Tenancy;
using ClarityTracking.Web.Account;

namespace ClarityTracking.Web.Components.Shared;

/// <summary>The websites of this circuit's person, for the navigation. Pages that change one say so with <see cref="LoadAsync"/>.</summary>
public sealed class MyWebsites(WebsiteService websites, AlertService alerts, CurrentCaller caller, ILogger<MyWebsites> log)
{
    /// <summary>By name; empty until loaded.</summary>
    public IReadOnlyList<WebsiteInfo> All { get; private set; } = [];

    /// <summary>Open alerts by website; websites without any are left out.</summary>
    public IReadOnlyDictionary<Guid, int> OpenAlerts { get; private set; } = new Dictionary<Guid, int>();

    /// <summary>They look after the installation too.</summary>
    public bool IsOperator { get; private set; }

    /// <summary>The list or the counts have changed.</summary>
    public event Action? Changed;

    /// <summary>Reads the list and the counts.</summary>
    public Task LoadAsync() => ReadAsync(async () =>
    {
        var who = await caller.GetAsync(CancellationToken.None);
        IsOperator = who.IsOperator;
        All = await websites.ListAsync(who, workspaceId: null, CancellationToken.None);
        OpenAlerts = await alerts.CountOpenAsync(who, CancellationToken.None);
    });

    /// <summary>Reads the counts of open alerts.</summary>
    public Task CountAlertsAsync() => ReadAsync(async () => OpenAlerts = await alerts.CountOpenAsync(await caller.GetAsync(CancellationToken.None), CancellationToken.None));

    private async Task ReadAsync(Func<Task> read)
    {
        try
        {
            await read();
        }
        catch (SignedOutException)
        {
            All = []; // the page itself leads to sign-in
        }
        catch (Exception error) when (PageBase.IsDatabaseTrouble(error))
        {
            log.LogWarning(error, "The navigation could not read the websites; it keeps those it knows");
        }
        Changed?.Invoke();
    }
}
