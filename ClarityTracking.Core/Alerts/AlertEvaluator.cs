using System.Text.Json;
using ClarityTracking.Core.Health.Volume;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace ClarityTracking.Core.Alerts;

/// <summary>What one look at all websites did.</summary>
/// <param name="Websites">How many were looked at; those that another node looks at right now are left to it.</param>
/// <param name="Failed">How many could not be.</param>
/// <param name="Raised">Alerts that opened.</param>
/// <param name="Resolved">Alerts that are over.</param>
public sealed record AlertRun(int Websites, int Failed, int Raised, int Resolved);

/// <summary>
/// Measures every rule of every website and raises, keeps and resolves alerts. A website is one transaction: one that fails stops no other, and what
/// it changed is there with whom it is to be told, or not at all. Several nodes may look at once; each website is looked at by one of them.
/// </summary>
public sealed partial class AlertEvaluator(NpgsqlDataSource database, VolumeMonitor volume, TimeProvider clock, ILogger<AlertEvaluator> log)
{
    /// <summary>An alert that comes back within this time is the same one and opens again.</summary>
    public static readonly TimeSpan ReopensWithin = TimeSpan.FromHours(24);

    /// <summary>Evidence of an unresolved alert is renewed at most this often: not a row version per minute.</summary>
    private static readonly TimeSpan RenewEvery = TimeSpan.FromMinutes(5);

    /// <summary>A kind that takes longer to read than this cannot be told this time.</summary>
    private static readonly TimeSpan MostReading = TimeSpan.FromSeconds(15);

    /// <summary>Most unresolved alerts of a kind and website that are told one by one; the others are counted in one more.</summary>
    public const int MostSubjects = 50;

    /// <summary>Looks at all websites, or at those where a connection changed its state since a moment.</summary>
    /// <exception cref="NpgsqlException">The database is away before the first website.</exception>
    public async Task<AlertRun> RunAsync(DateTimeOffset? changedSince, CancellationToken cancel) =>
        await RunAsync(await WebsitesAsync(changedSince, cancel), onlyVolume: false, cancel);

    /// <summary>Looks at the volume of some websites, and at nothing else.</summary>
    /// <exception cref="NpgsqlException">The database is away before the first website.</exception>
    internal async Task<AlertRun> RunVolumeAsync(IReadOnlySet<Guid> websites, CancellationToken cancel) =>
        websites.Count == 0 ? new AlertRun(0, 0, 0, 0)
            : await RunAsync([.. (await WebsitesAsync(null, cancel)).Where(w => websites.Contains(w.Id))], onlyVolume: true, cancel);

    private async Task<AlertRun> RunAsync(IReadOnlyList<WatchedWebsite> websites, bool onlyVolume, CancellationToken cancel)
    {
        var (looked, failed, raised, resolved) = (0, 0, 0, 0);
        foreach (var website in websites)
            try
            {
                if (await EvaluateAsync(website, onlyVolume, cancel) is not { } changes)
                    continue;
                looked++;
                raised += changes.Raised;
                resolved += changes.Resolved;
            }
            catch (Exception error) when (error is not OperationCanceledException)
            {
                failed++;
                LogFailed(error, website.Id);
            }
        return new AlertRun(looked, failed, raised, resolved);
    }

    private async Task<List<WatchedWebsite>> WebsitesAsync(DateTimeOffset? changedSince, CancellationToken cancel)
    {
        var waiting = await OldestInOutboxAsync(cancel);
        await using var command = database.CreateCommand("""
            SELECT workspace_id, id, time_zone FROM websites w
             WHERE $1::timestamptz IS NULL OR EXISTS (SELECT FROM connections c WHERE c.workspace_id = w.workspace_id AND c.website_id = w.id AND c.state_changed_at >= $1)
             ORDER BY id
            """);
        command.Parameters.Add(new NpgsqlParameter { Value = changedSince is { } moment ? moment : DBNull.Value, NpgsqlDbType = NpgsqlTypes.NpgsqlDbType.TimestampTz });
        await using var reader = await command.ExecuteReaderAsync(cancel);
        var websites = new List<WatchedWebsite>();
        while (await reader.ReadAsync(cancel))
            websites.Add(new WatchedWebsite(reader.GetGuid(0), reader.GetGuid(1), reader.GetString(2),
                waiting.TryGetValue((reader.GetGuid(0), reader.GetGuid(1)), out var since) ? since : null));
        return websites;
    }

    /// <summary>Younger ones than a minute are below every threshold there can be.</summary>
    private async Task<Dictionary<(Guid Workspace, Guid Website), DateTimeOffset>> OldestInOutboxAsync(CancellationToken cancel)
    {
        await using var command = database.CreateCommand(AlertMeasures.OldestInOutbox);
        command.Parameters.Add(new NpgsqlParameter { Value = clock.GetUtcNow() - TimeSpan.FromMinutes(1) });
        await using var reader = await command.ExecuteReaderAsync(cancel);
        var oldest = new Dictionary<(Guid, Guid), DateTimeOffset>();
        while (await reader.ReadAsync(cancel))
            oldest[(reader.GetGuid(0), reader.GetGuid(1))] = reader.GetFieldValue<DateTimeOffset>(2);
        return oldest;
    }

    private async Task<(int Raised, int Resolved)?> EvaluateAsync(WatchedWebsite website, bool onlyVolume, CancellationToken cancel)
    {
        var now = clock.GetUtcNow();
        var read = onlyVolume ? [] : await ReadAsync(website, now, cancel);
        await using var connection = await database.OpenConnectionAsync(cancel);
        await using var transaction = await connection.BeginTransactionAsync(cancel);
        var store = new AlertStore(connection, website, now);
        if (!await store.TryLockAsync(cancel))
            return null;
        var known = await store.ReadAsync(ReopensWithin, cancel);
        var kinds = AlertCatalog.All.Where(kind => kind.Read is null && known.RuleOf(kind).Enabled && (onlyVolume ? kind.OfVolume is not null : IsDue(kind, website, now))).ToList();
        var stands = kinds.Exists(kind => kind.OfVolume is not null) ? await volume.ReadAsync(connection, website.WorkspaceId, website.Id, website.TimeZone, now, cancel) : null;
        foreach (var (kind, found) in (await store.MeasureAsync(kinds, cancel)).Select(m => (m.Kind, (Dictionary<string, Measure>?)m.Measures)).Concat(read.Where(r => known.RuleOf(r.Kind).Enabled)))
        {
            var measures = kind.OfVolume is { } ofVolume ? ofVolume(stands, found!.Values).ToDictionary(m => m.Subject, StringComparer.Ordinal) : found ?? new(StringComparer.Ordinal);
            // while volume or the ledger cannot be told, nothing that it raised is over
            if (found is null || (kind.OfVolume is not null && stands is null))
                foreach (var subject in known.SubjectsOf(kind.Key))
                    measures.TryAdd(subject, new Measure(subject, subject, null, JsonElement.Parse("{}")));
            FoldRest(known, kind, measures);
            var subjects = measures.Keys.Union(known.SubjectsOf(kind.Key));
            foreach (var subject in subjects)
                Decide(store, known, kind, subject, measures.GetValueOrDefault(subject), now);
        }
        // rules that were switched off, and kinds that are no more
        foreach (var alert in known.Alerts.Where(a => a.State != AlertState.Resolved && (AlertCatalog.Find(a.Kind) is not { } kind || !known.RuleOf(kind).Enabled)))
            store.Resolve(alert, "The rule is switched off.");
        foreach (var (kind, subject) in known.Held.Keys.Where(held => AlertCatalog.Find(held.Kind) is not { } kind || !known.RuleOf(kind).Enabled))
            store.Forget(kind, subject);
        await store.WriteAsync(cancel);
        await transaction.CommitAsync(cancel);
        return (store.Raised, store.Resolved);
    }

    /// <summary>
    /// Kinds that read much are read before the transaction: it holds locks, and what it decides of other kinds must not wait for them or fail with them.
    /// Null = it could not be read, so nothing can be told.
    /// </summary>
    private async Task<List<(AlertKind Kind, Dictionary<string, Measure>? Measures)>> ReadAsync(WatchedWebsite website, DateTimeOffset now, CancellationToken cancel)
    {
        var read = new List<(AlertKind, Dictionary<string, Measure>?)>();
        var due = AlertCatalog.All.Where(kind => kind.Read is not null && IsDue(kind, website, now)).ToList();
        if (due.Count == 0)
            return read;
        await using var connection = await database.OpenConnectionAsync(cancel);
        var known = await new AlertStore(connection, website, now).ReadAsync(ReopensWithin, cancel);
        foreach (var kind in due.Where(kind => known.RuleOf(kind).Enabled))
            try
            {
                using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancel);
                limit.CancelAfter(MostReading);
                read.Add((kind, (await kind.Read!(connection, website, now, limit.Token)).ToDictionary(m => m.Subject, StringComparer.Ordinal)));
            }
            catch (Exception error) when (!cancel.IsCancellationRequested && error is (NpgsqlException or OperationCanceledException))
            {
                LogUntold(error, kind.Key, website.Id);
                read.Add((kind, null));
            }
        return read;
    }

    /// <summary>Costly kinds take turns, so that not all websites are measured in the same minute.</summary>
    private static bool IsDue(AlertKind kind, WatchedWebsite website, DateTimeOffset now) =>
        (now.ToUnixTimeSeconds() / 60 + website.Id.ToByteArray()[15]) % kind.EveryMinutes == 0;

    /// <summary>A thousand names that all hold are one thing gone wrong: those beyond <see cref="MostSubjects"/> become one subject with their number.</summary>
    private static void FoldRest(KnownAlerts known, AlertKind kind, Dictionary<string, Measure> measures)
    {
        var threshold = known.RuleOf(kind).Threshold;
        var holding = measures.Values.Where(m => kind.Holds(m.Value, threshold) is true).ToList();
        if (holding.Count <= MostSubjects)
            return;
        // those that are told stay, then those that hold longest, then the worst
        var rest = holding.OrderBy(m => known.UnresolvedOf(kind.Key, m.Subject) is null).ThenBy(m => known.HeldSince(kind.Key, m.Subject) ?? DateTimeOffset.MaxValue)
            .ThenBy(m => kind.IsBelow ? m.Value : -m.Value).ThenBy(m => m.Subject, StringComparer.Ordinal).Skip(MostSubjects)
            .Where(m => known.UnresolvedOf(kind.Key, m.Subject) is null).ToList();
        if (rest.Count == 0)
            return;
        foreach (var one in rest)
            measures.Remove(one.Subject);
        measures[AlertKind.Rest] = new Measure(AlertKind.Rest, $"{AlertKind.RestName}{rest.Count} more", kind.IsBelow ? rest.Min(m => m.Value) : rest.Max(m => m.Value),
            JsonSerializer.SerializeToElement(new { more = rest.Count }));
    }

    private static void Decide(AlertStore store, KnownAlerts known, AlertKind kind, string subject, Measure? measure, DateTimeOffset now)
    {
        var rule = known.RuleOf(kind);
        var (alert, heldSince) = (known.UnresolvedOf(kind.Key, subject), known.HeldSince(kind.Key, subject));
        var holds = measure is null ? false : measure.IsCertain ? true : kind.Holds(measure.Value, rule.Threshold);
        var step = AlertDecision.Next(alert is null ? null : (alert.State, alert.ClearSince, alert.SnoozedUntil), heldSince, holds,
            now, TimeSpan.FromMinutes(rule.RaiseAfterMinutes), TimeSpan.FromMinutes(rule.ResolveAfterMinutes));
        switch (step)
        {
            case AlertStep.Wait:
                store.Remember(kind, subject);
                break;
            case AlertStep.Forget:
                store.Forget(kind.Key, subject);
                break;
            case AlertStep.Raise:
                store.Raise(kind, measure!, rule.Threshold, known.ResolvedOf(kind.Key, subject));
                break;
            case AlertStep.Wake:
                store.Wake(alert!, kind);
                break;
            case AlertStep.Clear:
                store.ClearSince(alert!, now);
                break;
            case AlertStep.Relapse:
                store.ClearSince(alert!, null);
                break;
            case AlertStep.Resolve:
                store.Resolve(alert!, null);
                break;
            case AlertStep.Nothing when alert is not null && holds is true && now - alert.UpdatedAt >= RenewEvery:
                store.Renew(alert, kind, measure!, rule.Threshold);
                break;
            case AlertStep.Nothing:
                break;
        }
    }

    [LoggerMessage(1401, LogLevel.Error, "The rules of website {WebsiteId} could not be measured; other websites are not affected")]
    private partial void LogFailed(Exception error, Guid websiteId);

    [LoggerMessage(1407, LogLevel.Warning, "{Kind} of website {WebsiteId} could not be read; it cannot be told this time")]
    private partial void LogUntold(Exception error, string kind, Guid websiteId);
}
