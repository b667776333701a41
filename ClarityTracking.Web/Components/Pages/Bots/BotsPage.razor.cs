using ClarityTracking.Core;
using ClarityTracking.Core.Health.Bots;
using ClarityTracking.Core.Tenancy;
using ClarityTracking.Web.Components.Pages.Rules;
using ClarityTracking.Web.Components.Shared;
using Microsoft.AspNetCore.Components;

namespace ClarityTracking.Web.Components.Pages.Bots;

/// <summary>What was held back as bots and why, with a way back; and the website's own rules about bots.</summary>
public sealed partial class BotsPage(Quarantine quarantine, BotRuleService rules)
{
    private const string OpenName = "open", TemplateName = "template", PeriodName = "period";

    private (string Words, Func<Task<bool>> Do)? _undo;
    private string? _releasing;
    private bool _letThrough, _isBusy;
    private (string? Open, string? Template, BotRuleDraft? Draft) _opened;

    /// <summary><c>new</c> or a rule's id.</summary>
    [SupplyParameterFromQuery(Name = OpenName)]
    private string? Open { get; set; }

    [SupplyParameterFromQuery(Name = TemplateName)]
    private string? Template { get; set; }

    [SupplyParameterFromQuery(Name = PeriodName)]
    private string? Period { get; set; }

    private sealed record Site(QuarantineSummary Summary, IReadOnlyList<BotRuleDetails> Rules);

    private LoadState<Site> Loaded { get; set; } = new();

    private (Guid? RuleId, BotRuleDraft Draft)? Opened => _opened.Draft is { } draft ? (Guid.TryParse(_opened.Open, out var id) ? id : null, draft) : null;

    private string? Answer => Loaded.Value is not { Summary: var held } ? null
        : held.Bots == 0 ? $"Nothing was held back as a bot {Periods.InWords(Period)}."
        : $"{Words.Count(held.Bots)} of {Words.Count(Math.Max(held.Events, held.Bots), "event")} {Periods.InWords(Period)} {(held.Bots == 1 ? "was" : "were")} held back as bots, for {Words.Count(held.Groups.Count, "reason")}.";

    protected override async Task LoadAsync()
    {
        var from = Periods.From(Period, Viewer.Now);
        Loaded = await QueryAsync(async (caller, cancel) =>
        {
            var summary = await quarantine.SummaryAsync(caller, WebsiteId, from ?? DateTimeOffset.UnixEpoch, null, cancel);
            if (!summary.IsOk)
                return summary.Error;
            var all = await rules.ListAsync(caller, WebsiteId, cancel);
            return all.IsOk ? new Site(summary.Value, all.Value) : (Result<Site>)all.Error;
        });
        if (_opened.Open != Open || _opened.Template != Template || (Open is not null && _opened.Draft is null))
            _opened = (Open, Template, Open is null ? null : DraftOf());
    }

    private BotRuleDraft? DraftOf() => Open == "new"
        ? BotRuleDraft.Templates.FirstOrDefault(t => t.Key == Template).Make?.Invoke() ?? new BotRuleDraft()
        : Loaded.Value?.Rules.FirstOrDefault(r => r.Id.ToString() == Open) is { } rule ? BotRuleDraft.Of(rule) : null;

    private static string DetailOf(BotGroup group) => group.Reason.Contains(": ", StringComparison.Ordinal) ? group.Reason[(group.Reason.IndexOf(": ", StringComparison.Ordinal) + 2)..] : Capital(group.Reason);

    private static string Capital(string text) => text.Length == 0 ? text : char.ToUpperInvariant(text[0]) + text[1..];

    private static string WhenOf(BotRuleDetails rule) => RuleWords.When(RuleDraft.ReadGroup(rule.When));

    private string EventsOf(BotGroup group) => Navigation.GetUriWithQueryParameters(Navigation.ToAbsoluteUri(To("events")).ToString(),
        new Dictionary<string, object?> { ["bot"] = group.Reason, ["period"] = Periods.Key(Period) });

    private void Close() => Filter((OpenName, null), (TemplateName, null));

    private async Task ReleaseAsync(BotGroup group)
    {
        var from = Periods.From(Period, Viewer.Now) ?? DateTimeOffset.UnixEpoch;
        var rule = _letThrough ? BotRuleDraft.LetThrough(group) : null;
        BotRuleDetails? written = null;
        await ChangeAsync(async (caller, cancel) =>
        {
            if (rule is not null)
            {
                var created = await rules.CreateAsync(caller, WebsiteId, rule, cancel);
                if (!created.IsOk)
                    return created.Error;
                written = created.Value;
            }
            var released = await quarantine.ReviewAsync(caller, WebsiteId, new BotReview(IsBot: false, Reason: group.Reason, From: from), cancel);
            if (released is { IsOk: true, Value.ReviewId: { } reviewId })
                _undo = ($"{Words.Count(released.Value.Changed, "event")} released{(released.Value.More ? "; there are more, release again" : "")}.", () => ChangeAsync(async (again, stop) =>
                {
                    if (written is not null && await rules.DeleteAsync(again, WebsiteId, written.Id, stop) is { IsOk: false } kept)
                        return kept.Error!;
                    return await quarantine.UndoAsync(again, WebsiteId, reviewId, stop);
                }, "They are held back again"));
            return released;
        }, null);
        (_releasing, _letThrough) = (null, false);
    }

    private Task<bool> SwitchAsync(BotRuleDetails rule) => ChangeAsync(
        (caller, cancel) => rules.ReplaceAsync(caller, WebsiteId, rule.Id, new BotRuleValues(rule.Name, rule.Verdict, rule.When, !rule.Enabled), cancel),
        rule.Enabled ? $"{rule.Name} is switched off" : $"{rule.Name} is switched on");

    private async Task DeleteAsync(BotRuleDetails rule)
    {
        if (await ChangeAsync((caller, cancel) => rules.DeleteAsync(caller, WebsiteId, rule.Id, cancel), null))
            _undo = ($"{rule.Name} is deleted.", () => ChangeAsync(
                (caller, cancel) => rules.CreateAsync(caller, WebsiteId, new BotRuleValues(rule.Name, rule.Verdict, rule.When, rule.Enabled), cancel), $"{rule.Name} is back"));
    }

    private async Task UndoAsync()
    {
        if (_undo is not { } undo)
            return;
        _undo = null;
        await undo.Do();
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
