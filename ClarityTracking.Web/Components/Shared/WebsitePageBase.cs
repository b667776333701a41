using ClarityTracking.Core.Tenancy;
using Microsoft.AspNetCore.Components;

namespace ClarityTracking.Web.Components.Shared;

/// <summary>A page of one website.</summary>
public abstract class WebsitePageBase : PageBase
{
    /// <summary>From the address. Whether the caller may see it is decided by every query anew.</summary>
    [Parameter]
    public Guid WebsiteId { get; set; }

    /// <summary>Address of another page of the same website.</summary>
    protected string To(string page) => $"websites/{WebsiteId}/{page}";

    /// <summary>Changes filters in the address; null removes one. The page then loads by itself.</summary>
    protected void Filter(params (string Name, object? Value)[] changes) =>
        Navigation.NavigateTo(Navigation.GetUriWithQueryParameters(changes.ToDictionary(c => c.Name, c => c.Value is "" ? null : c.Value)));

    /// <summary>The address with filters changed, for links.</summary>
    protected string With(params (string Name, object? Value)[] changes) =>
        Navigation.GetUriWithQueryParameters(changes.ToDictionary(c => c.Name, c => c.Value is "" ? null : c.Value));
}
