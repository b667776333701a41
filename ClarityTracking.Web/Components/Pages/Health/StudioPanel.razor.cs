using System.Globalization;
using ClarityTracking.Core.Health;
using ClarityTracking.Core.Tenancy;
using ClarityTracking.Web.Components.Charts;
using ClarityTracking.Web.Components.Shared;
using Microsoft.AspNetCore.Components;

namespace ClarityTracking.Web.Components.Pages.Health;

/// <summary>Match quality of one event at one destination: the answer, what it rests on, and what changes it.</summary>
public sealed partial class StudioPanel(MatchQualityStudio studio, PlatformScoreFetcher fetcher, MyWebsites mine)
{
    internal const string ConnectionName = "connection", EventParameter = "event", DaysName = "days", StackName = "stack";

    private static readonly int[] Lengths = [7, 30, 90];

    private static readonly (string Key, string Label)[] StackNames =
        [("html", "HTML"), ("gtm", "Tag Manager"), ("wordpress", "WordPress"), ("shopify", "Shopify"), ("nextjs", "React / Next.js"), ("http", "Server")];

    /// <summary>Colours of lines that are keys; more lines than these could not be told apart.</summary>
    private static readonly string[] KeyColours = ["accent", "info", "google", "pinterest", "text", "faint"];

    private bool _isFetching;

    /// <summary>From the address: which destination.</summary>
    [Parameter]
    public string? Connection { get; set; }

    /// <summary>Our name of the event.</summary>
    [Parameter]
    public string? Event { get; set; }

    [Parameter]
    public int? Days { get; set; }

    [Parameter]
    public string? Stack { get; set; }

    private LoadState<QualityStudio> Studio { get; set; } = new();

    private bool MayFetch => mine.All.FirstOrDefault(w => w.Id == WebsiteId) is { Role: >= Role.Analyst };

    private string EmptyText => $"Which keys each event carries, and what they are worth, will be here. No event came in the last {LengthOf(Days)} days that could be shown.";

    protected override async Task LoadAsync()
    {
        Guid? connection = Guid.TryParse(Connection, out var id) ? id : null;
        var question = new StudioQuestion(connection, string.IsNullOrWhiteSpace(Event) ? null : Event, LengthOf(Days), Stack ?? "html");
        Studio = await QueryAsync((caller, cancel) => studio.GetAsync(caller, WebsiteId, question, cancel));
    }

    private static int LengthOf(int? days) => days is { } asked && Lengths.Contains(asked) ? asked : 30;

    private void Choose(string name, object? value) => Filter((name, value?.ToString()));

    private async Task FetchAsync()
    {
        if (Studio.Value?.ConnectionId is not { } connection || _isFetching)
            return;
        _isFetching = true;
        // a refusal of the platform is shown where the score would be
        await DoAsync((caller, cancel) => fetcher.FetchAsync(caller, WebsiteId, connection, cancel));
        _isFetching = false;
        await LoadAsync();
    }

    private static string Answer(QualityStudio s)
    {
        var name = $"{EventWords.Name(s.EventName!)} at {s.PlatformName}";
        if (s.ConnectionId is not null && s.PlatformEventName is null)
            return $"{EventWords.Name(s.EventName!)} is not sent to {s.PlatformName}: the connection does not map it.";
        var own = s.Score switch
        {
            { Latest: { Score: { } score } told } => $" {s.PlatformName} itself says {Number(score)}, as told on {told.Day.ToString("d MMMM", CultureInfo.InvariantCulture)}.",
            { Overall: { Verdict: not "unknown" } told } => $" {s.PlatformName} itself rates all events together as {StatusWords.Verdict(told.Verdict).ToLowerInvariant()}.",
            { Fetch.Outcome: "failed" } => $" {s.PlatformName} would not tell its own score.",
            _ => "",
        };
        if (s.Estimate is { } estimate)
        {
            // a click id cannot be asked for: who came without an ad has none
            var best = estimate.Gains.FirstOrDefault(g => g.Gain >= .1m && g.Key != "fbc");
            return $"{name}: {Number(estimate.Shown)} of 10 by our estimate.{own}{(best is null ? "" : $" {best.Label} on every event would make it {Number(best.To)}.")}";
        }
        if (s.Counted == 0)
            return $"{name}: nothing to go by came in the last 48 hours.{own}";
        var best3 = s.Keys.Where(k => k.Share > 0).OrderByDescending(k => k.Share).Take(3).Select(k => $"{EventWords.Key(k.Key)} {Words.Percent((double?)k.Share)}");
        return $"{name}: {(string.Join(", ", best3) is { Length: > 0 } text ? text : "no usable key")} of {Words.Count(s.Counted, "event")}.{own}";
    }

    private static bool HasSeen(QualityStudio s) => s.Keys.Any(k => k.SeenByPlatform is not null);

    private static List<string> Labels(QualityStudio s) => [.. s.Days.Select(d => d.Day.ToString("d MMM", CultureInfo.InvariantCulture))];

    private static List<TimeChart.Line> ScoreLines(QualityStudio s)
    {
        var lines = new List<TimeChart.Line>();
        if (s.Days.Any(d => d.Shown is not null))
            lines.Add(new("Our estimate", [.. s.Days.Select(d => d.Shown)], "accent"));
        if (s.Days.Any(d => d.PlatformScore is not null))
        {
            lines.Add(new($"{s.PlatformName}'s own score", [.. s.Days.Select(d => d.PlatformScore)], "info"));
            lines.Add(new("Estimate before calibration", [.. s.Days.Select(d => d.Raw)], "faint", IsDashed: true));
        }
        return lines;
    }

    /// <summary>The keys that tell the most; the others are in the table of keys.</summary>
    private static List<TimeChart.Line> KeyLines(QualityStudio s) =>
        [.. s.Keys.Take(KeyColours.Length).Select((key, i) => new TimeChart.Line(Words.Sentence(EventWords.Key(key.Key)),
            [.. s.Days.Select(d => d.Counted == 0 ? null : (decimal?)(d.Shares.GetValueOrDefault(key.Key) * 100))], KeyColours[i]))];

    /// <summary>The events that lack a key.</summary>
    private string Rows(string key) => $"{To("events")}?name={Uri.EscapeDataString(Studio.Value!.EventName!)}&without={Uri.EscapeDataString(key)}&period=48h";

    private static string Number(decimal score) => score.ToString("0.0", CultureInfo.InvariantCulture);
}
