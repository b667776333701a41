using System.Text;
using ClarityTracking.Core.Connections;
using ClarityTracking.Core.Data;
using ClarityTracking.Core.Destinations;
using ClarityTracking.Core.Health.Volume;
using ClarityTracking.Core.Ingestion.Store;
using ClarityTracking.Core.Reports;
using Npgsql;
using NpgsqlTypes;

namespace ClarityTracking.Core.Delivery;

/// <summary>
/// Everything one batch leads to, collected while it is sent and written at its end. What a long batch has led to so far is written in between:
/// whatever is not known when a node is killed is sent again.
/// </summary>
internal sealed class BatchRecord(LaneConnection target, CallArchive archive, DateTimeOffset started, Lease lease)
{
    private const int LongestReason = 500, LongestAnswer = 16 * 1024;
    private static readonly TimeSpan LongestRouting = TimeSpan.FromHours(1);

    /// <summary>So much of the past a killed node may forget, beside the call it is making.</summary>
    public static readonly TimeSpan LongestUnsaved = TimeSpan.FromSeconds(1);

    private readonly List<CallRow> _calls = [];
    private readonly List<(ClaimedDelivery Delivery, Guid Call, int Position, int Number, DateTimeOffset At, string Outcome, string? Reason)> _attempts = [];
    private readonly List<(ClaimedDelivery Delivery, Event? Event, DeliveryStatus Status, string? Reason, string? Detail, int Attempts, (Guid Call, int Position)? Taken)> _finished = [];
    private readonly List<(ClaimedDelivery Delivery, int Attempts, string? Reason, string? Detail, TimeSpan Pause)> _postponed = [];
    private readonly Dictionary<Guid, int> _triesHere = [];
    private (FailureKind Kind, string Reason, TimeSpan Pause)? _setback;
    private TimeSpan? _heldBack;
    private bool _isTooFast, _hasReached;
    private DateTimeOffset? _savedAt;

    public int Calls { get; private set; }

    /// <summary>How long the slowest call took.</summary>
    public TimeSpan Slowest { get; private set; }

    public int Delivered { get; private set; }

    public int Dead { get; private set; }

    public int Retrying => _postponed.Count;

    /// <summary>How often the rest of a call was sent again because the platform named an event that spoiled it.</summary>
    public int Resends { get; set; }

    /// <summary>The platform said "not now", or the next turn to call it comes too late for this batch: no further call in it.</summary>
    public bool MustWait => _setback is not null || _heldBack is not null;

    /// <summary>Why no further call may be made, in the platform's words; null when it may.</summary>
    public string? Setback => _setback?.Reason;

    /// <summary>How often a delivery was tried so far.</summary>
    public int AttemptsOf(ClaimedDelivery delivery) => delivery.Attempts + _triesHere.GetValueOrDefault(delivery.Id);

    /// <summary>Keeps a call. Secrets are masked before anything is kept.</summary>
    public CallRow AddCall(DestinationRequest request, CallResult result, DateTimeOffset at, int events)
    {
        var id = Guid.CreateVersion7(at);
        var call = new CallRow(id, at, (int)result.Duration.TotalMilliseconds, request.Method.Method,
            request.Mask(request.Url.AbsoluteUri), archive.Pack(target.WorkspaceId, id, MaskedBody(request)), result.HttpStatus, Storable(result.Body, LongestAnswer)!, events);
        _calls.Add(call);
        Calls++;
        Slowest = result.Duration > Slowest ? result.Duration : Slowest;
        return call;
    }

    public void Deliver(List<Outgoing> batch, CallRow call)
    {
        // no attempt of its own: the finished delivery says which call took it
        foreach (var sent in batch)
            _finished.Add((sent.Delivery, sent.Event, DeliveryStatus.Delivered, null, null, CountTry(sent.Delivery), (call.Id, sent.Position)));
        Delivered += batch.Count;
        _hasReached = true;
    }

    public void Bury(List<Outgoing> batch, CallRow call, DeliveryOutcome.Refused refused)
    {
        foreach (var (sent, number) in Attempt(batch, call, refused.Kind.Word(), refused.Reason))
            _finished.Add((sent.Delivery, sent.Event, DeliveryStatus.Dead, refused.Kind.Word(), refused.Reason, number, null));
        Dead += batch.Count;
    }

    /// <summary>The platform refused the batch because of some event in it; halves are tried next.</summary>
    public void NoteRefusedBatch(List<Outgoing> batch, CallRow call, DeliveryOutcome.Refused refused) =>
        Attempt(batch, call, refused.Kind.Word(), $"Refused with its batch of {batch.Count}, tried apart: {refused.Reason}");

    /// <summary>The platform fails on this batch but not on others; halves are tried next.</summary>
    public void NoteFailedBatch(List<Outgoing> batch, CallRow call, DeliveryOutcome.TryLater later) =>
        Attempt(batch, call, later.Kind.Word(), $"Failed with its batch of {batch.Count}, tried apart: {later.Reason}");

    /// <summary>The platform fails on this event but not on others: it waits, the connection does not.</summary>
    public void PostponeAlone(Outgoing sent, CallRow call, DeliveryOutcome.TryLater later) =>
        Postpone([sent], call, later with { After = RetryPolicy.PauseAlone(call.At - sent.Delivery.CreatedAt, Random.Shared.NextDouble()) }, null);

    /// <summary>The platform refused the call because of other events that it named; these are sent again.</summary>
    public void NoteNotTaken(List<Outgoing> batch, CallRow call) =>
        Attempt(batch, call, FailureKind.Permanent.Word(), "Refused because of other events in the call, sent again without them.");

    public void Postpone(List<Outgoing> batch, CallRow call, DeliveryOutcome.TryLater later, TimeSpan? retryAfter)
    {
        var pause = later.After ?? NoteSetback(later, retryAfter);
        foreach (var (sent, number) in Attempt(batch, call, later.Kind.Word(), later.Reason))
            // a paused connection holds its queue by itself; once it is resumed, everything is due
            _postponed.Add((sent.Delivery, number, later.Kind.Word(), later.Reason, later.Kind == FailureKind.Credential ? TimeSpan.Zero : pause));
    }

    /// <summary>No call could be made: the access token for it was not to be had.</summary>
    public void PostponeWithoutCall(List<Outgoing> batch, DeliveryOutcome.TryLater later, TimeSpan? retryAfter)
    {
        NoteSetback(later, retryAfter);
        PutBack(batch);
    }

    private TimeSpan NoteSetback(DeliveryOutcome.TryLater later, TimeSpan? retryAfter)
    {
        var pause = RetryPolicy.Pause(later.Kind, _hasReached ? 1 : target.FailuresInARow + 1, retryAfter, Random.Shared.NextDouble());
        _setback = (later.Kind, later.Reason, pause);
        _isTooFast |= later.Kind == FailureKind.RateLimited && retryAfter is null;
        return pause;
    }

    /// <summary>Not tried in this batch after all: due again when the connection is.</summary>
    public void PutBack(List<Outgoing> batch)
    {
        foreach (var sent in batch)
            _postponed.Add((sent.Delivery, AttemptsOf(sent.Delivery), _setback?.Kind.Word(), _setback?.Reason,
                _setback is { Kind: not FailureKind.Credential } setback ? setback.Pause : _heldBack ?? TimeSpan.Zero));
    }

    /// <summary>No further call in this batch: what is put back from now on is due after the pause, as it would only be claimed in vain before.</summary>
    public void HoldBack(TimeSpan pause) => _heldBack = pause;

    /// <summary>Finished without a call.</summary>
    public void Finish(ClaimedDelivery delivery, Event? @event, DeliveryStatus status, string reason, string detail)
    {
        _finished.Add((delivery, @event, status, reason, detail, delivery.Attempts, null));
        Dead += status == DeliveryStatus.Dead ? 1 : 0;
    }

    /// <summary>There are results of calls that are not written.</summary>
    public bool HasUnsaved => _calls.Count > 0;

    /// <summary>Whether these have waited long enough to be written before the next call.</summary>
    public bool IsDue(DateTimeOffset now) => HasUnsaved && now - (_savedAt ?? started) > LongestUnsaved;

    /// <summary>Writes the results there are. When that fails, they are written with those to come.</summary>
    public async Task SaveAsync(NpgsqlDataSource database, DateTimeOffset now)
    {
        await using var connection = await database.OpenConnectionAsync();
        await using var transaction = await connection.BeginTransactionAsync();
        var rollups = await WriteResultsAsync(connection, now, CancellationToken.None);
        await rollups.WriteAsync(connection, CancellationToken.None);
        await transaction.CommitAsync();
        _calls.Clear();
        _attempts.Clear();
        _finished.Clear();
        _savedAt = now;
    }

    /// <summary>Writes all of it. A delivery whose lease another worker took meanwhile is finished by that one alone.</summary>
    /// <returns>The connection's new state when this changed it, else null.</returns>
    public async Task<string?> WriteAsync(NpgsqlDataSource database, DateTimeOffset now, CancellationToken cancel)
    {
        await using var connection = await database.OpenConnectionAsync(cancel);
        await using var transaction = await connection.BeginTransactionAsync(cancel);
        var rollups = await WriteResultsAsync(connection, now, cancel);
        await PostponeAsync(connection, now, cancel);
        var state = _setback is null ? await ReopenAsync(connection, now, cancel) : await SetBackAsync(connection, now, cancel);
        await rollups.WriteAsync(connection, cancel);
        await transaction.CommitAsync(cancel);
        return state;
    }

    /// <returns>What is to be added to the hourly sums, last in the transaction.</returns>
    private async Task<RollupWriter> WriteResultsAsync(NpgsqlConnection connection, DateTimeOffset now, CancellationToken cancel)
    {
        var rollups = new RollupWriter();
        await CallRow.CopyAsync(connection, target, _calls, cancel);
        await CopyAttemptsAsync(connection, cancel);
        await FinishAsync(connection, rollups, now, cancel);
        return rollups;
    }

    private List<(Outgoing Sent, int Number)> Attempt(List<Outgoing> batch, CallRow call, string outcome, string? reason)
    {
        var attempts = new List<(Outgoing, int)>(batch.Count);
        foreach (var sent in batch)
        {
            var number = CountTry(sent.Delivery);
            _attempts.Add((sent.Delivery, call.Id, sent.Position, number, call.At, outcome, Short(reason)));
            attempts.Add((sent, number));
        }
        return attempts;
    }

    /// <returns>The number of the try.</returns>
    private int CountTry(ClaimedDelivery delivery) => delivery.Attempts + (_triesHere[delivery.Id] = _triesHere.GetValueOrDefault(delivery.Id) + 1);

    private async Task CopyAttemptsAsync(NpgsqlConnection connection, CancellationToken cancel)
    {
        if (_attempts.Count == 0)
            return;
        await using var copy = await connection.BeginBinaryImportAsync(
            "COPY delivery_attempts (workspace_id, delivery_id, id, number, call_id, position, at, outcome, reason) FROM STDIN (FORMAT binary)", cancel);
        foreach (var attempt in _attempts)
        {
            await copy.StartRowAsync(cancel);
            copy.Write(attempt.Delivery.WorkspaceId, NpgsqlDbType.Uuid);
            copy.Write(attempt.Delivery.Id, NpgsqlDbType.Uuid);
            copy.Write(Guid.CreateVersion7(attempt.At), NpgsqlDbType.Uuid);
            copy.Write(attempt.Number, NpgsqlDbType.Integer);
            copy.Write(attempt.Call, NpgsqlDbType.Uuid);
            copy.Write(attempt.Position, NpgsqlDbType.Integer);
            copy.Write(attempt.At.UtcDateTime, NpgsqlDbType.TimestampTz);
            copy.Write(attempt.Outcome, NpgsqlDbType.Text);
            copy.Write(attempt.Reason, NpgsqlDbType.Text);
        }
        await copy.CompleteAsync(cancel);
    }

    private async Task FinishAsync(NpgsqlConnection connection, RollupWriter rollups, DateTimeOffset now, CancellationToken cancel)
    {
        if (_finished.Count == 0)
            return;
        var mine = new HashSet<Guid>(_finished.Count);
        await using (var delete = new NpgsqlCommand("DELETE FROM delivery_queue WHERE workspace_id = $1 AND id = ANY ($2) RETURNING id", connection))
        {
            delete.Parameters.Add(new NpgsqlParameter { Value = target.WorkspaceId });
            delete.Parameters.Add(new NpgsqlParameter { Value = _finished.ConvertAll(f => f.Delivery.Id) });
            await using var reader = await delete.ExecuteReaderAsync(cancel);
            while (await reader.ReadAsync(cancel))
                mine.Add(reader.GetGuid(0));
        }
        await using (var copy = await connection.BeginBinaryImportAsync("""
            COPY deliveries (workspace_id, website_id, id, connection_id, event_id, event_name, status, reason, detail, attempts, created_at, finished_at, call_id, call_position)
            FROM STDIN (FORMAT binary)
            """, cancel))
        {
            foreach (var (delivery, @event, status, reason, detail, attempts, taken) in _finished.Where(f => mine.Contains(f.Delivery.Id)))
            {
                await copy.StartRowAsync(cancel);
                copy.Write(delivery.WorkspaceId, NpgsqlDbType.Uuid);
                copy.Write(delivery.WebsiteId, NpgsqlDbType.Uuid);
                copy.Write(delivery.Id, NpgsqlDbType.Uuid);
                copy.Write(target.Id, NpgsqlDbType.Uuid);
                copy.Write(delivery.EventId, NpgsqlDbType.Uuid);
                copy.Write(delivery.EventName, NpgsqlDbType.Text);
                copy.Write(status.Word(), NpgsqlDbType.Text);
                copy.Write(reason, NpgsqlDbType.Text);
                copy.Write(Short(detail), NpgsqlDbType.Text);
                copy.Write(attempts, NpgsqlDbType.Integer);
                copy.Write(delivery.CreatedAt.UtcDateTime, NpgsqlDbType.TimestampTz);
                copy.Write(now.UtcDateTime, NpgsqlDbType.TimestampTz);
                copy.Write(taken?.Call, NpgsqlDbType.Uuid);
                copy.Write(taken?.Position, NpgsqlDbType.Integer);
                var what = (delivery.WorkspaceId, delivery.WebsiteId, target.Id, delivery.EventName);
                if (status == DeliveryStatus.Delivered && @event is not null)
                {
                    var due = DueSince(delivery, @event);
                    rollups.AddDelivered(what, now, now - due, due == @event.ReceivedAt && Arrival.IsLive(@event) ? now - @event.OccurredAt : null);
                }
                else
                    rollups.Add(what, status.Word(), reason ?? "", now, TimeSpan.Zero);
            }
            await copy.CompleteAsync(cancel);
        }
    }

    /// <summary>From its arrival on; where it was given to the connection long after (a backfill), from then on.</summary>
    private static DateTimeOffset DueSince(ClaimedDelivery delivery, Event @event) =>
        delivery.CreatedAt - @event.ReceivedAt > LongestRouting ? delivery.CreatedAt : @event.ReceivedAt;

    private async Task PostponeAsync(NpgsqlConnection connection, DateTimeOffset now, CancellationToken cancel)
    {
        if (_postponed.Count == 0)
            return;
        await using var update = new NpgsqlCommand("""
            UPDATE delivery_queue q SET attempts = n.attempts, reason = n.reason, detail = n.detail, next_attempt_at = n.next_attempt_at, claimed_until = NULL
              FROM unnest($2, $3, $4, $5, $6) AS n(id, attempts, reason, detail, next_attempt_at)
             WHERE q.workspace_id = $1 AND q.id = n.id AND q.claimed_until = $7
            """, connection); // another lease is another worker's
        update.Parameters.Add(new NpgsqlParameter { Value = target.WorkspaceId });
        update.Parameters.Add(new NpgsqlParameter { Value = _postponed.ConvertAll(p => p.Delivery.Id) });
        update.Parameters.Add(new NpgsqlParameter { Value = _postponed.ConvertAll(p => p.Attempts) });
        update.Parameters.Add(new NpgsqlParameter { Value = _postponed.ConvertAll(p => p.Reason), NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Text });
        update.Parameters.Add(new NpgsqlParameter { Value = _postponed.ConvertAll(p => Short(p.Detail)), NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Text });
        update.Parameters.Add(new NpgsqlParameter { Value = _postponed.ConvertAll(p => (now + p.Pause).UtcDateTime), NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.TimestampTz });
        update.Parameters.Add(new NpgsqlParameter { Value = lease.Until });
        await update.ExecuteNonQueryAsync(cancel);
    }

    /// <summary>Only a probe that went through makes a connection healthy again: a batch that was out before the setback proves nothing.</summary>
    private async Task<string?> ReopenAsync(NpgsqlConnection connection, DateTimeOffset now, CancellationToken cancel)
    {
        if (!target.IsProbe)
            return null;
        if (Calls == 0)
        {
            await target.ReleaseProbeAsync(connection, now + (_heldBack ?? TimeSpan.Zero), lease.Until, cancel);
            return null;
        }
        await using var update = new NpgsqlCommand("""
            UPDATE connections SET state = 'healthy', state_reason = NULL, failures_in_a_row = 0, not_before = NULL, state_changed_at = $3
             WHERE workspace_id = $1 AND id = $2 AND state = 'degraded' AND not_before = $4
            """, connection);
        foreach (var value in new object[] { target.WorkspaceId, target.Id, now, lease.Until })
            update.Parameters.Add(new NpgsqlParameter { Value = value });
        return await update.ExecuteNonQueryAsync(cancel) == 1 ? ConnectionState.Healthy.Word() : null;
    }

    /// <summary>
    /// Degrades or pauses the connection. Of several batches that fail together the first counts; the others can only make the pause longer.
    /// </summary>
    private async Task<string?> SetBackAsync(NpgsqlConnection connection, DateTimeOffset now, CancellationToken cancel)
    {
        var (kind, reason, pause) = _setback!.Value;
        var state = kind == FailureKind.Credential ? ConnectionState.Paused : ConnectionState.Degraded;
        // Credentials that were replaced while this batch was out have resumed the connection: an old answer must not pause it again.
        await using var update = new NpgsqlCommand("""
            WITH old AS (SELECT workspace_id, id, state, state = 'healthy' OR $8 AND not_before = $9 OR $3 = 'paused' AS counts
                           FROM connections WHERE workspace_id = $1 AND id = $2 AND state <> 'paused' AND updated_at <= $7 FOR NO KEY UPDATE)
            UPDATE connections c SET
                   state = CASE WHEN counts THEN $3 ELSE c.state END,
                   state_reason = CASE WHEN counts THEN $4 ELSE state_reason END,
                   failures_in_a_row = CASE WHEN NOT counts THEN failures_in_a_row WHEN $10 THEN 1 ELSE failures_in_a_row + 1 END,
                   not_before = CASE WHEN $3 = 'paused' THEN NULL WHEN counts THEN $5 ELSE GREATEST(not_before, $5) END,
                   slowed_interval_ms = COALESCE($11, slowed_interval_ms),
                   slowed_until = CASE WHEN $11 IS NULL THEN slowed_until ELSE $12 END,
                   state_changed_at = CASE WHEN NOT counts OR c.state = $3 THEN state_changed_at ELSE $6 END
              FROM old
             WHERE c.workspace_id = old.workspace_id AND c.id = old.id
            RETURNING old.state <> c.state
            """, connection);
        update.Parameters.Add(new NpgsqlParameter { Value = target.WorkspaceId });
        update.Parameters.Add(new NpgsqlParameter { Value = target.Id });
        update.Parameters.Add(new NpgsqlParameter { Value = state.Word() });
        update.Parameters.Add(new NpgsqlParameter { Value = Short(reason) ?? "", NpgsqlDbType = NpgsqlDbType.Text });
        foreach (var value in new object[] { now + pause, now, started, target.IsProbe, lease.Until, _hasReached })
            update.Parameters.Add(new NpgsqlParameter { Value = value });
        // one refusal slows for a while; while that lasts, and as long again, another slows more
        var slowed = RateLimit.Slowed(target.SlowedUntil + RateLimit.SlowedFor > now ? target.SlowedInterval : null);
        update.Parameters.Add(new NpgsqlParameter { Value = _isTooFast ? (int)slowed.TotalMilliseconds : DBNull.Value, NpgsqlDbType = NpgsqlDbType.Integer });
        update.Parameters.Add(new NpgsqlParameter { Value = now + pause + RateLimit.SlowedFor });
        return await update.ExecuteScalarAsync(cancel) is true ? state.Word() : null;
    }

    private static string? Short(string? text) => Storable(text, LongestReason);

    /// <summary>A platform's words as a database keeps them: no NUL, no half of a surrogate pair (also not by being cut), not too long.</summary>
    internal static string? Storable(string? text, int longest)
    {
        if (text?.Length > longest)
            text = text[..longest];
        return text is null ? null : Encoding.UTF8.GetString(Encoding.UTF8.GetBytes(text)).Replace("\0", "", StringComparison.Ordinal);
    }

    private static byte[] MaskedBody(DestinationRequest request) =>
        request.Secrets.Any(s => s.Length > 0 && request.Body.AsSpan().IndexOf(Encoding.UTF8.GetBytes(s)) >= 0)
            ? Encoding.UTF8.GetBytes(request.Mask(Encoding.UTF8.GetString(request.Body))) : request.Body;
}

/// <summary>A row of <c>delivery_calls</c> before it is written.</summary>
internal sealed record CallRow(Guid Id, DateTimeOffset At, int DurationMs, string Method, string Url, byte[] Request, int? HttpStatus, string Response, int Events)
{
    public static async Task CopyAsync(NpgsqlConnection connection, LaneConnection target, List<CallRow> calls, CancellationToken cancel)
    {
        if (calls.Count == 0)
            return;
        await using var copy = await connection.BeginBinaryImportAsync("""
            COPY delivery_calls (workspace_id, website_id, connection_id, id, at, duration_ms, method, url, request, http_status, response, events) FROM STDIN (FORMAT binary)
            """, cancel);
        foreach (var call in calls)
        {
            await copy.StartRowAsync(cancel);
            copy.Write(target.WorkspaceId, NpgsqlDbType.Uuid);
            copy.Write(target.WebsiteId, NpgsqlDbType.Uuid);
            copy.Write(target.Id, NpgsqlDbType.Uuid);
            copy.Write(call.Id, NpgsqlDbType.Uuid);
            copy.Write(call.At.UtcDateTime, NpgsqlDbType.TimestampTz);
            copy.Write(call.DurationMs, NpgsqlDbType.Integer);
            copy.Write(call.Method, NpgsqlDbType.Text);
            copy.Write(call.Url, NpgsqlDbType.Text);
            copy.Write(call.Request, NpgsqlDbType.Bytea);
            if (call.HttpStatus is { } status)
                copy.Write(status, NpgsqlDbType.Integer);
            else
                copy.WriteNull();
            copy.Write(call.Response, NpgsqlDbType.Text);
            copy.Write(call.Events, NpgsqlDbType.Integer);
        }
        await copy.CompleteAsync(cancel);
    }
}
