using System.Text.Json;
using ClarityTracking.Core.Connections;
using ClarityTracking.Core.Data;
using ClarityTracking.Core.Destinations;
using ClarityTracking.Core.Reports;
using ClarityTracking.Core.Tenancy;
using Microsoft.EntityFrameworkCore;

namespace ClarityTracking.Core.Health;

/// <summary>The platforms' own scores of a website's connections, and what they say about our estimate, for a page that shows all events.</summary>
internal sealed class OwnScores
{
    private readonly Dictionary<Guid, OfConnection> _connections = [];
    private KeyHistory _history = default!;
    private IReadOnlyDictionary<string, decimal> _chances = default!;

    private OwnScores() { }

    private sealed record OfConnection(IScoreReader Reader, JsonElement Settings, IReadOnlyList<ScoreRow> Rows, IReadOnlyList<string> Names);

    /// <summary>Scores of the last 30 days, and the keys of the hours that they are about.</summary>
    public static async Task<OwnScores> LoadAsync(ClarityDbContext db, Website website, IEnumerable<Connection> connections, PlatformScoreQueries scores,
        IReadOnlyDictionary<string, decimal> chances, DateTimeOffset now, CancellationToken cancel)
    {
        var own = new OwnScores { _chances = chances };
        var from = now.AddDays(-MatchQualityStudio.CalibrationDays);
        IReadOnlyList<string>? names = null;
        var rated = new HashSet<string>(StringComparer.Ordinal);
        foreach (var connection in connections)
        {
            if (scores.ReaderOf(connection.Platform) is not { } reader)
                continue;
            var settings = JsonElement.Parse(connection.Settings);
            var rows = await PlatformScoreQueries.RowsAsync(db, connection, reader, DateOnly.FromDateTime(from.UtcDateTime), DateOnly.FromDateTime(now.UtcDateTime), cancel, withDetail: false);
            if (rows.Any(r => r.Score is not null))
                names ??= await db.EventRollups.AsNoTracking().Where(r => r.WorkspaceId == website.WorkspaceId && r.WebsiteId == website.Id && r.Hour >= from)
                    .Select(r => r.Name).Distinct().ToListAsync(cancel);
            var numbers = rows.Where(r => r.Score is not null).Select(r => r.EventName).ToHashSet(StringComparer.OrdinalIgnoreCase);
            rated.UnionWith((names ?? []).Where(name => reader.NameOf(name, settings) is { } platformName && numbers.Contains(platformName)));
            own._connections[connection.Id] = new(reader, settings, [.. rows.Reverse()], names ?? []);
        }
        own._history = await KeyHistory.LoadAsync(db, website, rated, RollupWriter.HourOf(from) - KeyHistory.Window, cancel);
        return own;
    }

    /// <summary>What is known of one event at one connection; null = the platform tells no score, or does not get the event.</summary>
    /// <param name="connectionId">The connection.</param>
    /// <param name="name">Our name of the event.</param>
    /// <param name="raw">Our estimate before calibration; null when nothing counted.</param>
    public DestinationQuality? Of(Guid connectionId, string name, MatchQualityEstimate? raw)
    {
        if (_connections.GetValueOrDefault(connectionId) is not { } c || c.Reader.NameOf(name, c.Settings) is not { } platformName)
            return null;
        var rows = c.Rows.Where(r => r.IsOf(platformName)).ToList();
        var numbers = rows.Where(r => r.Score is not null).ToList();
        var together = c.Names.Where(n => c.Reader.NameOf(n, c.Settings) == platformName).ToList();
        var calibration = Calibration.Of(numbers.Select(r => _history.Pair(together, r.Score!.Value, r.FetchedAt, _chances)));
        var overall = c.Rows.LastOrDefault(r => r.EventName.Length == 0);
        var latest = rows.LastOrDefault() is { Verdict: not PlatformScore.CoverageOnly } own ? own : overall ?? rows.LastOrDefault();
        return new(c.Reader.RatesByNumber ? raw?.Shifted(calibration.Rounded).Score : null, calibration.Rounded, calibration.Days, latest?.Score, latest?.Verdict, latest?.FetchedAt,
            c.Reader.Lag, [.. numbers.Select(r => new ScorePoint(r.Day, r.Score!.Value))]);
    }
}
