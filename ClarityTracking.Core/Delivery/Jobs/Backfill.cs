using System.Text.Json;
using ClarityTracking.Core.Connections;
using ClarityTracking.Core.Data;
using ClarityTracking.Core.Destinations;
using ClarityTracking.Core.Ingestion.Store;
using ClarityTracking.Core.Routing;
using ClarityTracking.Core.Tenancy;
using Microsoft.Extensions.Options;
using Npgsql;

namespace ClarityTracking.Core.Delivery.Jobs;

/// <summary>Which stored events to feed a connection: the last days, or a time. One of the two must be given.</summary>
/// <param name="Days">The last so many days, at most as many as the platform takes.</param>
/// <param name="From">Arrived at or after (UTC).</param>
/// <param name="To">Arrived before (UTC); null = now.</param>
public sealed record BackfillRequest(int? Days = null, DateTimeOffset? From = null, DateTimeOffset? To = null);

/// <summary>What a backfill does.</summary>
/// <param name="Matched">Events of that time.</param>
/// <param name="TooOld">Of these: older than the platform takes.</param>
/// <param name="AlreadyDelivered">Of these: the connection has a delivery for them, whatever became of it.</param>
/// <param name="WouldSkip">Of these: the router would skip them, by reason (words of <see cref="Routing.SkipReason"/>).</param>
/// <param name="WillSend">The rest.</param>
/// <param name="IsEstimate">So many that a sample was decided: what is skipped and sent is its share of all.</param>
/// <param name="From">The time that was looked at begins (UTC).</param>
/// <param name="To">And ends (UTC).</param>
public sealed record BackfillPlan(long Matched, long TooOld, long AlreadyDelivered, IReadOnlyDictionary<string, long> WouldSkip, long WillSend, bool IsEstimate,
    DateTimeOffset From, DateTimeOffset To)
{
    internal ReplayPlan Counts => new(Matched, TooOld, AlreadyDelivered, WillSend);
}

/// <summary>A backfill's plan and, where there is something to send, the job that does it.</summary>
public sealed record StartedBackfill(BackfillPlan Plan, Guid? JobId);

/// <summary>
/// Feeds a connection stored events that it has no delivery for, because they came before it, or while it was switched off. Each event is
/// decided by the router's rules, as if it had just come.
/// </summary>
public sealed class Backfill(ClarityDb database, NpgsqlDataSource system, DestinationCatalog catalog, EventLoader loader, FilterRules rules, DeliveryJobs jobs,
    IOptions<RetentionOptions> retention, TimeProvider clock)
{
    /// <summary>What is queued for a connection that is off would wait until somebody switches it on, and grow too old.</summary>
    internal static readonly Error ConnectionOff = new(ErrorKind.Invalid, "connection_off", "The connection is switched off. Switch it on first.", []);

    /// <summary>What would happen; changes nothing.</summary>
    public async Task<Result<BackfillPlan>> PlanAsync(Caller caller, Guid websiteId, Guid connectionId, BackfillRequest request, CancellationToken cancel)
    {
        await using var db = database.For(caller);
        var found = await FindAsync(db, caller, websiteId, connectionId, request, cancel);
        return found.IsOk ? await PlanAsync(found.Value.Scope, cancel) : found.Error;
    }

    /// <summary>Makes the job that does it; a worker begins at once. One at a time for each connection.</summary>
    public async Task<Result<StartedBackfill>> StartAsync(Caller caller, Guid websiteId, Guid connectionId, BackfillRequest request, CancellationToken cancel)
    {
        await using var db = database.For(caller);
        var found = await FindAsync(db, caller, websiteId, connectionId, request, cancel);
        if (!found.IsOk)
            return found.Error;
        var (website, scope) = found.Value;
        var planned = await PlanAsync(scope, cancel);
        if (!planned.IsOk)
            return planned.Error;
        var plan = planned.Value;
        if (plan.WillSend == 0 && plan.WouldSkip.Count == 0)
            return new StartedBackfill(plan, null);
        // the time is fixed now: what comes later is the router's
        var job = await jobs.QueueAsync(db, caller, website, JobKind.Backfill, connectionId, new BackfillRequest(From: scope.From, To: scope.To), plan.Counts, cancel);
        return job.IsOk ? new StartedBackfill(plan, job.Value) : job.Error;
    }

    private async Task<Result<(Website Website, BackfillScope Scope)>> FindAsync(
        ClarityDbContext db, Caller caller, Guid websiteId, Guid connectionId, BackfillRequest request, CancellationToken cancel)
    {
        var website = await db.WebsiteAsync(caller, websiteId, Role.Admin, cancel);
        if (!website.IsOk)
            return website.Error;
        var found = await ConnectionService.FindAsync(db, caller, websiteId, connectionId, Role.Admin, cancel);
        if (!found.IsOk)
            return found.Error;
        if (catalog.Find(found.Value.Platform) is not { } destination)
            return new Error(ErrorKind.Invalid, "unknown_platform", "This version does not know the connection's platform.", []);
        if (!found.Value.Enabled)
            return ConnectionOff;
        var now = clock.GetUtcNow();
        if (WrongIn(request, destination, now) is { } wrong)
            return Error.Invalid(wrong);
        var from = request.Days is { } days ? now.AddDays(-days) : request.From!.Value.ToUniversalTime();
        var to = request.To is { } until && until < now ? until.ToUniversalTime() : now;
        // a younger connection has had nothing that is forgotten by now
        if (retention.Value.DeliveriesKnownSince(now) is var known && from < known && found.Value.CreatedAt < known)
            return Error.Invalid(Forgotten(request, retention.Value.DeliveryDays, known));
        var settings = JsonElement.Parse(found.Value.Settings);
        return (website.Value, new BackfillScope(website.Value.WorkspaceId, websiteId, connectionId, destination, settings, from, to));
    }

    private static FieldError? WrongIn(BackfillRequest request, IDestination destination, DateTimeOffset now)
    {
        var most = MostDays(destination.Info);
        return request switch
        {
            { Days: null, From: null } => new("days", "Give days, or from and to."),
            { Days: not null, From: not null } or { Days: not null, To: not null } => new("days", "Give either days, or from and to."),
            { Days: { } days } when days < 1 || days > most => new("days", $"{destination.Info.DisplayName} takes events of the last {most} days: give 1 to {most}."),
            { From: { Year: < 2000 } } => new("from", "from must be 2000-01-01 or later."),
            { From: { } from } when from >= now || from >= request.To => new("from", "from must be before to, and in the past."),
            _ => null,
        };
    }

    private static FieldError Forgotten(BackfillRequest request, int days, DateTimeOffset known)
    {
        var why = $"Deliveries are kept for {days} days, so of older events it cannot be told what this connection has had already";
        return request.Days is null ? new("from", $"{why}: from must be {known:yyyy-MM-dd} (UTC) or later.") : new("days", $"{why}: give at most {days}.");
    }

    /// <summary>Most days that can be asked for: what the platform takes, in whole days.</summary>
    public static int MostDays(DestinationInfo info) => Math.Max(1, (int)Math.Round(info.MaxAge.TotalDays));

    /// <summary>As the worker reads it; see <see cref="Replay"/>.</summary>
    private async Task<Result<BackfillPlan>> PlanAsync(BackfillScope scope, CancellationToken cancel)
    {
        await using var connection = await system.OpenConnectionAsync(cancel);
        try
        {
            return await scope.CountAsync(connection, loader, rules, clock.GetUtcNow(), cancel);
        }
        catch (NpgsqlException error) when (PlanTimeout.Is(error))
        {
            return PlanTimeout.Error;
        }
    }
}
