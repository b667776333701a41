using ClarityTracking.Core.Health.Volume;
using ClarityTracking.Web.Components.Shared;
using Microsoft.AspNetCore.Components;

namespace ClarityTracking.Web.Components.Pages.Volume;

/// <summary>Does as much come as usual, how fresh is it, who has fallen silent, and what share of visits is told at all.</summary>
public sealed partial class VolumePage(VolumeQueries volumes, FreshnessQueries freshness, SilenceQueries silences, CaptureQueries captures)
{
    internal const string NameParameter = "name", DaysParameter = "days";

    private static readonly TimeSpan Refresh = TimeSpan.FromSeconds(30);
    private bool _isPolling;

    [SupplyParameterFromQuery(Name = NameParameter)]
    private string? Name { get; set; }

    [SupplyParameterFromQuery(Name = DaysParameter)]
    private int? Days { get; set; }

    private LoadState<WebsiteSilence> Silence { get; set; } = new();

    private LoadState<WebsiteVolume> Volume { get; set; } = new();

    private LoadState<WebsiteFreshness> Freshness { get; set; } = new();

    private LoadState<WebsiteCapture> Capture { get; set; } = new();

    private string? Answer
    {
        get
        {
            if (!Silence.IsLoaded || Volume.Value is not { } volume)
                return null;
            if (volume.Names.Count == 0)
                return LastBrowser(Silence.Value!) is null && Silence.Value!.Seen.Count == 0 ? "No event has come yet." : "The first events have come. What is usual at an hour of the week is known after two weeks.";
            if (Silence.Value!.IsSilent)
                return $"The snippet is silent: its last event came {Words.Ago(LastBrowser(Silence.Value) ?? Viewer.Now, Viewer.Now)}{(Silence.Value.UsualGapSeconds is { } gap ? $", and usually one comes every {Words.Span(TimeSpan.FromSeconds(gap))}" : "")}.";
            var findings = volume.Now.Where(n => n.IsFinding).ToList();
            if (findings.Count > 0)
                return string.Join(" ", findings.Select(VolumeWords.Finding));
            if (volume.At is null)
                return "Counting lags behind, so what comes cannot be compared with what is usual.";
            if (volume.Now.FirstOrDefault(n => n.Name is null && n.Source is null)?.LearningUntil is { } until)
                return $"Learning until {until.UtcDateTime:d MMMM}: what is usual at an hour of the week is known after two weeks.";
            return "As much comes as usual at this hour of the week.";
        }
    }

    protected override async Task LoadAsync()
    {
        await ReadAsync();
        if (_isPolling)
            return;
        _isPolling = true;
        _ = PollAsync(Refresh, async () =>
        {
            Silence = await QueryAsync((caller, cancel) => silences.GetAsync(caller, WebsiteId, cancel));
            StateHasChanged();
        });
    }

    private async Task ReadAsync()
    {
        var from = Viewer.Now.AddDays(-LengthOf(Days));
        Silence = await QueryAsync((caller, cancel) => silences.GetAsync(caller, WebsiteId, cancel));
        Volume = await QueryAsync((caller, cancel) => volumes.GetAsync(caller, WebsiteId, Name, from, null, cancel));
        Freshness = await QueryAsync((caller, cancel) => freshness.GetAsync(caller, WebsiteId, from, null, cancel));
        Capture = await QueryAsync((caller, cancel) => captures.GetAsync(caller, WebsiteId, null, null, cancel));
    }

    private static int LengthOf(int? days) => days is 2 or 28 ? days.Value : 7;

    private static DateTimeOffset? LastBrowser(WebsiteSilence silence) => silence.Seen.Where(s => s.Source == "browser").Select(s => (DateTimeOffset?)s.At).Max();

    private static string Seconds(double? seconds) => VolumeWords.Seconds(seconds);
}
