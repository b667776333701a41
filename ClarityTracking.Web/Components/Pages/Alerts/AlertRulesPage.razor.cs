using System.Globalization;
using ClarityTracking.Core.Alerts;
using ClarityTracking.Core.Tenancy;
using ClarityTracking.Web.Components.Shared;

namespace ClarityTracking.Web.Components.Pages.Alerts;

/// <summary>The rules of a website in plain words, and when its messages go out.</summary>
public sealed partial class AlertRulesPage(AlertRuleService service, WebsiteService websites)
{
    private static readonly string[] AllDays = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];
    private readonly FormErrors _errors = new();
    private readonly Dictionary<string, bool> _days = [];
    private IReadOnlyList<RuleInput> _inputs = [];
    private bool _isQuiet, _criticalAlways;
    private TimeOnly _quietFrom, _quietTo;

    private LoadState<AlertRules> Rules { get; set; } = new();

    private bool MayChange { get; set; }

    private string? Answer => Rules.Value is { } rules
        ? $"{rules.Items.Count(r => r.Enabled)} of {Words.Count(rules.Items.Count, "rule")} are on; they are measured every minute." : null;

    protected override async Task LoadAsync()
    {
        MayChange = (await QueryAsync((caller, cancel) => websites.GetAsync(caller, WebsiteId, cancel))).Value is { Role: >= Role.Admin };
        Rules = await QueryAsync((caller, cancel) => service.GetAsync(caller, WebsiteId, cancel));
        if (Rules.Value is { } rules)
            Take(rules);
    }

    private void Take(AlertRules rules)
    {
        _inputs = [.. rules.Items.Select(info => new RuleInput(info))];
        var schedule = rules.Schedule;
        foreach (var day in AllDays)
            _days[day] = schedule.Days?.Contains(day) ?? true;
        _isQuiet = schedule.QuietFrom is not null;
        _quietFrom = TimeOnly.Parse(schedule.QuietFrom ?? "22:00", CultureInfo.InvariantCulture);
        _quietTo = TimeOnly.Parse(schedule.QuietTo ?? "07:00", CultureInfo.InvariantCulture);
        _criticalAlways = schedule.CriticalAlways ?? true;
    }

    private async Task SaveAsync()
    {
        var values = new AlertRulesValues([.. _inputs.Select(input => input.ToValues())], new AlertScheduleValues(
            _isQuiet ? Text(_quietFrom) : null, _isQuiet ? Text(_quietTo) : null, [.. AllDays.Where(day => _days[day])], _criticalAlways));
        var saved = await DoAsync((caller, cancel) => service.ChangeAsync(caller, WebsiteId, values, cancel), "Saved", _errors);
        if (saved is null)
            return;
        Rules = LoadState.Of(saved.Value!);
        Take(saved.Value!);
    }

    private static string Text(TimeOnly time) => time.ToString("HH:mm", CultureInfo.InvariantCulture);

    /// <summary>A rule while it is edited.</summary>
    private sealed class RuleInput(AlertRuleInfo info)
    {
        public AlertRuleInfo Info => info;

        public bool Enabled { get; set; } = info.Enabled;

        public decimal Threshold { get; set; } = info.Threshold;

        public int RaiseAfter { get; set; } = info.RaiseAfterMinutes;

        public int ResolveAfter { get; set; } = info.ResolveAfterMinutes;

        /// <summary>The rule in words, with the threshold as it stands in the form.</summary>
        public string Sentence => info.Sentence.Replace("{0}", ThresholdText, StringComparison.Ordinal) + ".";

        private string ThresholdText => string.Create(CultureInfo.InvariantCulture, $"{Threshold:0.##} {(Threshold == 1 && info.Unit != "%" ? info.Unit.TrimEnd('s') : info.Unit)}");

        /// <summary>What differs from the defaults is stored; the rest follows them.</summary>
        public AlertRuleValues ToValues() => new(info.Kind, Enabled, Threshold == info.Defaults.Threshold ? null : Threshold,
            RaiseAfter == info.Defaults.RaiseAfterMinutes ? null : RaiseAfter, ResolveAfter == info.Defaults.ResolveAfterMinutes ? null : ResolveAfter);
    }
}
