using System.Text.Json;
using ClarityTracking.Core.Data;
using Npgsql;
using NpgsqlTypes;

namespace ClarityTracking.Core.Attribution.Matching;

/// <summary>From which confidence a match earns credit, and below which a person is asked.</summary>
/// <param name="CreditFrom">0..1; a touchpoint less sure is not credited.</param>
/// <param name="ReviewBelow">0..1; an answer less sure waits for a person, and counts meanwhile.</param>
public sealed record MatchThresholds(double CreditFrom, double ReviewBelow)
{
    /// <summary>Of websites that set none.</summary>
    public static readonly MatchThresholds Default = new(.5, .8);
}

/// <summary>Keeps answers. What a person decided stays as it is.</summary>
internal static class MatchWriter
{
    private const int MostEvidence = 15;
    private const int PathDays = 90;

    /// <summary>How an answer stands.</summary>
    public static string DecisionOf(MatchAnswer answer, MatchThresholds thresholds) => answer.Confidence < thresholds.ReviewBelow && (answer.Touch is not null || answer.Touches.Count > 0)
        ? "review" : answer.Touch is null ? "unmatched" : "matched";

    /// <summary>Writes an answer in the caller's transaction.</summary>
    public static async Task WriteAsync(NpgsqlConnection connection, Guid workspaceId, Guid websiteId, MatchSubject subject, MatchAnswer answer, MatchThresholds thresholds, string model,
        DateTimeOffset now, CancellationToken cancel)
    {
        var evidence = JsonSerializer.Serialize(new
        {
            raw = answer.Raw,
            answer = answer.Touch?.Id,
            fields = answer.Evidence.Take(MostEvidence).Select(w => new { field = w.Field, weight = w.Value }),
        });
        // the credited one whatever its age: links have windows of up to a year
        var path = answer.Touches.Where(t => t.Touch.Id == answer.Touch?.Id || (subject.At - t.Touch.At).TotalDays <= PathDays).ToList();
        await using var command = new NpgsqlCommand("""
            WITH answered AS (
                INSERT INTO matches AS m (workspace_id, website_id, conversion_id, touchpoint_id, confidence, decision, reasons, evidence, model, matched_at)
                VALUES ($1, $2, $3, $4::uuid, $5, $6, $7, $8, $9, $10)
                ON CONFLICT (workspace_id, conversion_id) DO UPDATE SET touchpoint_id = excluded.touchpoint_id, confidence = excluded.confidence, decision = excluded.decision,
                    reasons = excluded.reasons, evidence = excluded.evidence, model = excluded.model, matched_at = excluded.matched_at
                  WHERE m.decision NOT IN ('confirmed', 'rejected')
                RETURNING conversion_id),
            gone AS (
                DELETE FROM match_touches t USING answered a WHERE t.workspace_id = $1 AND t.conversion_id = a.conversion_id AND t.touchpoint_id <> ALL ($11))
            INSERT INTO match_touches (workspace_id, website_id, conversion_id, touchpoint_id, occurred_at, confidence)
            SELECT $1, $2, a.conversion_id, t.id, t.at, t.confidence FROM answered a, unnest($11, $12, $13) AS t(id, at, confidence)
            ON CONFLICT (workspace_id, conversion_id, touchpoint_id) DO UPDATE SET confidence = excluded.confidence, occurred_at = excluded.occurred_at
            """, connection).With(workspaceId, websiteId, subject.Id, answer.Touch?.Id, answer.Confidence, DecisionOf(answer, thresholds));
        command.Parameters.Add(new NpgsqlParameter { Value = JsonSerializer.Serialize(MatchReasons.Of(answer, subject.At)), NpgsqlDbType = NpgsqlDbType.Jsonb });
        command.Parameters.Add(new NpgsqlParameter { Value = evidence, NpgsqlDbType = NpgsqlDbType.Jsonb });
        command.With(model, now, path.Select(t => t.Touch.Id).ToArray(), path.Select(t => t.Touch.At.UtcDateTime).ToArray(), path.Select(t => t.Confidence).ToArray());
        await command.ExecuteNonQueryAsync(cancel);
    }
}
