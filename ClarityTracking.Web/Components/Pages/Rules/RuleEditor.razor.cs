using ClarityTracking.Core;
using ClarityTracking.Core.Connections;
using ClarityTracking.Core.Routing;
using ClarityTracking.Web.Components.Shared;
using Microsoft.AspNetCore.Components;

namespace ClarityTracking.Web.Components.Pages.Rules;

/// <summary>Writes a rule; every change is tried on recent events a moment after it.</summary>
public sealed partial class RuleEditor(FilterRuleService rules, FilterRulePreviews previews, TimeProvider clock)
{
    private static readonly TimeSpan Typing = TimeSpan.FromMilliseconds(400);

    private static readonly IReadOnlyList<(RuleAction? Action, string Label, string Help)> Actions =
    [
        (RuleAction.Exclude, "Keep back", "These events are not sent."),
        (RuleAction.Include, "Let through", "Later rules do not keep these events back; consent and the platform's own needs still hold."),
        (RuleAction.Route, "Send only to some connections", "All other connections do not get these events."),
        (null, "Only change fields", "Other rules decide whether they are sent."),
    ];

    private readonly FormErrors _errors = new();
    private LoadState<FilterRulePreview> _preview = new();
    private IReadOnlyList<string> _seen = [];
    private IReadOnlyList<string> _eventNames = [];
    private string? _incomplete;
    private bool _isBusy, _isTrying, _hasStarted;
    private int _version;

    [Parameter, EditorRequired]
    public Guid WebsiteId { get; set; }

    /// <summary>The saved rule that is edited; null = a new one.</summary>
    [Parameter]
    public Guid? RuleId { get; set; }

    /// <summary>What the inputs hold; changed in place.</summary>
    [Parameter, EditorRequired]
    public RuleDraft Draft { get; set; } = default!;

    [Parameter, EditorRequired]
    public IReadOnlyList<ConnectionDetails> Connections { get; set; } = [];

    [Parameter, EditorRequired]
    public EventCallback OnSaved { get; set; }

    [Parameter, EditorRequired]
    public EventCallback OnCancel { get; set; }

    protected override async Task LoadAsync()
    {
        if (_hasStarted)
            return; // the page renders again for reasons of its own
        _hasStarted = true;
        await TryAsync();
    }

    private static IReadOnlyList<string> Changeable(ChangeVerb verb) =>
        [.. RuleFields.Changed.Where(f => (verb == ChangeVerb.Remove || f.CanSet) && (verb == ChangeVerb.Set || f.CanRemove)).Select(f => f.Name)];

    private Task PickAsync(Action change)
    {
        change();
        return ChangedAsync();
    }

    private Task ActAsync(RuleAction? action) => PickAsync(() => Draft.Action = action);

    private Task ScopeAsync(ChangeEventArgs chosen) => PickAsync(() => Draft.ConnectionId = Guid.TryParse(chosen.Value?.ToString(), out var id) ? id : null);

    private Task RouteAsync(Guid id, bool isOn) => PickAsync(() => _ = isOn ? Draft.RouteTo.Add(id) : Draft.RouteTo.Remove(id));

    private async Task ChangedAsync()
    {
        var mine = ++_version;
        _isTrying = true;
        StateHasChanged();
        await Task.Delay(Typing, clock, Closed).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing | ConfigureAwaitOptions.ContinueOnCapturedContext);
        if (mine == _version && !Closed.IsCancellationRequested)
            await TryAsync();
    }

    private async Task TryAsync()
    {
        var mine = ++_version;
        _isTrying = true;
        Error? refused = null;
        var trial = new FilterRuleTrial(Draft.Values(), RuleId);
        var answer = await QueryAsync(async (caller, cancel) =>
        {
            var tried = await previews.RunAsync(caller, WebsiteId, trial, cancel);
            refused = tried.Error is { Kind: ErrorKind.Invalid } error ? error : null;
            return tried;
        });
        if (mine != _version)
            return; // something was typed meanwhile
        _isTrying = false;
        _incomplete = refused?.Message;
        if (refused is null)
            _preview = answer;
        if (answer.Value is { } preview)
        {
            (_seen, _eventNames) = (preview.Fields, preview.EventNames);
            _errors.Take(null);
        }
    }

    private async Task SaveAsync()
    {
        _isBusy = true;
        var values = Draft.Values();
        var saved = await DoAsync((caller, cancel) => RuleId is { } id ? rules.ReplaceAsync(caller, WebsiteId, id, values, cancel) : rules.CreateAsync(caller, WebsiteId, values, cancel),
            $"{Draft.Name} is saved", _errors);
        _isBusy = false;
        if (saved is not null)
            await OnSaved.InvokeAsync();
    }
}
