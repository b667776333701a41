using ClarityTracking.Core.Tenancy;
using ClarityTracking.Web.Account;

namespace ClarityTracking.Web.Components.Shared;

/// <summary>The websites of this circuit's person, for the navigation. Pages that change one say so with <see cref="LoadAsync"/>.</summary>
public sealed class MyWebsites(WebsiteService websites, CurrentCaller caller, ILogger<MyWebsites> log)
{
    /// <summary>By name; empty until loaded.</summary>
    public IReadOnlyList<WebsiteInfo> All { get; private set; } = [];

    /// <summary>The list has changed.</summary>
    public event Action? Changed;

    /// <summary>Reads the list.</summary>
    public async Task LoadAsync()
    {
        try
        {
            All = await websites.ListAsync(await caller.GetAsync(CancellationToken.None), workspaceId: null, CancellationToken.None);
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
