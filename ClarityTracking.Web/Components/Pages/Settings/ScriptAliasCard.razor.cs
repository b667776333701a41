using ClarityTracking.Core.Tenancy;
using ClarityTracking.Web.Components.Shared;
using Microsoft.AspNetCore.Components;

namespace ClarityTracking.Web.Components.Pages.Settings;

/// <summary>The word under which a website's script and intake stand, and its change.</summary>
public sealed partial class ScriptAliasCard(WebsiteService websites, IConfiguration configuration)
{
    private readonly FormErrors _errors = new();
    private string _alias = "", _shown = "";

    [Parameter, EditorRequired]
    public WebsiteInfo Website { get; set; } = default!;

    /// <summary>The viewer is an admin.</summary>
    [Parameter]
    public bool MayChange { get; set; }

    /// <summary>The website as it is after the change.</summary>
    [Parameter]
    public EventCallback<WebsiteInfo> OnChanged { get; set; }

    private string Tag => $"""<script async src="{PublicUrl}{Website.ScriptAlias}.js" data-apikey="{Website.PublishableKey ?? "pk_live_…"}"></script>""";

    /// <summary>As the operator says it is reached from outside, else as this page was reached.</summary>
    private string PublicUrl => (configuration["Clarity:PublicUrl"] is { Length: > 0 } url ? url : Navigation.BaseUri).TrimEnd('/') + "/";

    protected override Task LoadAsync()
    {
        if (_shown != Website.ScriptAlias) // else what is being typed would be lost whenever the page is drawn
            _alias = _shown = Website.ScriptAlias;
        return Task.CompletedTask;
    }

    private async Task SaveAsync()
    {
        var values = new WebsiteValues(null, null, null, null, null, null, _alias);
        var saved = await DoAsync((caller, cancel) => websites.ChangeAsync(caller, Website.Id, values, cancel), "The alias is changed", _errors);
        if (saved is not null)
            await OnChanged.InvokeAsync(saved.Value!);
    }
}
