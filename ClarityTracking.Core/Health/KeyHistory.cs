using ClarityTracking.Core.Data;
using ClarityTracking.Core.Reports;
using ClarityTracking.Core.Tenancy;
using Microsoft.EntityFrameworkCore;

namespace ClarityTracking.Core.Health;

/// <summary>Match keys of some event names of a website, hour by hour, out of the rollups.</summary>
internal sealed class KeyHistory
{
    /// <summary>The time that an estimate is of: as long as Meta's own score by public reports.</summary>
    public static readonly TimeSpan Window = TimeSpan.FromHours(48);

    private readonly Dictionary<string, SortedList<DateTimeOffset, Dictionary<string, long>>> _hours = new(StringComparer.Ordinal);

    private KeyHistory() { }

    /// <summary>The hours since then of these names.</summary>
    public static async Task<KeyHistory> LoadAsync(ClarityDbContext db, Website website, IReadOnlyCollection<string> names, DateTimeOffset from, CancellationToken cancel)
    {
        var history = new KeyHistory();
        if (names.Count == 0)
            return history;
        var rows = await CountedSince(db, website, from).AsNoTracking().Where(r => names.Contains(r.Name))
            .OrderBy(r => r.Hour).Select(r => new { r.Hour, r.Name, r.Key, r.Events }).ToListAsync(cancel);
        foreach (var row in rows)
        {
            if (!history._hours.TryGetValue(row.Name, out var hours))
                history._hours[row.Name] = hours = [];
            if (!hours.TryGetValue(row.Hour, out var keys))
                hours[row.Hour] = keys = new Dictionary<string, long>(StringComparer.Ordinal);
            keys[row.Key] = row.Events;
        }
        return history;
    }

    /// <summary>
    /// The rows of a website since then. Hours of a name without <see cref="KeyCoverage.All"/> are left out: they are from before it was counted, and
    /// hold tests and bots too.
    /// </summary>
    public static IQueryable<KeyRollup> CountedSince(ClarityDbContext db, Website website, DateTimeOffset from) => db.KeyRollups
        .Where(r => r.WorkspaceId == website.WorkspaceId && r.WebsiteId == website.Id && r.Hour >= from && db.KeyRollups.Any(all =>
            all.WorkspaceId == r.WorkspaceId && all.WebsiteId == r.WebsiteId && all.Hour == r.Hour && all.Name == r.Name && all.Key == KeyCoverage.All));

    /// <summary>The hours that hold anything, of all names.</summary>
    public IEnumerable<DateTimeOffset> Hours => _hours.Values.SelectMany(h => h.Keys).Distinct();

    /// <summary>Events and shares of keys of some names together, in whole hours from the first to before the last.</summary>
    public KeyShares Between(IEnumerable<string> names, DateTimeOffset from, DateTimeOffset to)
    {
        var counts = new Dictionary<string, long>(StringComparer.Ordinal);
        foreach (var name in names)
            foreach (var (hour, keys) in _hours.GetValueOrDefault(name) ?? [])
                if (hour >= from && hour < to)
                    foreach (var (key, events) in keys)
                        counts[key] = counts.GetValueOrDefault(key) + events;
        return KeyShares.Of(counts);
    }

    /// <summary>The estimate of a platform's score for the hours before it was told, beside it.</summary>
    public ScorePair Pair(IEnumerable<string> names, decimal real, DateTimeOffset toldAt, IReadOnlyDictionary<string, decimal>? chances)
    {
        var end = RollupWriter.HourOf(toldAt).AddHours(1);
        return new(real, MatchQuality.Estimate(Between(names, end - Window, end).Shares, chances).Score);
    }
}

/// <summary>How many events counted, and the share of them with each key.</summary>
/// <param name="Events">That ad platforms may get: no tests, no bots, nobody who refused.</param>
/// <param name="Shares">0 to 1, by key name of <see cref="KeyCoverage"/>; empty when no event counted.</param>
internal sealed record KeyShares(long Events, IReadOnlyDictionary<string, decimal> Shares)
{
    /// <summary>Shares out of counts, of which <see cref="KeyCoverage.All"/> is the whole.</summary>
    public static KeyShares Of(IReadOnlyDictionary<string, long> counts)
    {
        var all = counts.GetValueOrDefault(KeyCoverage.All);
        return new(all, all == 0 ? new Dictionary<string, decimal>()
            : counts.Where(c => c.Key != KeyCoverage.All).ToDictionary(c => c.Key, c => Math.Min(1, (decimal)c.Value / all)));
    }
}
