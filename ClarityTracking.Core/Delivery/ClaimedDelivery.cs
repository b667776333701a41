using System.Text.Json;
using ClarityTracking.Core.Connections;
using ClarityTracking.Core.Routing;
using Npgsql;

namespace ClarityTracking.Core.Delivery;

/// <summary>An open delivery that this worker holds until its lease ends.</summary>
internal sealed record ClaimedDelivery(Guid WorkspaceId, Guid WebsiteId, Guid Id, Guid EventId, string EventName, int Attempts, DateTimeOffset CreatedAt)
{
    /// <summary>Claims the due deliveries of a connection, oldest first, skipping those another worker is claiming.</summary>
    public static async Task<List<ClaimedDelivery>> ClaimAsync(
        NpgsqlConnection connection, LaneKey key, int most, DateTimeOffset now, DateTimeOffset leaseUntil, CancellationToken cancel)
    {
        await using var command = new NpgsqlCommand("""
            UPDATE delivery_queue q SET claimed_until = $4
              FROM (SELECT workspace_id, id FROM delivery_queue
                     WHERE workspace_id = $1 AND connection_id = $2 AND next_attempt_at <= $3 AND (claimed_until IS NULL OR claimed_until <= $3)
                     ORDER BY next_attempt_at LIMIT $5 FOR UPDATE SKIP LOCKED) due
             WHERE q.workspace_id = due.workspace_id AND q.id = due.id
            RETURNING q.workspace_id, q.website_id, q.id, q.event_id, q.event_name, q.attempts, q.created_at
            """, connection);
        foreach (var value in new object[] { key.WorkspaceId, key.ConnectionId, now, leaseUntil, most })
            command.Parameters.Add(new NpgsqlParameter { Value = value });
        var claimed = new List<ClaimedDelivery>();
        await using var reader = await command.ExecuteReaderAsync(cancel);
        while (await reader.ReadAsync(cancel))
            claimed.Add(new ClaimedDelivery(reader.GetGuid(0), reader.GetGuid(1), reader.GetGuid(2), reader.GetGuid(3), reader.GetString(4),
                reader.GetInt32(5), reader.GetFieldValue<DateTimeOffset>(6)));
        return claimed;
    }
}

/// <summary>What a lane knows of its connection.</summary>
internal sealed record LaneConnection(Guid WorkspaceId, Guid WebsiteId, Guid Id, string Platform, JsonElement Settings, byte[]? Credentials, int FailuresInARow,
    bool IsProbe, TimeSpan? SlowedInterval, DateTimeOffset? SlowedUntil, string? RulesVersion)
{
    /// <summary>Longer than any batch waits for its calls, with some room for clocks that differ.</summary>
    private static readonly TimeSpan LongestBooked = 2 * DeliveryLane.LongestTrip;

    /// <summary>
    /// Loads a connection that may send now; null when it is off, paused, gone or must wait. A degraded one is given to one worker of all nodes,
    /// which probes it: that moves <c>not_before</c> to the end of the lease, so a worker that dies gives it back by doing nothing.
    /// </summary>
    public static async Task<LaneConnection?> LoadAsync(
        NpgsqlConnection connection, LaneKey key, DateTimeOffset now, DateTimeOffset leaseUntil, CancellationToken cancel)
    {
        var columns = $"website_id, platform, settings, credentials, failures_in_a_row, state = 'degraded', slowed_interval_ms, slowed_until, {FilterRules.VersionSql("connections")}";
        const string MaySend = "workspace_id = $1 AND id = $2 AND enabled AND (not_before IS NULL OR not_before <= $3)";
        await using var command = new NpgsqlCommand($"""
            WITH probe AS (UPDATE connections SET not_before = $4 WHERE {MaySend} AND state = 'degraded' RETURNING {columns})
            SELECT {columns} FROM connections WHERE {MaySend} AND state = 'healthy'
            UNION ALL SELECT * FROM probe
            """, connection);
        foreach (var value in new object[] { key.WorkspaceId, key.ConnectionId, now, leaseUntil })
            command.Parameters.Add(new NpgsqlParameter { Value = value });
        await using var reader = await command.ExecuteReaderAsync(cancel);
        return await reader.ReadAsync(cancel)
            ? new LaneConnection(key.WorkspaceId, reader.GetGuid(0), key.ConnectionId, reader.GetString(1),
                JsonSerializer.Deserialize<JsonElement>(reader.GetString(2)), reader.IsDBNull(3) ? null : reader.GetFieldValue<byte[]>(3), reader.GetInt32(4), reader.GetBoolean(5),
                reader.IsDBNull(6) ? null : TimeSpan.FromMilliseconds(reader.GetInt32(6)), reader.IsDBNull(7) ? null : reader.GetFieldValue<DateTimeOffset>(7),
                reader.IsDBNull(8) ? null : reader.GetString(8))
            : null;
    }

    /// <summary>The platform's known limit, or the slower pace it has asked for since.</summary>
    public RateLimit? LimitAt(DateTimeOffset now, RateLimit? known) =>
        SlowedUntil > now && SlowedInterval is { } slowed && !(known?.Interval > slowed) ? new RateLimit(slowed, Burst: 1) : known;

    /// <summary>Stops the connection until a person acts; not one that a person changed since the batch began.</summary>
    public async Task PauseAsync(NpgsqlConnection connection, string reason, DateTimeOffset started, DateTimeOffset now, CancellationToken cancel)
    {
        await using var command = new NpgsqlCommand("""
            UPDATE connections SET state = 'paused', state_reason = $3, state_changed_at = $4, not_before = NULL
             WHERE workspace_id = $1 AND id = $2 AND state <> 'paused' AND updated_at <= $5
            """, connection);
        foreach (var value in new object[] { WorkspaceId, Id, reason, now, started })
            command.Parameters.Add(new NpgsqlParameter { Value = value });
        await command.ExecuteNonQueryAsync(cancel);
    }

    /// <summary>Books a call with all other nodes; the row's lock lines them up. What would be too late is not booked: nobody would use it.</summary>
    /// <param name="database">Where the bookings are.</param>
    /// <param name="key">The connection.</param>
    /// <param name="limit">How fast calls may follow each other.</param>
    /// <param name="now">Now (UTC).</param>
    /// <param name="lastCall">No call is wanted after this (UTC).</param>
    /// <param name="cancel">Ends it.</param>
    /// <returns>Whether a call is booked, and how long to wait before it; when not, how long until there is a turn.</returns>
    public static async Task<(bool IsBooked, TimeSpan Wait)> BookCallAsync(
        NpgsqlDataSource database, LaneKey key, RateLimit limit, DateTimeOffset now, DateTimeOffset lastCall, CancellationToken cancel)
    {
        await using var connection = await database.OpenConnectionAsync(cancel);
        await using var transaction = await connection.BeginTransactionAsync(cancel);
        await using var select = new NpgsqlCommand(
            "SELECT calls_booked_until FROM connections WHERE workspace_id = $1 AND id = $2 FOR NO KEY UPDATE", connection);
        await using var update = new NpgsqlCommand("UPDATE connections SET calls_booked_until = $3 WHERE workspace_id = $1 AND id = $2", connection);
        foreach (var command in new[] { select, update })
        {
            command.Parameters.Add(new NpgsqlParameter { Value = key.WorkspaceId });
            command.Parameters.Add(new NpgsqlParameter { Value = key.ConnectionId });
        }
        DateTimeOffset? booked = await select.ExecuteScalarAsync(cancel) is DateTime until ? until : null;
        // nobody books so far ahead: a clock was wrong, and the connection must not stand still until it is right
        if (booked > now + LongestBooked + limit.Burst * limit.Interval)
            booked = null;
        var (bookedUntil, wait) = limit.Book(booked, now);
        if (now + wait > lastCall)
            return (false, wait);
        update.Parameters.Add(new NpgsqlParameter { Value = bookedUntil });
        await update.ExecuteNonQueryAsync(cancel);
        await transaction.CommitAsync(cancel);
        return (true, wait);
    }

    /// <summary>The probe sent nothing: another may go from then on (UTC).</summary>
    public async Task ReleaseProbeAsync(NpgsqlConnection connection, DateTimeOffset from, DateTimeOffset leaseUntil, CancellationToken cancel)
    {
        await using var command = new NpgsqlCommand(
            "UPDATE connections SET not_before = $3 WHERE workspace_id = $1 AND id = $2 AND state = 'degraded' AND not_before = $4", connection);
        foreach (var value in new object[] { WorkspaceId, Id, from, leaseUntil })
            command.Parameters.Add(new NpgsqlParameter { Value = value });
        await command.ExecuteNonQueryAsync(cancel);
    }

    /// <summary>The credentials, a JSON object; empty when none were given.</summary>
    public JsonElement OpenCredentials(SecretProtector protector) =>
        JsonSerializer.Deserialize<JsonElement>(Credentials is null ? "{}"u8 : protector.Open(ConnectionService.CredentialsPurpose, WorkspaceId, Id, Credentials));
}
