using ClarityTracking.Core;
using ClarityTracking.Core.Connections;
using ClarityTracking.Core.Routing;
using ClarityTracking.Core.Tenancy;
using ClarityTracking.Web.Components.Shared;
using Microsoft.AspNetCore.Components;

namespace ClarityTracking.Web.Components.Pages.Rules;

/// <summary>A website's filter rules in their order. The editor takes the list's place and has an address of its own.</summary>
public sealed partial class RulesPage(FilterRuleService rules, ConnectionService connections, TimeProvider clock)
{
    private static readonly TimeSpan UndoFor = TimeSpan.FromSeconds(10);

    private FilterRuleDetails? _deleted;
    private bool _isBusy;
    private (string? Open, string? Template, RuleDraft? Draft) _opened;

    /// <summary><c>new</c> or a rule's id.</summary>
    [SupplyParameterFromQuery(Name = "open")]
    private string? Open { get; set; }

    /// <summary>Key of the template that a new rule begins with.</summary>
    [SupplyParameterFromQuery(Name = "template")]
    private string? Template { get; set; }

    private sealed record Site(IReadOnlyList<FilterRuleDetails> Rules, IReadOnlyList<ConnectionDetails> Connections);

    private LoadState<Site> Loaded { get; set; } = new();

    private string? Answer
    {
        get
        {
            if (Loaded.Value is not { Rules: { Count: > 0 } all, Connections: var to })
                return null;
            var on = all.Count(r => r.Enabled);
            return on == 0 ? "All rules are switched off: every connection gets all events that its platform takes and consent allows."
                : $"{Words.Count(on, "rule")} {(on == 1 ? "decides" : "decide")} what reaches your {Words.Count(to.Count, "connection")}.";
        }
    }

    private (Guid? RuleId, RuleDraft Draft)? Opened => _opened.Draft is { } draft ? (Guid.TryParse(_opened.Open, out var id) ? id : null, draft) : null;

    protected override async Task LoadAsync()
    {
        Loaded = await QueryAsync(async (caller, cancel) =>
        {
            var list = await rules.ListAsync(caller, WebsiteId, cancel);
            if (!list.IsOk)
                return list.Error;
            var to = await connections.ListAsync(caller, WebsiteId, cancel);
            // sources get nothing, so no rule is about them
            return to.IsOk ? new Site(list.Value, [.. to.Value.Where(c => c.WebhookUrl is null)]) : (Result<Site>)to.Error;
        });
        if (_opened.Open != Open || _opened.Template != Template || (Open is not null && _opened.Draft is null))
            _opened = (Open, Template, Loaded.Value is { } site ? DraftOf(site) : null);
    }

    private RuleDraft? DraftOf(Site site) => Open == "new"
        ? RuleTemplate.All.FirstOrDefault(t => t.Key == Template)?.Make(site.Connections) ?? new RuleDraft { When = new() { Parts = [new DraftRow()] } }
        : site.Rules.FirstOrDefault(r => r.Id.ToString() == Open) is { } rule ? Read(rule) : null;

    /// <summary>The rule for its inputs; null when a later version wrote it.</summary>
    private static RuleDraft? Read(FilterRuleDetails rule)
    {
        try
        {
            return RuleDraft.Of(rule);
        }
        catch (Exception error) when (error is InvalidOperationException or KeyNotFoundException or FormatException)
        {
            return null;
        }
    }

    private string EffectOf(FilterRuleDetails rule) => Read(rule) is { } draft ? RuleWords.Effect(draft, Loaded.Value!.Connections) : "This version cannot read the rule.";

    private static string WhenOf(FilterRuleDetails rule) => Read(rule) is { } draft ? RuleWords.When(draft.When) : "";

    private void Close() => Filter(("open", null), ("template", null));

    private static FilterRuleValues ValuesOf(FilterRuleDetails rule) => new(rule.Name, rule.Priority, rule.ConnectionId, rule.Enabled, rule.When, rule.Then);

    private Task<bool> SwitchAsync(FilterRuleDetails rule) => ChangeAsync(
        (caller, cancel) => rules.ReplaceAsync(caller, WebsiteId, rule.Id, ValuesOf(rule) with { Enabled = !rule.Enabled }, cancel),
        rule.Enabled ? $"{rule.Name} is switched off" : $"{rule.Name} is switched on");

    /// <summary>Off, so that a copy does nothing before it was made another; of the same priority, so that it comes right after.</summary>
    private Task<bool> DuplicateAsync(FilterRuleDetails rule)
    {
        var name = $"{(rule.Name.Length > 190 ? rule.Name[..190] : rule.Name)} (copy)";
        return ChangeAsync((caller, cancel) => rules.CreateAsync(caller, WebsiteId, ValuesOf(rule) with { Name = name, Enabled = false }, cancel), $"{name} is switched off until you want it");
    }

    private Task<bool> MoveAsync(int place, int by)
    {
        var order = Loaded.Value!.Rules.Select(r => r.Id).ToList();
        (order[place], order[place + by]) = (order[place + by], order[place]);
        return ChangeAsync((caller, cancel) => rules.OrderAsync(caller, WebsiteId, order, cancel), null);
    }

    private async Task DeleteAsync(FilterRuleDetails rule)
    {
        if (!await ChangeAsync((caller, cancel) => rules.DeleteAsync(caller, WebsiteId, rule.Id, cancel), null))
            return;
        _deleted = rule;
        StateHasChanged();
        await Task.Delay(UndoFor, clock, Closed).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing | ConfigureAwaitOptions.ContinueOnCapturedContext);
        if (_deleted == rule)
            _deleted = null;
    }

    private async Task UndoAsync()
    {
        if (_deleted is not { } rule)
            return;
        _deleted = null;
        await ChangeAsync((caller, cancel) => rules.CreateAsync(caller, WebsiteId, ValuesOf(rule), cancel), $"{rule.Name} is back");
    }

    private async Task<bool> ChangeAsync<T>(Func<Caller, CancellationToken, Task<Result<T>>> change, string? done)
    {
        _isBusy = true;
        var result = await DoAsync(change, done);
        await LoadAsync();
        _isBusy = false;
        return result is not null;
    }
}
