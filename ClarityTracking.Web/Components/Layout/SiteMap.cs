namespace ClarityTracking.Web.Components.Layout;

/// <summary>A page of a website in the navigation.</summary>
/// <param name="Group">Heading it stands under.</param>
/// <param name="Path">Last part of its address.</param>
/// <param name="Label">On screen.</param>
/// <param name="Icon">Material symbol.</param>
public sealed record SitePage(string Group, string Path, string Label, string Icon);

/// <summary>The pages there are; the navigation and the breadcrumb read them here.</summary>
public static class SiteMap
{
    public static readonly IReadOnlyList<SitePage> WebsitePages =
    [
        new("Watch", "overview", "Overview", "dashboard"),
        new("Watch", "live", "Live", "sensors"),
        new("Watch", "events", "Events", "list_alt"),
        new("Watch", "health", "Health", "monitor_heart"),
        new("Watch", "volume", "Volume", "show_chart"),
        new("Watch", "duplicates", "Duplicates", "content_copy"),
        new("Watch", "bots", "Bots", "smart_toy"),
        new("Watch", "alerts", "Alerts", "notifications"),
        new("Deliver", "deliveries", "Deliveries", "send"),
        new("Deliver", "ledger", "Ledger", "fact_check"),
        new("Deliver", "connections", "Connections", "hub"),
        new("Deliver", "sources", "Sources", "input"),
        new("Deliver", "rules", "Rules", "rule"),
        new("Earn", "attribution", "Attribution", "account_tree"),
        new("Earn", "links", "Links", "link"),
        new("Earn", "bookings", "Bookings", "event_available"),
        new("Earn", "people", "People", "group"),
        new("Earn", "matches", "Matches", "join_inner"),
        new("Earn", "spend", "Ad spend", "payments"),
        new("Set up", "install", "Install", "code"),
        new("Set up", "settings", "Settings", "settings"),
    ];

    /// <summary>The website and page an address names; nulls where it names none.</summary>
    /// <param name="path">Relative to the base address (<c>websites/0199…/live?x=1</c>).</param>
    public static (Guid? WebsiteId, SitePage? Page) Read(string path)
    {
        var parts = path.Split('?', '#')[0].Split('/');
        if (parts is not ["websites", var id, ..] || !Guid.TryParse(id, out var websiteId))
            return (null, null);
        return (websiteId, parts.Length < 3 ? null : WebsitePages.FirstOrDefault(p => p.Path == parts[2]));
    }

    /// <summary>The workspace that an address names; null where it names none.</summary>
    public static Guid? WorkspaceOf(string path) =>
        path.Split('?', '#')[0].Split('/') is ["workspaces", var id, ..] && Guid.TryParse(id, out var workspaceId) ? workspaceId : null;
}
