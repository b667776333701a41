using System.Text.Json;
using ClarityTracking.Core.Data;
using ClarityTracking.Core.Ingestion.Store;
using ClarityTracking.Core.Reports;
using Npgsql;

namespace ClarityTracking.Core.Links;

/// <summary>A click on a campaign link, as the log has it.</summary>
/// <param name="At">When it was (UTC).</param>
/// <param name="LinkId">Its link.</param>
/// <param name="Url">Where it led.</param>
/// <param name="UserAgent">Of the browser.</param>
/// <param name="Consent">What the browser asked for.</param>
internal sealed record LinkClick(DateTimeOffset At, Guid? LinkId, string? Url, string? UserAgent, Consent? Consent)
{
    /// <summary>The click's event; null = there is none. Its id tells when it was, so one week of the log is looked at.</summary>
    public static async Task<LinkClick?> FindAsync(NpgsqlDataSource database, Guid workspaceId, Guid websiteId, Guid trackingId, DateTimeOffset now, CancellationToken cancel)
    {
        var at = EventQueries.TimeOf(trackingId);
        if (at < DateTimeOffset.UnixEpoch.AddYears(50) || at > now.AddDays(400))
            return null;
        await using var command = database.CreateCommand("""
            SELECT occurred_at, click_ids -> 'ct_campaign_link_id' ->> 'value', url, user_agent, consent::text FROM events
             WHERE workspace_id = $1 AND website_id = $2 AND event_id = $3 AND name = 'link_click' AND source = 'link' AND id >= $4 AND id < $5 LIMIT 1
            """);
        foreach (var value in new object[] { workspaceId, websiteId, trackingId.ToString(), Partitions.LowestId(at.AddMinutes(-1)), Partitions.LowestId(at.AddMinutes(5)) })
            command.Parameters.Add(new NpgsqlParameter { Value = value });
        await using var row = await command.ExecuteReaderAsync(cancel);
        return await row.ReadAsync(cancel)
            ? new LinkClick(row.GetFieldValue<DateTimeOffset>(0), Guid.TryParse(row.IsDBNull(1) ? null : row.GetString(1), out var link) ? link : null,
                row.IsDBNull(2) ? null : row.GetString(2), row.IsDBNull(3) ? null : row.GetString(3),
                row.IsDBNull(4) ? null : JsonSerializer.Deserialize<Consent>(row.GetString(4), JsonColumn.Options))
            : null;
    }
}
