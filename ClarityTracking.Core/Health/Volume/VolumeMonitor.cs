using System.Collections.Concurrent;
using ClarityTracking.Core.Data;
using ClarityTracking.Core.Reports;
using Npgsql;

namespace ClarityTracking.Core.Health.Volume;

/// <summary>How a website's volume stands.</summary>
/// <param name="At">Up to when everything is counted (UTC).</param>
/// <param name="Series">All series that are watched.</param>
/// <param name="Findings">What is not as usual, each told once.</param>
public sealed record VolumeNow(DateTimeOffset At, IReadOnlyDictionary<SeriesKey, VolumeSeries> Series, IReadOnlyList<VolumeFinding> Findings)
{
    /// <summary>A series; null when it is not watched.</summary>
    public VolumeSeries? Of(string? name, string? source = null) => Series.GetValueOrDefault(new SeriesKey(name, source));
}

/// <summary>
/// Reads a website's newest counts against what is usual. What is usual is made once an hour of nine weeks of hourly sums, and the medians of the hours
/// around now are kept in memory; each look in between reads an hour of minutes and a day of hours, however long the history is.
/// </summary>
public sealed class VolumeMonitor(NpgsqlDataSource database)
{
    /// <summary>Names that are watched each by itself, the most frequent ones; all others count in the totals.</summary>
    public const int MostNames = 40;

    /// <summary>What the router may not have counted yet.</summary>
    private static readonly TimeSpan Settling = TimeSpan.FromSeconds(2);

    /// <summary>Events that wait longer before the router leave nothing to judge by.</summary>
    private static readonly TimeSpan MostLag = TimeSpan.FromMinutes(2);

    private static readonly TimeSpan History = TimeSpan.FromDays(64);
    private readonly ConcurrentDictionary<Guid, (DateTimeOffset Hour, string Zone, Dictionary<SeriesKey, UsualVolume> Usual)> _usual = [];
    private (DateTimeOffset Minute, WatchedTime Time) _watched = (default, WatchedTime.Always);

    /// <summary>Reads; null when nothing can be told because counting lags behind.</summary>
    /// <param name="connection">That sees the website.</param>
    /// <param name="workspaceId">The tenant.</param>
    /// <param name="websiteId">The website.</param>
    /// <param name="timeZone">IANA name.</param>
    /// <param name="now">Now (UTC).</param>
    /// <param name="cancel">Cancels.</param>
    public async Task<VolumeNow?> ReadAsync(NpgsqlConnection connection, Guid workspaceId, Guid websiteId, string timeZone, DateTimeOffset now, CancellationToken cancel)
    {
        var at = now - Settling;
        if (await OldestUncountedAsync(now, cancel) is { } waiting && waiting < at)
            at = waiting;
        if (now - at > MostLag)
            return null;
        var usual = await UsualAsync(connection, workspaceId, websiteId, timeZone, at, cancel);
        if (usual.Count == 0)
            return new VolumeNow(at, new Dictionary<SeriesKey, VolumeSeries>(), []);
        var watched = await WatchedAsync(at, cancel);
        var (minutes, hours, last) = (new Counts(usual.Keys), new Counts(usual.Keys), new Dictionary<SeriesKey, DateTimeOffset>());
        await using var batch = new NpgsqlBatch(connection);
        batch.BatchCommands.Add(Command("SELECT minute, name, source, events, last_at FROM volume_minutes WHERE workspace_id = $1 AND website_id = $2 AND minute >= $3 AND minute <= $4",
            workspaceId, websiteId, at.AddHours(-1), at));
        batch.BatchCommands.Add(Command("SELECT hour, name, source, events FROM volume_hours WHERE workspace_id = $1 AND website_id = $2 AND hour >= $3",
            workspaceId, websiteId, RollupWriter.HourOf(at).AddHours(-25)));
        await using var reader = await batch.ExecuteReaderAsync(cancel);
        while (await reader.ReadAsync(cancel))
        {
            var (name, source, newest) = (reader.GetString(1), reader.GetString(2), reader.GetFieldValue<DateTimeOffset>(4));
            minutes.Add(name, source, reader.GetFieldValue<DateTimeOffset>(0), reader.GetInt64(3));
            foreach (var key in KeysOf(name, source))
                if (newest <= at && (!last.TryGetValue(key, out var known) || known < newest))
                    last[key] = newest;
        }
        await reader.NextResultAsync(cancel);
        while (await reader.ReadAsync(cancel))
            hours.Add(reader.GetString(1), reader.GetString(2), reader.GetFieldValue<DateTimeOffset>(0), reader.GetInt64(3));
        var series = usual.ToDictionary(u => u.Key, u => VolumeSeries.Read(u.Key, u.Value, at, minutes.Of(u.Key), hours.Of(u.Key), last.TryGetValue(u.Key, out var newest) ? newest : null, watched));
        return new VolumeNow(at, series, VolumeFindings.Of(series));
    }

    /// <summary>Hourly counts of all series of a website, from its first hour of the nine weeks before <paramref name="end"/>, without gaps.</summary>
    internal static async Task<Dictionary<SeriesKey, HourlyCounts>> HistoryAsync(
        NpgsqlConnection connection, Guid workspaceId, Guid websiteId, DateTimeOffset from, DateTimeOffset end, CancellationToken cancel)
    {
        var rows = new List<(DateTimeOffset Hour, string Name, string Source, long Events)>();
        await using (var command = new NpgsqlCommand(
            "SELECT hour, name, source, events FROM volume_hours WHERE workspace_id = $1 AND website_id = $2 AND hour >= $3 AND hour < $4", connection).With(workspaceId, websiteId, from, end))
        await using (var reader = await command.ExecuteReaderAsync(cancel))
            while (await reader.ReadAsync(cancel))
                rows.Add((reader.GetFieldValue<DateTimeOffset>(0), reader.GetString(1), reader.GetString(2), reader.GetInt64(3)));
        var watched = rows.GroupBy(r => r.Name, StringComparer.Ordinal).OrderByDescending(g => g.Sum(r => r.Events)).Take(MostNames).Select(g => g.Key).ToHashSet(StringComparer.Ordinal);
        var counts = new Dictionary<SeriesKey, (DateTimeOffset First, double[] Counts)>();
        var length = (int)(end - from).TotalHours + 1;
        foreach (var (hour, name, source, events) in rows)
            foreach (var key in KeysOf(name, source).Where(k => k.Name is null || watched.Contains(k.Name)))
            {
                var sum = counts.TryGetValue(key, out var known) ? known : (First: hour, Counts: new double[length]);
                sum.Counts[(int)(hour - from).TotalHours] += events;
                counts[key] = sum with { First = hour < sum.First ? hour : sum.First };
            }
        return counts.ToDictionary(c => c.Key, c => new HourlyCounts(c.Value.First,
            new ArraySegment<double>(c.Value.Counts, (int)(c.Value.First - from).TotalHours, (int)(end - c.Value.First).TotalHours)));
    }

    /// <summary>The series that an event counts in: everything, its source, its name, and both.</summary>
    internal static SeriesKey[] KeysOf(string name, string source) => [SeriesKey.All, new(null, source), new(name, null), new(name, source)];

    internal static TimeZoneInfo ZoneOf(string name) => TimeZoneInfo.TryFindSystemTimeZoneById(name, out var zone) ? zone : TimeZoneInfo.Utc;

    private async Task<Dictionary<SeriesKey, UsualVolume>> UsualAsync(NpgsqlConnection connection, Guid workspaceId, Guid websiteId, string timeZone, DateTimeOffset at, CancellationToken cancel)
    {
        var hour = RollupWriter.HourOf(at);
        if (_usual.TryGetValue(websiteId, out var known) && known.Zone == timeZone && IsFresh(known, websiteId, at))
            return known.Usual;
        var history = await HistoryAsync(connection, workspaceId, websiteId, RollupWriter.HourOf(hour - History), hour, cancel);
        var dispersions = await DispersionsAsync(connection, workspaceId, websiteId, hour, cancel);
        var same = new SameHours(ZoneOf(timeZone));
        var usual = history.ToDictionary(h => h.Key, h => new UsualVolume(h.Value, same, dispersions.GetValueOrDefault(h.Key, VolumeDispersion.Unknown)));
        foreach (var (other, kept) in _usual)
            if (kept.Hour < hour.AddHours(-3)) // websites that are no more
                _usual.TryRemove(other, out _);
        _usual[websiteId] = (hour, timeZone, usual);
        return usual;
    }

    /// <summary>
    /// What was made in the hour before holds into this one, for each website until another minute, so that not all are made anew at once. What says nothing
    /// yet is made with the hour.
    /// </summary>
    private static bool IsFresh((DateTimeOffset Hour, string Zone, Dictionary<SeriesKey, UsualVolume> Usual) known, Guid websiteId, DateTimeOffset at) =>
        at >= known.Hour - MostLag && at < known.Hour.AddHours(1) + (known.Usual.Values.Any(u => u.LearningUntil is null) ? TimeSpan.FromMinutes(websiteId.ToByteArray()[15] % 55) : TimeSpan.Zero);

    /// <summary>How much counts varied in the last whole day.</summary>
    internal static async Task<Dictionary<SeriesKey, VolumeDispersion>> DispersionsAsync(NpgsqlConnection connection, Guid workspaceId, Guid websiteId, DateTimeOffset hour, CancellationToken cancel)
    {
        var byMinute = await DispersionsAsync(connection, workspaceId, websiteId, hour, 1, cancel);
        var byFive = await DispersionsAsync(connection, workspaceId, websiteId, hour, 5, cancel);
        return byFive.ToDictionary(f => f.Key, f => VolumeDispersion.Of(byMinute.GetValueOrDefault(f.Key), f.Value));
    }

    private static async Task<Dictionary<SeriesKey, double?>> DispersionsAsync(NpgsqlConnection connection, Guid workspaceId, Guid websiteId, DateTimeOffset hour, int minutes, CancellationToken cancel)
    {
        var hours = new Dictionary<SeriesKey, List<(double, double)>>();
        await using var command = new NpgsqlCommand("""
            WITH blocks AS (
                SELECT date_bin(make_interval(mins => $5), minute, '2000-01-01Z') AS block, name, source, sum(events) AS events
                  FROM volume_minutes WHERE workspace_id = $1 AND website_id = $2 AND minute >= $3 AND minute < $4
                 GROUP BY GROUPING SETS ((1, 2, 3), (1, 2), (1, 3), (1)))
            SELECT name, source, sum(events)::float8, sum(events * events)::float8 FROM blocks GROUP BY name, source, date_trunc('hour', block, 'UTC')
            """, connection).With(workspaceId, websiteId, hour.AddHours(-24), hour, minutes);
        await using var reader = await command.ExecuteReaderAsync(cancel);
        while (await reader.ReadAsync(cancel))
        {
            var key = new SeriesKey(reader.IsDBNull(0) ? null : reader.GetString(0), reader.IsDBNull(1) ? null : reader.GetString(1));
            if (!hours.TryGetValue(key, out var list))
                hours[key] = list = [];
            list.Add((reader.GetDouble(2), reader.GetDouble(3)));
        }
        return hours.ToDictionary(h => h.Key, h => VolumeDispersion.Of(h.Value, 60 / minutes));
    }

    private async Task<DateTimeOffset?> OldestUncountedAsync(DateTimeOffset now, CancellationToken cancel)
    {
        await using var command = database.CreateCommand("SELECT id FROM outbox WHERE id < $1 ORDER BY id LIMIT 1");
        command.Parameters.Add(new NpgsqlParameter { Value = Partitions.LowestId(now - Settling) });
        return await command.ExecuteScalarAsync(cancel) is Guid id ? EventQueries.TimeOf(id) : null;
    }

    private async Task<WatchedTime> WatchedAsync(DateTimeOffset at, CancellationToken cancel)
    {
        var minute = new DateTimeOffset(at.UtcTicks - at.UtcTicks % TimeSpan.TicksPerMinute, TimeSpan.Zero);
        if (_watched.Minute != minute)
            _watched = (minute, await WatchedMinutes.ReadAsync(database, minute, cancel));
        return _watched.Time;
    }

    private static NpgsqlBatchCommand Command(string sql, params ReadOnlySpan<object> values)
    {
        var command = new NpgsqlBatchCommand(sql);
        foreach (var value in values)
            command.Parameters.Add(new NpgsqlParameter { Value = value });
        return command;
    }

    /// <summary>Counts by time of the series that are watched.</summary>
    private sealed class Counts(IEnumerable<SeriesKey> watched)
    {
        private readonly Dictionary<SeriesKey, Dictionary<DateTimeOffset, double>> _counts = watched.ToDictionary(k => k, _ => new Dictionary<DateTimeOffset, double>());

        public void Add(string name, string source, DateTimeOffset time, long events)
        {
            foreach (var key in KeysOf(name, source))
                if (_counts.TryGetValue(key, out var counts))
                    counts[time] = counts.GetValueOrDefault(time) + events;
        }

        public Dictionary<DateTimeOffset, double> Of(SeriesKey key) => _counts[key];
    }
}
