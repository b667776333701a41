using System.Security.Cryptography;
using System.Text.Json;
using ClarityTracking.Core.Connections;
using ClarityTracking.Core.Data;
using ClarityTracking.Core.Destinations;
using ClarityTracking.Core.Ingestion.Store;
using ClarityTracking.Core.Routing;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace ClarityTracking.Core.Delivery;

/// <summary>
/// Sends one batch of one connection: claim, map, call, judge, record. A batch the platform refuses because of one event is tried in
/// halves until that event stands alone; only it becomes a dead letter. A batch that fails again and again while the platform works is tried
/// in halves too; the event it owes that to waits alone. A degraded connection is tried with one event first.
/// </summary>
public sealed partial class DeliveryLane(
    NpgsqlDataSource database, EventLoader loader, DestinationCatalog catalog, FilterRules rules, DestinationClient client, AccessTokens tokens,
    SecretProtector protector, CallArchive archive, TimeProvider clock, ILogger<DeliveryLane> log)
{
    /// <summary>Time limit of one call; below the host's time to shut down.</summary>
    internal static readonly TimeSpan LongestCall = TimeSpan.FromSeconds(20);

    /// <summary>After this no call of a batch is begun: what is left is claimed afresh. Enough for the calls that find an event the platform never answers.</summary>
    internal static readonly TimeSpan LongestTrip = TimeSpan.FromMinutes(3);

    /// <summary>So often one batch is sent again without the event that the platform named; then halves are tried.</summary>
    private const int MostResends = 8;

    /// <summary>From this failed attempt of a delivery on, its batch is tried in halves: one event may be what the platform fails on.</summary>
    private const int AttemptsUntilApart = 3;

    /// <summary>So many calls failing in a row while a batch is tried in halves mean that the platform is down after all.</summary>
    private const int MostFailuresApart = 8;

    /// <summary>So often the end of a batch is written while the database is away, with a second, two seconds and so on between.</summary>
    private const int MostWrites = 5;

    /// <summary>A probe sends one of so many. Few, because hundreds of connections may hang in their probes at once and hold their events in memory.</summary>
    private const int MostToProbe = 50;

    /// <summary>Sends the next batch. Several may be out for one connection.</summary>
    public async Task<BatchResult> RunBatchAsync(LaneKey key, CancellationToken cancel)
    {
        await using var connection = await database.OpenConnectionAsync(cancel);
        var now = clock.GetUtcNow();
        var leaseUntil = Lease.End(now);
        if (await LaneConnection.LoadAsync(connection, key, now, leaseUntil, cancel) is not { } target || catalog.Find(target.Platform) is not { } destination)
            return new BatchResult(BatchEnd.Nothing);
        if (await OpenCredentialsAsync(connection, target, now, cancel) is not { } credentials)
            return new BatchResult(BatchEnd.Nothing);
        var claimed = await ClaimedDelivery.ClaimAsync(connection, key, target.IsProbe ? Math.Min(MostToProbe, destination.Info.MaxBatch) : destination.Info.MaxBatch, now, leaseUntil, cancel);
        if (claimed.Count == 0)
        {
            if (target.IsProbe)
                await target.ReleaseProbeAsync(connection, now, leaseUntil, cancel);
            return new BatchResult(BatchEnd.Nothing);
        }

        await using var lease = new Lease(database, key, [.. claimed.Select(c => c.Id)], leaseUntil, clock, log);
        var record = new BatchRecord(target, archive, now, lease);
        var sendable = await MapAsync(connection, destination, target, claimed, record, cancel);
        var access = new DestinationAccess(client.BaseUrl(destination.Info), target.Settings, credentials);
        await connection.CloseAsync(); // a call may take half a minute; the pool can use the connection meanwhile

        var trip = new Trip(key, destination, access, record, lease, now + LongestTrip) { Limit = target.LimitAt(now, destination.Info.Rate), IsProbing = target.IsProbe };
        try
        {
            await SendWithTokenAsync(trip, sendable, cancel);
        }
        catch
        {
            await SaveAsync(trip); // what the calls before led to; the rest is due again when the lease ends
            throw;
        }
        if (await WriteAsync(trip) is { } state)
            LogState(target.Platform, key.ConnectionId, state, record.Setback ?? "a call went through");
        LogBatch(target.Platform, key.ConnectionId, claimed.Count, record.Delivered, record.Dead, record.Retrying, record.Calls);
        var end = record.MustWait ? BatchEnd.SetBack : claimed.Count < destination.Info.MaxBatch ? BatchEnd.Sent : BatchEnd.SentFull;
        return new BatchResult(end, record.Slowest);
    }

    /// <summary>The credentials; null when this master key does not open them, which pauses the connection until they are entered again.</summary>
    private async Task<JsonElement?> OpenCredentialsAsync(NpgsqlConnection connection, LaneConnection target, DateTimeOffset started, CancellationToken cancel)
    {
        try
        {
            return target.OpenCredentials(protector);
        }
        catch (CryptographicException error)
        {
            LogCredentialsSealed(error, target.Id);
            await target.PauseAsync(connection, "The credentials cannot be opened with this master key. Enter them again.", started, clock.GetUtcNow(), cancel);
            return null;
        }
    }

    /// <summary>Maps what can be sent; what cannot becomes a dead letter with its reason instead of stopping the queue.</summary>
    private async Task<List<Outgoing>> MapAsync(
        NpgsqlConnection connection, IDestination destination, LaneConnection target, List<ClaimedDelivery> claimed, BatchRecord record, CancellationToken cancel)
    {
        var events = await loader.LoadAsync(connection, claimed.ConvertAll(c => new EventAddress(c.WorkspaceId, c.WebsiteId, c.EventId)), cancel);
        var set = await rules.GetAsync(connection, target.WorkspaceId, target.WebsiteId, target.RulesVersion, cancel);
        var sendable = new List<Outgoing>(claimed.Count);
        foreach (var delivery in claimed)
        {
            if (!events.TryGetValue(delivery.EventId, out var @event))
            {
                record.Finish(delivery, null, DeliveryStatus.Dead, FailureKind.Permanent.Word(), "The event is no longer stored.");
                continue;
            }
            var routed = EventRouter.Route(@event, set.About(@event), target.Id, destination, target.Settings, clock.GetUtcNow());
            if (routed.Skip is { } skip)
            {
                // it was fine when it was routed: since then it grew too old, or the connection's settings or the rules changed
                var status = skip.Reason == SkipReason.TooOld ? DeliveryStatus.Dead : DeliveryStatus.Skipped;
                record.Finish(delivery, @event, status, skip.Reason.Word(), skip.Detail);
                continue;
            }
            try
            {
                sendable.Add(new Outgoing(delivery, @event, destination.Map(routed.Event, target.Settings)));
            }
            catch (Exception error) when (error is InvalidOperationException or FormatException or JsonException or ArgumentException)
            {
                LogMappingFailed(error, target.Platform, delivery.Id);
                record.Finish(delivery, @event, DeliveryStatus.Dead, FailureKind.Permanent.Word(), "The event could not be mapped: " + error.Message);
            }
        }
        return sendable;
    }

    /// <summary>Exchanges the credentials for an access token first where the platform needs one.</summary>
    private async Task SendWithTokenAsync(Trip trip, List<Outgoing> batch, CancellationToken cancel)
    {
        if (batch.Count == 0)
            return;
        if (trip.Destination.Grant(trip.Access.Credentials) is { } grant)
        {
            var token = await tokens.GetAsync(grant, CancellationToken.None);
            if (token.Failure is { } failure)
            {
                trip.Record.PostponeWithoutCall(batch, failure, token.RetryAfter);
                return;
            }
            trip.Access = trip.Access with { AccessToken = token.Value };
        }
        if (trip.IsProbing)
        {
            // the one that failed least: an event the platform fails on must not keep the connection closed
            var probe = batch.MinBy(o => o.Delivery.Attempts)!;
            batch.Remove(probe);
            await SendAsync(trip, [probe], cancel);
            trip.IsProbing = false;
        }
        foreach (var call in batch.GroupBy(o => trip.Destination.CallOf(o.Payload)))
            await SendAsync(trip, [.. call], cancel);
        while (trip.Apart.TryDequeue(out var part))
            await SendAsync(trip, part, cancel);
    }

    private async Task SendAsync(Trip trip, List<Outgoing> batch, CancellationToken cancel)
    {
        var (destination, access, record) = (trip.Destination, trip.Access, trip.Record);
        // no call is begun without the lease or in a shutdown; what is begun is finished and recorded
        if (batch.Count == 0 || record.MustWait || cancel.IsCancellationRequested || clock.GetUtcNow() > trip.LastCall || !trip.Lease.IsHeld)
        {
            record.PutBack(batch);
            return;
        }
        if (record.IsDue(clock.GetUtcNow()))
            await SaveAsync(trip);
        if (trip.Limit is { } limit && !await WaitForTurnAsync(trip, limit, cancel))
        {
            record.PutBack(batch);
            return;
        }
        for (var position = 0; position < batch.Count; position++)
            batch[position].Position = position;
        var at = clock.GetUtcNow();
        var request = destination.BuildRequest(batch.ConvertAll(o => o.Payload), access with { Now = at });
        var result = await CallAsync(trip, request);
        var outcome = result.HttpStatus is { } status
            ? destination.Judge(new DestinationAnswer(status, result.Body, batch.Count))
            : new DeliveryOutcome.TryLater(FailureKind.Transient, result.Body);
        // a token that served before may have been revoked before its time: the next try fetches another, and only that one's refusal counts
        if (outcome is DeliveryOutcome.TryLater { Kind: FailureKind.Credential } refusal && access.AccessToken is { } used && tokens.Forget(used))
            outcome = refusal with { Kind = FailureKind.Transient };
        // a platform that names one bad event at a time would be asked a thousand times about a thousand of them: halves need fewer calls then
        if (outcome is DeliveryOutcome.Mixed named && named.Events.Contains(DeliveryOutcome.NotTaken.It) && ++record.Resends > MostResends
            && named.Events.OfType<DeliveryOutcome.Refused>().FirstOrDefault() is { } one)
            outcome = one;
        var call = record.AddCall(request, result, at, batch.Count);
        var isTransient = outcome is DeliveryOutcome.TryLater { Kind: FailureKind.Transient, After: null };
        trip.FailuresInARow = isTransient ? trip.FailuresInARow + 1 : 0;
        switch (outcome)
        {
            case DeliveryOutcome.Mixed mixed when mixed.Events.Count == batch.Count && mixed.Events.Any(e => e is not DeliveryOutcome.NotTaken):
                foreach (var group in batch.Zip(mixed.Events).GroupBy(pair => pair.Second, pair => pair.First).Where(g => g.Key is not DeliveryOutcome.NotTaken))
                    if (group.Key is DeliveryOutcome.TryLater { Kind: FailureKind.Transient, After: null } alone && mixed.Events.Any(e => e is DeliveryOutcome.Delivered))
                        foreach (var sent in group)
                            record.PostponeAlone(sent, call, alone);
                    else
                        Settle(record, [.. group], call, group.Key, result.RetryAfter);
                var again = batch.Where((_, i) => mixed.Events[i] is DeliveryOutcome.NotTaken).ToList();
                if (again.Count > 0)
                    record.NoteNotTaken(again, call);
                await SendAsync(trip, again, cancel);
                break;
            case DeliveryOutcome.Refused refused when batch.Count > 1 && destination.RefusesWholeBatch:
                record.NoteRefusedBatch(batch, call, refused);
                var half = batch.Count / 2;
                await SendAsync(trip, batch[..half], cancel);
                await SendAsync(trip, batch[half..], cancel);
                break;
            case DeliveryOutcome.TryLater later when isTransient && MayBeOneEvent(trip, batch, result):
                TryApart(trip, batch, call, later);
                break;
            default:
                Settle(record, batch, call, outcome, result.RetryAfter);
                break;
        }
    }

    /// <summary>Makes one call. While it takes its time, the results of those before it are written.</summary>
    private async Task<CallResult> CallAsync(Trip trip, DestinationRequest request)
    {
        var call = client.SendAsync(request, CancellationToken.None);
        if (trip.Record.HasUnsaved && await Task.WhenAny(call, Task.Delay(BatchRecord.LongestUnsaved, clock, CancellationToken.None)) != call)
            await SaveAsync(trip);
        return await call;
    }

    /// <summary>
    /// Writes what the batch led to. The platform has been called and that must be known, or its events are sent again: a database that is away
    /// for a moment is tried again while the lease is renewed.
    /// </summary>
    private async Task<string?> WriteAsync(Trip trip)
    {
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                return await trip.Lease.WriteAsync(() => trip.Record.WriteAsync(database, clock.GetUtcNow(), CancellationToken.None));
            }
            catch (PostgresException error) when (attempt > 1 && error.SqlState == PostgresErrorCodes.UniqueViolation)
            {
                return null; // the write before this one went through, only its answer was lost
            }
            catch (Exception error) when (attempt < MostWrites && error is NpgsqlException { IsTransient: true } or TimeoutException)
            {
                LogNotSaved(error, trip.Key.ConnectionId);
                await Task.Delay(TimeSpan.FromSeconds(attempt), clock, CancellationToken.None);
            }
        }
    }

    private async Task SaveAsync(Trip trip)
    {
        try
        {
            await trip.Record.SaveAsync(database, clock.GetUtcNow());
        }
        catch (Exception error) when (error is NpgsqlException or TimeoutException)
        {
            LogNotSaved(error, trip.Key.ConnectionId);
        }
    }

    /// <summary>Waits until the platform's rate limit allows a call; false when there is no time left for that.</summary>
    private async Task<bool> WaitForTurnAsync(Trip trip, RateLimit limit, CancellationToken cancel)
    {
        var now = clock.GetUtcNow();
        bool isBooked;
        TimeSpan wait;
        try
        {
            (isBooked, wait) = await LaneConnection.BookCallAsync(database, trip.Key, limit, now, trip.LastCall, CancellationToken.None);
        }
        catch (Exception error) when (error is NpgsqlException or TimeoutException) // calls made before this one must still be recorded
        {
            LogNotBooked(error, trip.Key.ConnectionId);
            trip.Record.HoldBack(TimeSpan.FromSeconds(1));
            return false;
        }
        if (!isBooked)
        {
            trip.Record.HoldBack(wait);
            return false;
        }
        if (wait > TimeSpan.Zero)
            await Task.Delay(wait, clock, cancel).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        return !cancel.IsCancellationRequested && trip.Lease.IsHeld;
    }

    /// <summary>Whether a call may have failed because of one event in it and not because the platform is down.</summary>
    private static bool MayBeOneEvent(Trip trip, List<Outgoing> batch, CallResult result) =>
        !trip.IsProbing && result.RetryAfter is null && trip.FailuresInARow < MostFailuresApart
        && batch.Any(o => trip.Record.AttemptsOf(o.Delivery) + 1 >= AttemptsUntilApart);

    /// <summary>
    /// Both halves are tried before halves of halves: what is healthy goes out first, even where each failing call lasts until its time is up.
    /// An event that fails alone waits alone.
    /// </summary>
    private static void TryApart(Trip trip, List<Outgoing> batch, CallRow call, DeliveryOutcome.TryLater later)
    {
        if (batch.Count == 1)
        {
            trip.Record.PostponeAlone(batch[0], call, later);
            return;
        }
        trip.Record.NoteFailedBatch(batch, call, later);
        trip.Apart.Enqueue(batch[..(batch.Count / 2)]);
        trip.Apart.Enqueue(batch[(batch.Count / 2)..]);
    }

    /// <summary>Records what one outcome means for the events it stands for.</summary>
    private static void Settle(BatchRecord record, List<Outgoing> sent, CallRow call, DeliveryOutcome outcome, TimeSpan? retryAfter)
    {
        switch (outcome)
        {
            case DeliveryOutcome.Delivered:
                record.Deliver(sent, call);
                break;
            case DeliveryOutcome.Refused refused:
                record.Bury(sent, call, refused);
                break;
            case DeliveryOutcome.TryLater later:
                record.Postpone(sent, call, later, retryAfter);
                break;
            case DeliveryOutcome.Mixed or DeliveryOutcome.NotTaken: // an answer for another number of events than were sent
                record.Postpone(sent, call, new DeliveryOutcome.TryLater(FailureKind.Transient, "The answer does not fit the events that were sent."), retryAfter);
                break;
            default:
                throw new System.Diagnostics.UnreachableException();
        }
    }

    [LoggerMessage(1211, LogLevel.Information,
        "Batch to {Platform} connection {ConnectionId}: {Events} events, {Delivered} delivered, {Dead} dead, {Retrying} to retry, {Calls} calls")]
    private partial void LogBatch(string platform, Guid connectionId, int events, int delivered, int dead, int retrying, int calls);

    [LoggerMessage(1215, LogLevel.Warning, "No call could be booked for connection {ConnectionId}; its deliveries are tried again")]
    private partial void LogNotBooked(Exception error, Guid connectionId);

    [LoggerMessage(1217, LogLevel.Warning, "The calls of connection {ConnectionId} so far could not be recorded; they are with its next ones")]
    private partial void LogNotSaved(Exception error, Guid connectionId);

    [LoggerMessage(1216, LogLevel.Warning, "A batch of connection {ConnectionId} could not be kept claimed; it is tried again")]
    internal static partial void LogNotRenewed(ILogger log, Exception error, Guid connectionId);

    [LoggerMessage(1214, LogLevel.Warning, "{Platform} connection {ConnectionId} is now {State}: {Reason}")]
    private partial void LogState(string platform, Guid connectionId, string state, string reason);

    [LoggerMessage(1213, LogLevel.Error, "The credentials of connection {ConnectionId} cannot be opened with this master key")]
    private partial void LogCredentialsSealed(Exception error, Guid connectionId);

    [LoggerMessage(1212, LogLevel.Error, "Mapping for {Platform} failed, delivery {DeliveryId}")]
    private partial void LogMappingFailed(Exception error, string platform, Guid deliveryId);
}

/// <summary>A claimed delivery with its event as the platform wants it.</summary>
internal sealed record Outgoing(ClaimedDelivery Delivery, Event Event, byte[] Payload)
{
    /// <summary>Its place in the call it was last sent with.</summary>
    public int Position { get; set; }
}

/// <summary>What the calls of one batch have in common.</summary>
/// <param name="key">The connection.</param>
/// <param name="destination">The platform.</param>
/// <param name="access">Where to and with which credentials.</param>
/// <param name="record">What the calls led to so far.</param>
/// <param name="lease">The hold on the batch.</param>
/// <param name="lastCall">No call is begun after this (UTC).</param>
internal sealed class Trip(LaneKey key, IDestination destination, DestinationAccess access, BatchRecord record, Lease lease, DateTimeOffset lastCall)
{
    public LaneKey Key => key;

    public IDestination Destination => destination;

    public DestinationAccess Access { get; set; } = access;

    public BatchRecord Record => record;

    public Lease Lease => lease;

    public DateTimeOffset LastCall => lastCall;

    /// <summary>How fast calls may follow each other; null = as they come.</summary>
    public RateLimit? Limit { get; init; }

    /// <summary>The connection is degraded, and the one call being made shows whether it works again.</summary>
    public bool IsProbing { get; set; }

    /// <summary>Parts of batches that failed, still to be tried.</summary>
    public Queue<List<Outgoing>> Apart { get; } = new();

    /// <summary>Calls that failed since the last that did not.</summary>
    public int FailuresInARow { get; set; }
}
