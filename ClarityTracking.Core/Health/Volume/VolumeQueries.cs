using ClarityTracking.Core.Data;
using ClarityTracking.Core.Reports;
using ClarityTracking.Core.Tenancy;
using Microsoft.EntityFrameworkCore;
using Npgsql;

namespace ClarityTracking.Core.Health.Volume;

/// <summary>An hour of a series.</summary>
/// <param name="At">Its begin (UTC).</param>
/// <param name="Events">Events that came; of the hour that runs, so far.</param>
/// <param name="Usual">What usually comes; null while too little is known. Of the hour that runs, the part that has passed.</param>
/// <param name="Low">Below it is remarkable.</param>
/// <param name="High">Above it is remarkable.</param>
public sealed record VolumePoint(DateTimeOffset At, long Events, double? Usual, double? Low, double? High);

/// <summary>How a series stands now.</summary>
/// <param name="Name">Event name; null = all.</param>
/// <param name="Source">Word of the source; null = all.</param>
/// <param name="State"><c>learning</c>, <c>quiet</c> (too little usually comes to tell), <c>usual</c>, <c>drop</c> or <c>surge</c>.</param>
/// <param name="Percent">By how much less, or more.</param>
/// <param name="Events">What came in the time that says so.</param>
/// <param name="Usual">What usually comes in it.</param>
/// <param name="Minutes">How long it is.</param>
/// <param name="LastEventAt">The newest of the last hour (UTC).</param>
/// <param name="LearningUntil">When two weeks are known (UTC).</param>
/// <param name="SilenceSeenAfterSeconds">How long nothing at all must come now until it is no chance; null where more than a day.</param>
/// <param name="PerMinute">What usually comes in a minute now.</param>
/// <param name="IsFinding">Told as something to look at; false for what another series explains.</param>
public sealed record VolumeStanding(string? Name, string? Source, string State, double Percent, double Events, double Usual, double Minutes, DateTimeOffset? LastEventAt,
    DateTimeOffset? LearningUntil, double? SilenceSeenAfterSeconds, double PerMinute, bool IsFinding);

/// <summary>Volume of a website.</summary>
/// <param name="From">UTC, whole hour.</param>
/// <param name="To">UTC, not included.</param>
/// <param name="Name">Event name of the points; null = all.</param>
/// <param name="At">Up to when everything is counted (UTC); null when counting lags behind, so that nothing can be told.</param>
/// <param name="LearningUntil">When two weeks of it are known (UTC); null when they are.</param>
/// <param name="Tolerance">By how much its level varies without anything being wrong, as a share.</param>
/// <param name="Weeks">Weeks that usual is made of.</param>
/// <param name="Names">Event names there are, the most frequent first.</param>
/// <param name="Now">How each series stands, findings first.</param>
/// <param name="Points">By hour.</param>
public sealed record WebsiteVolume(DateTimeOffset From, DateTimeOffset To, string? Name, DateTimeOffset? At, DateTimeOffset? LearningUntil, double Tolerance, int Weeks,
    IReadOnlyList<string> Names, IReadOnlyList<VolumeStanding> Now, IReadOnlyList<VolumePoint> Points);

/// <summary>What came against what usually comes.</summary>
public sealed class VolumeQueries(ClarityDb database, VolumeMonitor monitor, TimeProvider clock)
{
    /// <summary>Longest time asked for at once.</summary>
    public const int MostDays = 35;

    private static readonly TimeSpan Before = TimeSpan.FromDays(7 * UsualVolume.MostWeeks + 1);

    /// <summary>Volume of an event name, or of all events, by hour; the last seven days when no time is named.</summary>
    public async Task<Result<WebsiteVolume>> GetAsync(Caller caller, Guid websiteId, string? name, DateTimeOffset? from, DateTimeOffset? to, CancellationToken cancel)
    {
        await using var db = database.For(caller);
        var found = await db.WebsiteAsync(caller, websiteId, Role.Viewer, cancel);
        if (!found.IsOk)
            return found.Error;
        var now = clock.GetUtcNow();
        if (VolumePeriod.Of(from, to, TimeSpan.FromDays(7), MostDays, now) is not { } period)
            return VolumePeriod.Error(MostDays);
        var website = found.Value;
        await db.Database.OpenConnectionAsync(cancel);
        var connection = (NpgsqlConnection)db.Database.GetDbConnection();
        var running = RollupWriter.HourOf(now);
        var end = period.To < running ? period.To : running;
        var all = await VolumeMonitor.HistoryAsync(connection, website.WorkspaceId, websiteId, RollupWriter.HourOf(period.From - Before), end < period.From ? period.From : end, cancel);
        var stands = await monitor.ReadAsync(connection, website.WorkspaceId, websiteId, website.TimeZone, now, cancel);
        var key = new SeriesKey(string.IsNullOrWhiteSpace(name) ? null : name, null);
        var usual = all.TryGetValue(key, out var history)
            ? new UsualVolume(history, new SameHours(VolumeMonitor.ZoneOf(website.TimeZone)), stands?.Series.GetValueOrDefault(key)?.Usual.Dispersion ?? VolumeDispersion.Unknown, period.From) : null;
        var soFar = await SoFarAsync(connection, website, key.Name, running, cancel);
        var points = new List<VolumePoint>();
        for (var hour = period.From; hour < period.To && hour <= running; hour = hour.AddHours(1))
            points.Add(Point(hour, hour == running ? soFar : (long)(history?.At(hour) ?? 0), usual, hour == running ? (now - running).TotalHours : 1));
        var names = all.Where(s => s.Key is { Name: not null, Source: null }).OrderByDescending(s => s.Value.Counts.TakeLast(168).Sum()).Select(s => s.Key.Name!).ToList();
        return new WebsiteVolume(period.From, period.To, key.Name, stands?.At, usual?.LearningUntil, usual?.Tolerance ?? 0, usual?.Weeks ?? 0, names, Standings(stands), points);
    }

    private static VolumePoint Point(DateTimeOffset hour, long events, UsualVolume? usual, double part)
    {
        var band = usual?.LearningUntil is null ? usual?.Band(hour) : null;
        return new VolumePoint(hour, events, band is null ? null : Math.Round(usual!.At(hour)!.Value * part, 1), Rounded(band?.Low * part), Rounded(band?.High * part));
    }

    private static double? Rounded(double? value) => value is { } v ? Math.Round(v, 1) : null;

    internal static IReadOnlyList<VolumeStanding> Standings(VolumeNow? stands) => stands is null ? [] :
    [
        .. from series in stands.Series.Values
           let finding = stands.Findings.FirstOrDefault(f => f.Series.Key == series.Key)
           let verdict = finding?.Verdict ?? series.Verdict
           where series.Key.Name is null || series.Key.Source is null || finding is not null
           let rate = series.Usual.LearningUntil is null ? series.Usual.AtMinute(stands.At)?.ForDrop ?? 0 : 0
           orderby finding is null, series.Key.Name is null ? 0 : 1, series.Usual.At(RollupWriter.HourOf(stands.At)) ?? 0 descending
           select new VolumeStanding(series.Key.Name, series.Key.Source, verdict.State.Word(), Math.Round(verdict.Percent, 1), Math.Round(verdict.Window?.Observed ?? 0), Math.Round(verdict.Window?.Usual ?? 0, 1),
               Math.Round(verdict.Window?.Length.TotalMinutes ?? 0, 1), series.LastAt, series.Usual.LearningUntil, SeenAfter(series.Usual, rate), Math.Round(rate, 2), finding is not null)
    ];

    /// <summary>Seconds of silence until it is no chance, at a rate of events a minute.</summary>
    internal static double? SeenAfter(UsualVolume usual, double perMinute)
    {
        if (perMinute <= 0)
            return null;
        // the longer it takes, the more events come in sessions; two steps are enough
        var minutes = VolumeDetector.Certain * usual.Dispersion.Minute / (1 - usual.Tolerance) / perMinute;
        for (var i = 0; i < 3; i++)
            minutes = VolumeDetector.Certain * usual.Dispersion.Over(TimeSpan.FromMinutes(Math.Min(minutes, 1440))) / (1 - usual.Tolerance) / perMinute;
        return minutes > 1440 ? null : Math.Round(minutes * 60);
    }

    private static async Task<long> SoFarAsync(NpgsqlConnection connection, Website website, string? name, DateTimeOffset hour, CancellationToken cancel)
    {
        await using var command = new NpgsqlCommand(
            "SELECT coalesce(sum(events), 0)::bigint FROM volume_hours WHERE workspace_id = $1 AND website_id = $2 AND hour = $3 AND ($4::text IS NULL OR name = $4)", connection)
            .With(website.WorkspaceId, website.Id, hour, name);
        return (long)(await command.ExecuteScalarAsync(cancel))!;
    }
}
