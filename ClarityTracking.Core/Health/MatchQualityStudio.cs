using System.Text.Json;
using ClarityTracking.Core.Connections;
using ClarityTracking.Core.Data;
using ClarityTracking.Core.Destinations;
using ClarityTracking.Core.Ingestion.Store;
using ClarityTracking.Core.Reports;
using ClarityTracking.Core.Tenancy;
using Microsoft.EntityFrameworkCore;

namespace ClarityTracking.Core.Health;

/// <summary>What to look at.</summary>
/// <param name="ConnectionId">A destination; null = the first that is on, one with a score of its own before others.</param>
/// <param name="EventName">Our name of an event; null = the most valuable one that the destination gets.</param>
/// <param name="Days">Length of the history, 1 to <see cref="MatchQualityStudio.MostDays"/>.</param>
/// <param name="Stack">What the website is made with (see <see cref="KeyAdvice.Stacks"/>); null = anything.</param>
public sealed record StudioQuestion(Guid? ConnectionId = null, string? EventName = null, int Days = 30, string? Stack = null);

/// <summary>Match quality of one event at one destination.</summary>
/// <param name="Connections">Destinations that match persons, to choose from.</param>
/// <param name="Events">Events of the asked days, to choose from, the most valuable first.</param>
/// <param name="ConnectionId">Looked at; null = there is none, and Meta's rules are taken.</param>
/// <param name="Platform">Key of the contract.</param>
/// <param name="PlatformName">As people write it.</param>
/// <param name="EventName">Looked at; null = there was no event.</param>
/// <param name="PlatformEventName">The platform's name of it; null = this connection does not send it.</param>
/// <param name="From">The estimate is of the hours since then (UTC).</param>
/// <param name="To">Now (UTC).</param>
/// <param name="Counted">Events of these hours that ad platforms may get: no tests, no bots, nobody who refused.</param>
/// <param name="Estimate">Ours; null where we have none for the platform, or nothing counted.</param>
/// <param name="Keys">What the platform takes, most telling first.</param>
/// <param name="Score">The platform's own.</param>
/// <param name="Days">Oldest first; days without events or score are left out.</param>
public sealed record QualityStudio(IReadOnlyList<StudioConnection> Connections, IReadOnlyList<StudioEvent> Events, Guid? ConnectionId, string Platform, string PlatformName,
    string? EventName, string? PlatformEventName, DateTimeOffset From, DateTimeOffset To, long Counted, StudioEstimate? Estimate, IReadOnlyList<StudioKey> Keys,
    StudioScore Score, IReadOnlyList<StudioDay> Days);

/// <summary>A destination to choose.</summary>
public sealed record StudioConnection(Guid Id, string Name, string Platform, bool Enabled);

/// <summary>An event to choose.</summary>
/// <param name="Name">Ours.</param>
/// <param name="Events">Received in the asked days, test ones not counted.</param>
public sealed record StudioEvent(string Name, long Events);

/// <summary>Our estimate. Not the platform's score, and shown as such.</summary>
/// <param name="Raw">By the formula, 0 to 10.</param>
/// <param name="Shown">Raw and <paramref name="Offset"/>.</param>
/// <param name="Offset">What the platform's own scores have taught; 0 without any.</param>
/// <param name="CalibratedDays">Scores the offset rests on.</param>
/// <param name="HasOwnWeights">The website set chances itself.</param>
/// <param name="Gains">What each missing key would add, most first.</param>
public sealed record StudioEstimate(decimal Raw, decimal Shown, decimal Offset, int CalibratedDays, bool HasOwnWeights, IReadOnlyList<StudioGain> Gains);

/// <summary>What a key would add if it were on every event.</summary>
/// <param name="Key">Name of the key.</param>
/// <param name="Label">As people say it.</param>
/// <param name="From">Shown now.</param>
/// <param name="To">Shown then.</param>
/// <param name="Gain">The difference.</param>
/// <param name="How">How to get it, for the asked stack.</param>
public sealed record StudioGain(string Key, string Label, decimal From, decimal To, decimal Gain, string How);

/// <summary>How often a key of the platform is there in a form it can use.</summary>
/// <param name="Key">Plain name; <c>GET events?without=</c> takes it and lists the events that lack it.</param>
/// <param name="Share">0 to 1; null when nothing counted.</param>
/// <param name="With">Events that have it.</param>
/// <param name="Without">Events that lack it.</param>
/// <param name="SeenByPlatform">The share that the platform itself reports, 0 to 1; null = it does not.</param>
public sealed record StudioKey(string Key, decimal? Share, long With, long Without, decimal? SeenByPlatform);

/// <summary>The platform's own score.</summary>
/// <param name="IsPublic">It tells one to programs at all.</param>
/// <param name="Name">What it calls it.</param>
/// <param name="Lag">How late it is and of which time.</param>
/// <param name="Fetch">How asking went the last time; null = never asked.</param>
/// <param name="Latest">Of this event, the newest of the asked days.</param>
/// <param name="Overall">Of all events together, for platforms that rate so.</param>
public sealed record StudioScore(bool IsPublic, string? Name, string? Lag, ScoreFetch? Fetch, StoredScore? Latest, StoredScore? Overall);

/// <summary>A day in the website's time zone.</summary>
/// <param name="Day">The day.</param>
/// <param name="Counted">Events of the 48 hours until its end.</param>
/// <param name="Raw">The estimate of these hours; null where there is none.</param>
/// <param name="Shown">With what was known until then of the platform's own scores.</param>
/// <param name="PlatformScore">What the platform told on that day.</param>
/// <param name="Verdict">Its word.</param>
/// <param name="Shares">By key, 0 to 1.</param>
public sealed record StudioDay(DateOnly Day, long Counted, decimal? Raw, decimal? Shown, decimal? PlatformScore, string? Verdict, IReadOnlyDictionary<string, decimal> Shares);

/// <summary>Answers how good the match keys of an event are, over time, and what would make them better. The formula is in docs/match-quality.md.</summary>
public sealed class MatchQualityStudio(ClarityDb database, DestinationCatalog catalog, PlatformScoreQueries scores, TimeProvider clock)
{
    /// <summary>Longest history.</summary>
    public const int MostDays = 90;

    /// <summary>Scores of this time calibrate; older ones would weigh next to nothing.</summary>
    internal const int CalibrationDays = 30;

    private const string WithoutConnection = "meta";

    /// <summary>Looks.</summary>
    public async Task<Result<QualityStudio>> GetAsync(Caller caller, Guid websiteId, StudioQuestion question, CancellationToken cancel)
    {
        await using var db = database.For(caller);
        var found = await db.WebsiteAsync(caller, websiteId, Role.Viewer, cancel);
        if (!found.IsOk)
            return found.Error;
        if (question.Days is < 1 or > MostDays)
            return Error.Invalid(new FieldError("days", $"days must be from 1 to {MostDays}."));
        var website = found.Value;
        var now = clock.GetUtcNow();
        var since = now.AddDays(-question.Days);

        var connections = (await db.Connections.AsNoTracking().Where(c => c.WebsiteId == websiteId).OrderBy(c => c.Name).ThenBy(c => c.Id).ToListAsync(cancel))
            .FindAll(c => catalog.Find(c.Platform) is { } d && d.MatchKeysFor(Blank(website, "page_view", now)).Count > 0);
        var connection = question.ConnectionId is { } asked ? connections.Find(c => c.Id == asked)
            : connections.OrderByDescending(c => c.Enabled).ThenByDescending(c => scores.ReaderOf(c.Platform) is not null).FirstOrDefault();
        if (connection is null && question.ConnectionId is not null)
            return Error.NotFound("connection");
        var destination = catalog.Find(connection?.Platform ?? WithoutConnection)!;
        var reader = connection is null ? null : scores.ReaderOf(connection.Platform);
        var settings = JsonElement.Parse(connection?.Settings ?? "{}");

        var seen = await db.EventRollups.AsNoTracking().Where(r => r.WorkspaceId == website.WorkspaceId && r.WebsiteId == websiteId && r.Hour >= since && !r.IsTest)
            .GroupBy(r => r.Name).Select(g => new { Name = g.Key, Events = g.Sum(r => r.Events) }).ToListAsync(cancel);
        var events = seen.OrderBy(e => EventWorth.Rank(e.Name)).ThenByDescending(e => e.Events).ThenBy(e => e.Name, StringComparer.Ordinal).Select(e => new StudioEvent(e.Name, e.Events)).ToList();
        var name = question.EventName ?? events.Find(e => reader is null || reader.NameOf(e.Name, settings) is not null)?.Name;
        var platformName = name is null ? null : reader?.NameOf(name, settings);

        // own events that the platform knows as one are rated by it as one
        List<string> together = name is null ? [] : platformName is null ? [name] : [.. events.Select(e => e.Name).Append(name).Distinct().Where(n => reader!.NameOf(n, settings) == platformName)];
        var calibrateFrom = now.AddDays(-Math.Max(question.Days, CalibrationDays));
        var history = await KeyHistory.LoadAsync(db, website, together, RollupWriter.HourOf(calibrateFrom) - KeyHistory.Window, cancel);
        var chances = await MatchQualityWeights.OwnAsync(db, website, cancel);
        var rows = connection is null || reader is null || platformName is null ? []
            : await PlatformScoreQueries.RowsAsync(db, connection, reader, DateOnly.FromDateTime(calibrateFrom.UtcDateTime), DateOnly.FromDateTime(now.UtcDateTime), cancel, platformName);
        var ofEvent = rows.Where(r => r.IsOf(platformName!)).OrderBy(r => r.FetchedAt).ToList();
        var pairs = ofEvent.Where(r => r.Score is not null).Select(r => (r.FetchedAt, Pair: history.Pair(together, r.Score!.Value, r.FetchedAt, chances))).ToList();

        var keyNames = destination.MatchKeysFor(Blank(website, name ?? "page_view", now));
        var hasEstimate = keyNames.Contains("fbc"); // the estimate is of Meta's score
        var end = RollupWriter.HourOf(now).AddHours(1);
        var current = history.Between(name is null ? [] : [name], end - KeyHistory.Window, end);
        var latest = ofEvent.LastOrDefault(r => r.FetchedAt >= since)?.Stored;
        var overall = rows.FirstOrDefault(r => r.EventName.Length == 0 && r.FetchedAt >= since)?.Stored;
        return new QualityStudio(
            [.. connections.Select(c => new StudioConnection(c.Id, c.Name, c.Platform, c.Enabled))], events, connection?.Id, destination.Info.Platform, destination.Info.DisplayName,
            name, reader is null ? name : platformName, end - KeyHistory.Window, now, current.Events,
            hasEstimate && current.Events > 0 ? EstimateOf(current.Shares, chances, Calibration.Of(pairs.Select(p => p.Pair)), question.Stack) : null,
            [.. keyNames.Select(key => KeyOf(key, current, website, latest))],
            new StudioScore(reader is not null, reader?.ScoreName, reader?.Lag, connection is null || reader is null ? null : await PlatformScoreQueries.FetchAsync(db, connection, cancel), latest, overall),
            [.. Days(history, website, name, since, now, hasEstimate, chances, keyNames, ofEvent, pairs)]);
    }

    private static StudioEstimate EstimateOf(IReadOnlyDictionary<string, decimal> shares, IReadOnlyDictionary<string, decimal> chances, Calibration calibration, string? stack)
    {
        var raw = MatchQuality.Estimate(shares, chances);
        var shown = raw.Shifted(calibration.Rounded);
        return new(raw.Score, shown.Score, calibration.Rounded, calibration.Days, chances.Count > 0,
            [.. shown.Gains.Where(g => g.Gain > 0).Select(g => new StudioGain(g.Key, g.Label, shown.Score, g.To, g.Gain, KeyAdvice.HowToGet(g.Key, stack)))]);
    }

    private static StudioKey KeyOf(string platformKey, KeyShares current, Website website, StoredScore? latest)
    {
        var share = KeyCoverage.Share(platformKey, current.Shares, !website.PrivacyMode);
        var with = (long)Math.Round(share * current.Events);
        var key = KeyCoverage.PlainName(platformKey);
        return new(key, current.Events == 0 ? null : share, with, current.Events - with, latest?.Detail.Keys.FirstOrDefault(k => k.Key == key)?.Share);
    }

    private static IEnumerable<StudioDay> Days(KeyHistory history, Website website, string? name, DateTimeOffset since, DateTimeOffset now, bool hasEstimate,
        IReadOnlyDictionary<string, decimal> chances, IReadOnlyList<string> keyNames, List<ScoreRow> told, List<(DateTimeOffset FetchedAt, ScorePair Pair)> pairs)
    {
        if (name is null)
            yield break;
        var zone = TimeZoneInfo.TryFindSystemTimeZoneById(website.TimeZone, out var own) ? own : TimeZoneInfo.Utc;
        var (calibration, used) = (Calibration.None, 0);
        var today = DayOf(now);
        for (var day = DayOf(since); day <= today; day = day.AddDays(1))
        {
            var end = StartOf(day.AddDays(1));
            for (; used < pairs.Count && pairs[used].FetchedAt < end; used++)
                calibration = calibration.With(pairs[used].Pair);
            var shares = history.Between([name], end - KeyHistory.Window, end);
            var score = told.LastOrDefault(r => DayOf(r.FetchedAt) == day);
            if (shares.Events == 0 && score is null)
                continue;
            var raw = hasEstimate && shares.Events > 0 ? MatchQuality.Estimate(shares.Shares, chances) : null;
            yield return new StudioDay(day, shares.Events, raw?.Score, raw?.Shifted(calibration.Rounded).Score, score?.Score, score?.Verdict,
                keyNames.ToDictionary(KeyCoverage.PlainName, key => decimal.Round(KeyCoverage.Share(key, shares.Shares, !website.PrivacyMode), 4)));
        }

        DateOnly DayOf(DateTimeOffset at) => DateOnly.FromDateTime(TimeZoneInfo.ConvertTime(at, zone).DateTime);

        // a day that begins in the hour that summer time leaves out begins an hour later
        DateTimeOffset StartOf(DateOnly day)
        {
            var midnight = day.ToDateTime(TimeOnly.MinValue);
            return new DateTimeOffset(midnight, zone.GetUtcOffset(zone.IsInvalidTime(midnight) ? midnight.AddHours(1) : midnight));
        }
    }

    /// <summary>An event of that name that carries nothing: which keys a platform takes depends on nothing else here.</summary>
    private static Event Blank(Website website, string name, DateTimeOffset now) => new()
    {
        WorkspaceId = website.WorkspaceId,
        WebsiteId = website.Id,
        Id = Guid.Empty,
        EventId = "",
        Name = name,
        Source = EventSource.Browser,
        OccurredAt = now,
        ReceivedAt = now,
    };
}
