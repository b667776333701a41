using System.ComponentModel.DataAnnotations;
using System.Globalization;
using ClarityTracking.Core.Health.Duplicates;
using Microsoft.Extensions.Options;
using Npgsql;

namespace ClarityTracking.Core.Data;

/// <summary>How long the large tables are kept, for the whole installation; settings <c>Clarity:Retention</c>.</summary>
public sealed class RetentionOptions
{
    /// <summary>Days that events are kept; 13 months by default, so that a month can be compared with last year's.</summary>
    [Range(14, 36_500)]
    public int EventDays { get; set; } = 395;

    /// <summary>Days that deliveries, their attempts, calls and jobs, connections' former states, received webhooks, imports of ad spend, the reasons of dropped events, and alerts that are over are kept.</summary>
    [Range(14, 36_500)]
    public int DeliveryDays { get; set; } = 90;

    /// <summary>
    /// Every delivery since then (UTC) is still there, and maybe some before; whether an older event was sent cannot be told. Whole weeks go, so it is
    /// the beginning of one.
    /// </summary>
    internal DateTimeOffset DeliveriesKnownSince(DateTimeOffset now) => Partitions.MondayOf(now.AddDays(-DeliveryDays));

    /// <summary>Days after which a cleanup removes clicks; never before their link's window has ended.</summary>
    [Range(1, 36_500)]
    public int ClickDays { get; set; } = 90;
}

/// <summary>What one run of <see cref="Retention"/> removed.</summary>
/// <param name="Partitions">Names of the dropped partitions.</param>
/// <param name="Rows">Rows deleted from default partitions and tables that are not partitioned.</param>
public sealed record RetentionResult(IReadOnlyList<string> Partitions, long Rows);

/// <summary>
/// Removes what is past its time: whole weekly partitions, once their last moment is. Default partitions stay; the few rows that may lie
/// there are deleted one batch after the other, like alerts that are long over and their messages.
/// </summary>
public sealed class Retention(NpgsqlDataSource database, IOptions<RetentionOptions> options, TimeProvider clock)
{
    private const int RowsPerBatch = 10_000;

    /// <summary>How long failed webhooks of websites in privacy mode can be replayed.</summary>
    internal static readonly TimeSpan ReplayableInPrivacyMode = TimeSpan.FromDays(7);

    /// <summary>Removes what is past its time. Safe to run again, and to be cut off: each partition is a transaction of its own.</summary>
    /// <exception cref="PostgresException">
    /// <c>55P03</c>: a long query holds a table. Detaching needs the table for itself for a moment and waits at most two seconds for it,
    /// because intake waits behind; run it again later.
    /// </exception>
    public async Task<RetentionResult> RunAsync(CancellationToken cancel)
    {
        var now = clock.GetUtcNow();
        var dropped = new List<string>();
        var rows = 0L;
        await using var connection = await database.OpenConnectionAsync(cancel);
        foreach (var table in Partitions.Tables)
        {
            var oldest = now.AddDays(-(table == "events" ? options.Value.EventDays : options.Value.DeliveryDays));
            foreach (var partition in await PartitionsBeforeAsync(connection, table, oldest, cancel))
            {
                await DropAsync(connection, table, partition, cancel);
                dropped.Add(partition);
            }
            rows += await ClearDefaultAsync(connection, table, oldest, cancel);
        }
        var (deliveries, events) = (now.AddDays(-options.Value.DeliveryDays), now.AddDays(-options.Value.EventDays));
        foreach (var (table, condition, oldest) in new (string, string, object)[]
        {
            ("delivery_jobs", "finished_at < $1", deliveries),
            // the newest state of a connection stays, however old
            ("connection_states", """
                at < $1 AND EXISTS (SELECT FROM connection_states n WHERE n.workspace_id = connection_states.workspace_id
                                       AND n.connection_id = connection_states.connection_id AND n.number > connection_states.number)
                """, deliveries),
            ("inbound_webhooks", "status <> 'received' AND last_received_at < $1", deliveries),
            ("bot_reviews", "event_id < $1", Partitions.LowestId(events)),
            ("alerts", "state = 'resolved' AND resolved_at < $1", deliveries),
            ("alert_messages", "state <> 'queued' AND created_at < $1", deliveries),
            // platforms' own scores go with the events they were about
            ("platform_scores", "day < $1", DateOnly.FromDateTime(events.UtcDateTime)),
            // spend goes with the conversions it is compared with
            ("ad_spend", "day < $1", DateOnly.FromDateTime(events.UtcDateTime)),
            // what conversions are compared by, past the days for which they are
            ("duplicate_keys", "id < $1", Partitions.LowestId(now - PrintStore.Kept)),
            ("duplicate_events", "id < $1", Partitions.LowestId(now - PrintStore.Kept)),
            ("duplicate_groups", "last_at < $1 AND changed_at < $1", events),
            ("duplicate_repeats", "hour < $1", events),
            ("spend_imports", "finished_at < $1", deliveries),
            // touches go with the events they are made of; a person is kept for what is known of them
            ("touchpoint_keys", "occurred_at < $1", events),
            ("touchpoints", "occurred_at < $1", events),
            ("match_touches", "occurred_at < $1", events),
            ("person_ids", "last_seen_at < $1", events),
            ("persons", """
                last_seen_at < $1 AND NOT EXISTS (SELECT FROM person_ids i WHERE i.workspace_id = persons.workspace_id AND i.person_id = persons.id)
                AND NOT EXISTS (SELECT FROM conversions c WHERE c.workspace_id = persons.workspace_id AND c.person_id = persons.id)
                AND NOT EXISTS (SELECT FROM persons m WHERE m.workspace_id = persons.workspace_id AND m.merged_into = persons.id)
                """, events),
            // what is usual now is made of minutes of the last day, and of hours that go with the events
            ("volume_minutes", "minute < $1", now.AddDays(-2)),
            ("watched_minutes", "minute < $1", now.AddDays(-2)),
            ("volume_hours", "hour < $1", events),
            ("latency_rollups", "hour < $1", events),
            ("arrival_ways", "hour < $1", events),
            ("last_seen", "last_at < $1", events),
            ("intake_notes", "last_at < $1", deliveries),
        })
            rows += await ClearAsync(connection, table, condition, oldest, cancel);
        await ForgetBodiesAsync(connection, now - ReplayableInPrivacyMode, cancel);
        return new RetentionResult(dropped, rows);
    }

    /// <summary>In privacy mode the body of a webhook that failed is kept only so long that somebody can correct the cause and replay it.</summary>
    private static async Task ForgetBodiesAsync(NpgsqlConnection connection, DateTimeOffset before, CancellationToken cancel)
    {
        await using var forget = new NpgsqlCommand("""
            UPDATE inbound_webhooks w SET body_sealed = NULL
             WHERE w.status = 'failed' AND w.body_sealed IS NOT NULL AND w.last_received_at < $1
               AND EXISTS (SELECT FROM websites s WHERE s.workspace_id = w.workspace_id AND s.id = w.website_id AND s.privacy_mode)
            """, connection).With(before);
        await forget.ExecuteNonQueryAsync(cancel);
    }

    /// <summary>The weekly partitions that end at or before a moment, oldest first; a name ends in the Monday its week begins on.</summary>
    private static async Task<List<string>> PartitionsBeforeAsync(NpgsqlConnection connection, string table, DateTimeOffset oldest, CancellationToken cancel)
    {
        await using var list = new NpgsqlCommand("SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = $1::regclass ORDER BY 1", connection);
        list.Parameters.Add(new NpgsqlParameter { Value = table });
        var partitions = new List<string>();
        await using var reader = await list.ExecuteReaderAsync(cancel);
        while (await reader.ReadAsync(cancel))
            if (DateTimeOffset.TryParseExact(reader.GetString(0)[(table.Length + 1)..], "yyyyMMdd", CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var monday)
                && monday.AddDays(7) <= oldest)
                partitions.Add(reader.GetString(0));
        return partitions;
    }

    private static async Task DropAsync(NpgsqlConnection connection, string table, string partition, CancellationToken cancel)
    {
        // Not CONCURRENTLY: PostgreSQL refuses that for tables with a default partition.
        await using var transaction = await connection.BeginTransactionAsync(cancel);
        await using var drop = new NpgsqlCommand($"SET LOCAL lock_timeout = '2s'; ALTER TABLE {table} DETACH PARTITION {partition}; DROP TABLE {partition}", connection, transaction);
        await drop.ExecuteNonQueryAsync(cancel);
        await transaction.CommitAsync(cancel);
    }

    private static Task<long> ClearDefaultAsync(NpgsqlConnection connection, string table, DateTimeOffset oldest, CancellationToken cancel) =>
        ClearAsync(connection, $"{table}_default", "id < $1", Partitions.LowestId(oldest), cancel);

    private static async Task<long> ClearAsync(NpgsqlConnection connection, string table, string condition, object oldest, CancellationToken cancel)
    {
        var deleted = 0L;
        int batch;
        do
        {
            await using var delete = new NpgsqlCommand($"DELETE FROM {table} WHERE ctid = ANY (ARRAY(SELECT ctid FROM {table} WHERE {condition} LIMIT {RowsPerBatch}))", connection);
            delete.Parameters.Add(new NpgsqlParameter { Value = oldest });
            deleted += batch = await delete.ExecuteNonQueryAsync(cancel);
        }
        while (batch == RowsPerBatch);
        return deleted;
    }
}
