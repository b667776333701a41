using System.Text.Json;
using ClarityTracking.Core.Data;
using Npgsql;
using NpgsqlTypes;

namespace ClarityTracking.Core.Alerts;

/// <summary>A website whose rules are measured.</summary>
/// <param name="WorkspaceId">The tenant.</param>
/// <param name="Id">The website.</param>
/// <param name="TimeZone">IANA name.</param>
/// <param name="RoutingWaitsSince">Since when its oldest event has waited before the router (UTC); null = none for a minute.</param>
internal sealed record WatchedWebsite(Guid WorkspaceId, Guid Id, string TimeZone, DateTimeOffset? RoutingWaitsSince);

/// <summary>A rule as it holds for a website: the defaults with what was changed.</summary>
internal sealed record EffectiveRule(bool Enabled, decimal Threshold, int RaiseAfterMinutes, int ResolveAfterMinutes);

/// <summary>An alert as the evaluator knows it.</summary>
internal sealed record KnownAlert(Guid Id, string Kind, string Subject, AlertSeverity Severity, AlertState State, int Opening,
    DateTimeOffset? ClearSince, DateTimeOffset? SnoozedUntil, DateTimeOffset UpdatedAt);

/// <summary>What is known of a website before it is measured.</summary>
/// <param name="Rules">Changed rules by kind.</param>
/// <param name="Alerts">Unresolved alerts, and those resolved a short while ago, newest first.</param>
/// <param name="Held">Since when conditions hold that are no alert yet.</param>
internal sealed record KnownAlerts(Dictionary<string, EffectiveRule> Rules, List<KnownAlert> Alerts, Dictionary<(string Kind, string Subject), DateTimeOffset> Held)
{
    public EffectiveRule RuleOf(AlertKind kind) => Rules.GetValueOrDefault(kind.Key) ?? new(true, kind.Threshold, kind.RaiseAfter, kind.ResolveAfter);

    public KnownAlert? UnresolvedOf(string kind, string subject) => Alerts.Find(a => a.Kind == kind && a.Subject == subject && a.State != AlertState.Resolved);

    public KnownAlert? ResolvedOf(string kind, string subject) => Alerts.Find(a => a.Kind == kind && a.Subject == subject && a.State == AlertState.Resolved);

    public DateTimeOffset? HeldSince(string kind, string subject) => Held.TryGetValue((kind, subject), out var since) ? since : null;

    /// <summary>Subjects that have an unresolved alert or a condition that is waited for.</summary>
    public IEnumerable<string> SubjectsOf(string kind) =>
        Alerts.Where(a => a.Kind == kind && a.State != AlertState.Resolved).Select(a => a.Subject).Concat(Held.Keys.Where(k => k.Kind == kind).Select(k => k.Subject)).ToList();
}

/// <summary>Reads and writes the alerts of one website inside the evaluator's transaction. Changes are gathered and go out in one batch.</summary>
internal sealed class AlertStore(NpgsqlConnection connection, WatchedWebsite website, DateTimeOffset now)
{
    private readonly List<NpgsqlBatchCommand> _changes = [];

    /// <summary>How many alerts opened.</summary>
    public int Raised { get; private set; }

    /// <summary>How many alerts ended.</summary>
    public int Resolved { get; private set; }

    /// <summary>False while another node looks at this website.</summary>
    public async Task<bool> TryLockAsync(CancellationToken cancel)
    {
        await using var command = new NpgsqlCommand("SELECT pg_try_advisory_xact_lock(hashtextextended('alerts ' || $1, 0))", connection);
        command.Parameters.Add(new NpgsqlParameter { Value = website.Id.ToString() });
        return (bool)(await command.ExecuteScalarAsync(cancel))!;
    }

    /// <summary>What is known; unresolved alerts are locked, so that a person who acts on one at this moment comes before or after.</summary>
    public async Task<KnownAlerts> ReadAsync(TimeSpan reopensWithin, CancellationToken cancel)
    {
        await using var batch = new NpgsqlBatch(connection);
        Add(batch.BatchCommands, "SELECT kind, enabled, threshold, raise_after_minutes, resolve_after_minutes FROM alert_rules WHERE workspace_id = $1 AND website_id = $2");
        Add(batch.BatchCommands, """
            SELECT id, kind, subject, severity, state, opening, clear_since, snoozed_until, updated_at FROM alerts
             WHERE workspace_id = $1 AND website_id = $2 AND (state <> 'resolved' OR resolved_at > $3) ORDER BY id DESC FOR UPDATE
            """, now - reopensWithin);
        Add(batch.BatchCommands, "SELECT kind, subject, since FROM alert_conditions WHERE workspace_id = $1 AND website_id = $2");
        var known = new KnownAlerts([], [], []);
        await using var reader = await batch.ExecuteReaderAsync(cancel);
        while (await reader.ReadAsync(cancel))
            if (AlertCatalog.Find(reader.GetString(0)) is { } kind)
                known.Rules[kind.Key] = new EffectiveRule(reader.GetBoolean(1), reader.IsDBNull(2) ? kind.Threshold : reader.GetDecimal(2),
                    reader.IsDBNull(3) ? kind.RaiseAfter : reader.GetInt32(3), reader.IsDBNull(4) ? kind.ResolveAfter : reader.GetInt32(4));
        await reader.NextResultAsync(cancel);
        while (await reader.ReadAsync(cancel))
            known.Alerts.Add(new KnownAlert(reader.GetGuid(0), reader.GetString(1), reader.GetString(2), EnumText.Parse<AlertSeverity>(reader.GetString(3))!.Value,
                EnumText.Parse<AlertState>(reader.GetString(4))!.Value, reader.GetInt32(5), TimeOrNull(reader, 6), TimeOrNull(reader, 7), reader.GetFieldValue<DateTimeOffset>(8)));
        await reader.NextResultAsync(cancel);
        while (await reader.ReadAsync(cancel))
            known.Held[(reader.GetString(0), reader.GetString(1))] = reader.GetFieldValue<DateTimeOffset>(2);
        return known;
    }

    /// <summary>Measures kinds, those by SQL in one round trip; subjects by name.</summary>
    public async Task<List<(AlertKind Kind, Dictionary<string, Measure> Measures)>> MeasureAsync(IReadOnlyList<AlertKind> kinds, CancellationToken cancel)
    {
        var measured = new List<(AlertKind, Dictionary<string, Measure>)>();
        if (kinds.Count == 0)
            return measured;
        await using var batch = new NpgsqlBatch(connection);
        foreach (var kind in kinds)
            Add(batch.BatchCommands, kind.Sql.Length > 0 ? kind.Sql : AlertMeasures.None, now, website.TimeZone, Time(website.RoutingWaitsSince));
        await using var reader = await batch.ExecuteReaderAsync(cancel);
        foreach (var kind in kinds)
        {
            var measures = new Dictionary<string, Measure>(StringComparer.Ordinal);
            while (await reader.ReadAsync(cancel))
            {
                var detail = JsonElement.Parse(reader.GetString(3));
                var value = kind.ValueOf is { } made ? made(detail) : reader.IsDBNull(2) ? null : reader.GetDecimal(2);
                measures[reader.GetString(0)] = new Measure(reader.GetString(0), reader.GetString(1), value is { } v ? decimal.Round(v, 2) : null, detail);
            }
            measured.Add((kind, measures));
            await reader.NextResultAsync(cancel);
        }
        return measured;
    }

    public void Remember(AlertKind kind, string subject) =>
        Add(_changes, "INSERT INTO alert_conditions (workspace_id, website_id, kind, subject, since) VALUES ($1, $2, $3, $4, $5)", kind.Key, subject, now);

    public void Forget(string kind, string subject) =>
        Add(_changes, "DELETE FROM alert_conditions WHERE workspace_id = $1 AND website_id = $2 AND kind = $3 AND subject = $4", kind, subject);

    /// <summary>Opens the alert again that was resolved a short while ago, or a new one.</summary>
    public void Raise(AlertKind kind, Measure measure, decimal threshold, KnownAlert? before)
    {
        var id = before?.Id ?? Guid.CreateVersion7(now);
        var opening = (before?.Opening ?? 0) + 1;
        var evidence = Json(Evidence(kind, measure, threshold));
        if (before is null)
            Add(_changes, """
                INSERT INTO alerts (workspace_id, website_id, id, kind, subject, subject_name, severity, state, opening, evidence, opened_at, updated_at)
                VALUES ($1, $2, $3, $4, $5, $6, $7, 'open', 1, $8, $9, $9)
                """, id, kind.Key, measure.Subject, measure.Name, kind.Severity.Word(), evidence, now);
        else
            Add(_changes, """
                UPDATE alerts SET state = 'open', opening = $4, subject_name = $5, severity = $6, evidence = $7, opened_at = $8, updated_at = $8,
                       clear_since = NULL, snoozed_until = NULL, resolved_at = NULL
                 WHERE workspace_id = $1 AND website_id = $2 AND id = $3
                """, id, opening, measure.Name, kind.Severity.Word(), evidence, now);
        Forget(kind.Key, measure.Subject);
        History(id, before is null ? "opened" : "reopened");
        Announce(id, opening, kind.Severity);
        Raised++;
    }

    /// <summary>The snooze is over and the condition is not.</summary>
    public void Wake(KnownAlert alert, AlertKind kind)
    {
        Add(_changes, """
            UPDATE alerts SET state = 'open', opening = $4, opened_at = $5, updated_at = $5, snoozed_until = NULL WHERE workspace_id = $1 AND website_id = $2 AND id = $3
            """, alert.Id, alert.Opening + 1, now);
        History(alert.Id, "reopened", "The snooze is over.");
        Announce(alert.Id, alert.Opening + 1, kind.Severity);
        Raised++;
    }

    /// <summary>Since when its condition is over; null = it holds again.</summary>
    public void ClearSince(KnownAlert alert, DateTimeOffset? since) =>
        Add(_changes, "UPDATE alerts SET clear_since = $4 WHERE workspace_id = $1 AND website_id = $2 AND id = $3", alert.Id, Time(since));

    public void Renew(KnownAlert alert, AlertKind kind, Measure measure, decimal threshold) =>
        Add(_changes, "UPDATE alerts SET evidence = $4, subject_name = $5, updated_at = $6 WHERE workspace_id = $1 AND website_id = $2 AND id = $3",
            alert.Id, Json(Evidence(kind, measure, threshold)), measure.Name, now);

    public void Resolve(KnownAlert alert, string? why)
    {
        Add(_changes, """
            UPDATE alerts SET state = 'resolved', resolved_at = $4, updated_at = $4, clear_since = NULL, snoozed_until = NULL
             WHERE workspace_id = $1 AND website_id = $2 AND id = $3
            """, alert.Id, now);
        History(alert.Id, "resolved", why);
        Add(_changes, """
            INSERT INTO alert_notifications (workspace_id, website_id, alert_id, opening, channel_id, news, created_at)
            SELECT n.workspace_id, n.website_id, n.alert_id, n.opening, n.channel_id, 'resolved', $5
              FROM alert_notifications n JOIN alert_channels c ON c.workspace_id = n.workspace_id AND c.id = n.channel_id
             WHERE n.workspace_id = $1 AND n.website_id = $2 AND n.alert_id = $3 AND n.opening = $4 AND n.news = 'opened' AND n.left_out IS NULL AND c.enabled AND c.tells_resolved
                ON CONFLICT DO NOTHING
            """, alert.Id, alert.Opening, now);
        Resolved++;
    }

    /// <summary>Writes all changes.</summary>
    public async Task WriteAsync(CancellationToken cancel)
    {
        if (_changes.Count == 0)
            return;
        await using var batch = new NpgsqlBatch(connection);
        foreach (var change in _changes)
            batch.BatchCommands.Add(change);
        await batch.ExecuteNonQueryAsync(cancel);
    }

    private void Announce(Guid alertId, int opening, AlertSeverity severity) => Add(_changes, """
        INSERT INTO alert_notifications (workspace_id, website_id, alert_id, opening, channel_id, news, created_at)
        SELECT $1, $2, $3, $4, c.id, 'opened', $6 FROM alert_channels c
         WHERE c.workspace_id = $1 AND (c.website_id IS NULL OR c.website_id = $2) AND c.enabled AND c.least_severity IN ('warning', $5) AND c.least_severity <> 'none'
            ON CONFLICT DO NOTHING
        """, alertId, opening, severity.Word(), now);

    private void History(Guid alertId, string change, string? detail = null) => Add(_changes,
        "INSERT INTO alert_history (workspace_id, website_id, alert_id, id, at, change, detail) VALUES ($1, $2, $3, $4, $5, $6, $7)",
        alertId, Guid.CreateVersion7(now), now, change, new NpgsqlParameter { Value = detail ?? (object)DBNull.Value, NpgsqlDbType = NpgsqlDbType.Text });

    private static AlertEvidence Evidence(AlertKind kind, Measure measure, decimal threshold) => new(measure.Value, threshold, kind.Unit, measure.Detail);

    /// <summary>A command whose first two parameters are workspace and website.</summary>
    private void Add(IList<NpgsqlBatchCommand> batch, string sql, params object[] values)
    {
        var command = new NpgsqlBatchCommand(sql);
        foreach (var value in values.Prepend(website.Id).Prepend(website.WorkspaceId))
            command.Parameters.Add(value as NpgsqlParameter ?? new NpgsqlParameter { Value = value });
        batch.Add(command);
    }

    private static NpgsqlParameter Json<T>(T value) => new() { Value = JsonSerializer.Serialize(value, JsonSerializerOptions.Web), NpgsqlDbType = NpgsqlDbType.Jsonb };

    private static NpgsqlParameter Time(DateTimeOffset? time) => new() { Value = time is { } t ? t : DBNull.Value, NpgsqlDbType = NpgsqlDbType.TimestampTz };

    private static DateTimeOffset? TimeOrNull(NpgsqlDataReader reader, int column) => reader.IsDBNull(column) ? null : reader.GetFieldValue<DateTimeOffset>(column);
}
