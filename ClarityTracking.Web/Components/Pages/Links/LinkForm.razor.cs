using ClarityTracking.Core.Links;
using ClarityTracking.Web.Components.Shared;
using Microsoft.AspNetCore.Components;

namespace ClarityTracking.Web.Components.Pages.Links;

/// <summary>Makes or changes a link.</summary>
public sealed partial class LinkForm(LinkService links)
{
    private static readonly string[] UtmNames = ["source", "medium", "campaign", "term", "content"];

    /// <summary>Channels that have a colour and a place everywhere; others may be typed.</summary>
    private static readonly string[] Channels = ["meta", "google", "tiktok", "pinterest", "youtube", "snapchat", "linkedin", "reddit", "microsoft", "email", "referral"];

    private readonly FormErrors _errors = new();
    private Dictionary<string, string> _utm = [];
    private string _name = "", _target = "", _slug = "", _channel = "", _campaign = "";
    private int _window = CampaignLink.DefaultWindowDays;
    private DateTime? _expiry;
    private bool _isBusy;

    [Parameter, EditorRequired]
    public Guid WebsiteId { get; set; }

    /// <summary>Null = a new one.</summary>
    [Parameter]
    public LinkDetails? Existing { get; set; }

    [Parameter, EditorRequired]
    public EventCallback<LinkDetails> OnSaved { get; set; }

    [Parameter]
    public EventCallback OnCancel { get; set; }

    protected override void OnInitialized()
    {
        _utm = UtmNames.ToDictionary(name => name, name => Existing?.Utm.GetValueOrDefault(name) ?? "");
        if (Existing is not { } link)
            return;
        (_name, _target, _channel, _campaign, _window) = (link.Name, link.TargetUrl, link.Channel ?? "", link.Campaign ?? "", link.WindowDays);
        _expiry = link.ExpiresAt is { } at ? TimeZoneInfo.ConvertTime(at, Viewer.Zone).DateTime : null;
    }

    private async Task SaveAsync()
    {
        _isBusy = true;
        // of an hour that the clock skips, the time after it
        DateTimeOffset? expires = _expiry is not { } local ? null : new DateTimeOffset(local, Viewer.Zone.GetUtcOffset(local)).ToUniversalTime();
        var utm = _utm.Where(u => u.Value.Trim().Length > 0).ToDictionary(u => u.Key, u => u.Value);
        // what this form does not show stays
        foreach (var (name, value) in Existing?.Utm ?? new Dictionary<string, string>())
            if (!_utm.ContainsKey(name))
                utm[name] = value;
        var values = new LinkValues(_name, _target, _slug.Trim() is { Length: > 0 } slug ? slug : null, _channel, _campaign, _window, expires, utm, NoExpiry: expires is null);
        var saved = await DoAsync((caller, cancel) => Existing is { } link ? links.ChangeAsync(caller, WebsiteId, link.Id, values, cancel) : links.CreateAsync(caller, WebsiteId, values, cancel),
            Existing is null ? $"{_name} is ready to share" : $"{_name} is saved", _errors);
        _isBusy = false;
        if (saved is { Value: { } done })
            await OnSaved.InvokeAsync(done);
    }
}
