using System.Collections.Concurrent;
using System.Text.Json;
using ClarityTracking.Core.Data;
using ClarityTracking.Core.People;
using Npgsql;

namespace ClarityTracking.Core.Attribution.Matching;

/// <summary>
/// The model of each workspace: the weights that ship, and curves that what its people confirmed and rejected has moved. A decision counts as one answer, each point of
/// the shipped curve as <see cref="PriorAnswers"/>: a few decisions change little, many outweigh it. Conversions that carry a click id are not learned from:
/// they always have a touchpoint, so they would teach that every conversion has one.
/// </summary>
public sealed class MatchCalibration(NpgsqlDataSource database, TimeProvider clock)
{
    private const int PriorAnswers = 25, MostDecisions = 5000, MostWorkspaces = 10_000;
    private static readonly TimeSpan KeptFor = TimeSpan.FromMinutes(1);
    private readonly ConcurrentDictionary<Guid, (MatchModel Model, DateTimeOffset At)> _models = new();

    /// <summary>The model of a workspace, at most a minute old.</summary>
    public async Task<MatchModel> OfAsync(Guid workspaceId, CancellationToken cancel)
    {
        var now = clock.GetUtcNow();
        if (_models.TryGetValue(workspaceId, out var kept) && now - kept.At < KeptFor)
            return kept.Model;
        await using var command = database.CreateCommand("SELECT decisions, attributed, unattributed FROM matching_models WHERE workspace_id = $1").With(workspaceId);
        await using var row = await command.ExecuteReaderAsync(cancel);
        var model = await row.ReadAsync(cancel)
            ? MatchModel.Default with
            {
                Name = $"{MatchModel.Default.Name}+{row.GetInt32(0)}",
                Attributed = new CalibrationCurve(JsonSerializer.Deserialize<List<double[]>>(row.GetString(1))!),
                Unattributed = new CalibrationCurve(JsonSerializer.Deserialize<List<double[]>>(row.GetString(2))!),
            }
            : MatchModel.Default;
        if (_models.Count >= MostWorkspaces)
            _models.Clear();
        _models[workspaceId] = (model, now);
        return model;
    }

    /// <summary>Learns the curves of a workspace anew from all decisions of its people.</summary>
    internal async Task RelearnAsync(NpgsqlConnection connection, Guid workspaceId, CancellationToken cancel)
    {
        var (named, none) = (new List<(double, bool)>(), new List<(double, bool)>());
        await using (var command = new NpgsqlCommand($"""
            SELECT (evidence ->> 'raw')::float8, evidence ->> 'answer', decision, touchpoint_id::text FROM matches m
             WHERE workspace_id = $1 AND decision IN ('confirmed', 'rejected') AND evidence ? 'raw'
               AND NOT EXISTS (SELECT FROM conversion_keys k WHERE k.workspace_id = $1 AND k.conversion_id = m.conversion_id AND (k.key >> 60 & 15) = {(int)KeyKind.Click})
             ORDER BY decided_at DESC LIMIT {MostDecisions}
            """, connection).With(workspaceId))
        await using (var row = await command.ExecuteReaderAsync(cancel))
            while (await row.ReadAsync(cancel))
            {
                var answer = row.IsDBNull(1) ? null : row.GetString(1);
                var decided = row.IsDBNull(3) ? null : row.GetString(3);
                // whoever rejects a touchpoint has not said which one is right; whoever rejects "none" has said that there is one
                var isRight = row.GetString(2) == "confirmed" && answer == decided;
                (answer is null ? none : named).Add((row.GetDouble(0), isRight));
            }
        await using var write = new NpgsqlCommand("""
            INSERT INTO matching_models AS m (workspace_id, decisions, attributed, unattributed, learned_at) VALUES ($1, $2, $3::jsonb, $4::jsonb, $5)
            ON CONFLICT (workspace_id) DO UPDATE SET decisions = excluded.decisions, attributed = excluded.attributed, unattributed = excluded.unattributed, learned_at = excluded.learned_at
            """, connection).With(workspaceId, named.Count + none.Count, JsonSerializer.Serialize(MatchModel.Default.Attributed.With(named, PriorAnswers).Points),
            JsonSerializer.Serialize(MatchModel.Default.Unattributed.With(none, PriorAnswers).Points), clock.GetUtcNow());
        await write.ExecuteNonQueryAsync(cancel);
    }

    /// <summary>The workspace's model changed; call it after the commit.</summary>
    public void Forget(Guid workspaceId) => _models.TryRemove(workspaceId, out _);
}
