using System.Text.Json;
using ClarityTracking.Core.Connections;
using ClarityTracking.Core.Data;
using ClarityTracking.Core.Delivery;
using ClarityTracking.Core.Destinations;
using ClarityTracking.Core.Tenancy;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Logging;
using Npgsql;
using NpgsqlTypes;

namespace ClarityTracking.Core.Health;

/// <summary>How asking a platform for its scores went.</summary>
/// <param name="ConnectionId">The connection.</param>
/// <param name="Outcome"><c>told</c>, <c>failed</c>, or <c>fetching</c> while it goes on.</param>
/// <param name="Kind">A word of <see cref="FailureKind"/>; null unless failed.</param>
/// <param name="Reason">In the platform's words; null unless failed.</param>
/// <param name="AttemptedAt">UTC.</param>
/// <param name="SucceededAt">The last time that it told something (UTC); null = never.</param>
/// <param name="NextAt">When it is asked again at the earliest (UTC).</param>
/// <param name="Failures">In a row.</param>
public sealed record ScoreFetch(Guid ConnectionId, string Outcome, string? Kind, string? Reason, DateTimeOffset AttemptedAt, DateTimeOffset? SucceededAt,
    DateTimeOffset NextAt, int Failures);

/// <summary>What one run of the job did.</summary>
public sealed record ScoreRun(int Asked, int Told, int Failed);

/// <summary>
/// Asks platforms for their own scores: each enabled connection once a day, and when a person wants it. A failure is kept with its reason and
/// tried again with growing pauses, so that a dead token costs one call a day.
/// </summary>
public sealed partial class PlatformScoreFetcher(ClarityDb database, NpgsqlDataSource source, IEnumerable<IScoreReader> readers, ConnectionService connections,
    DestinationCatalog catalog, DestinationClient client, AccessTokens tokens, TimeProvider clock, ILogger<PlatformScoreFetcher> log)
{
    private const int AtOnce = 4, HourOfDay = 3, MinutesOfSpread = 120, LongestReason = 1000;

    /// <summary>A fetch that has not ended by then has died with its process.</summary>
    private static readonly TimeSpan Lease = DeliveryLane.LongestCall + TimeSpan.FromMinutes(2);

    private static readonly TimeSpan BetweenWishes = TimeSpan.FromMinutes(1), ShortPause = TimeSpan.FromHours(1), RatePause = TimeSpan.FromHours(6), LongestPause = TimeSpan.FromDays(1);

    private readonly Dictionary<string, IScoreReader> _readers = readers.ToDictionary(r => r.Platform, StringComparer.Ordinal);

    /// <summary>Asks for every enabled connection that is due. Safe to run again, and on several nodes at once.</summary>
    public async Task<ScoreRun> FetchDueAsync(CancellationToken cancel)
    {
        var due = await DueAsync(cancel);
        var (told, failed) = (0, 0);
        await Parallel.ForEachAsync(due, new ParallelOptions { MaxDegreeOfParallelism = AtOnce, CancellationToken = cancel }, async (connection, stop) =>
        {
            try
            {
                if (await ClaimAsync(connection, byWish: connection.IsChanged, stop) is not { } failures)
                    return;
                var fetch = await AskAndKeepAsync(connection.WorkspaceId, connection.Id, failures, stop);
                Interlocked.Increment(ref fetch?.Outcome == "told" ? ref told : ref failed);
            }
            catch (Exception error) when (!stop.IsCancellationRequested) // not even its failure could be kept; its claim ends by itself
            {
                LogBroken(error, connection.Id);
                Interlocked.Increment(ref failed);
            }
        });
        return new ScoreRun(told + failed, told, failed);
    }

    /// <summary>Asks now because a person wants it: at most once a minute, and not while a platform asks for fewer calls.</summary>
    public async Task<Result<ScoreFetch>> FetchAsync(Caller caller, Guid websiteId, Guid connectionId, CancellationToken cancel)
    {
        Connection connection;
        await using (var db = database.For(caller))
        {
            var found = await ConnectionService.FindAsync(db, caller, websiteId, connectionId, Role.Analyst, cancel);
            if (!found.IsOk)
                return found.Error;
            connection = found.Value;
        }
        if (!_readers.ContainsKey(connection.Platform))
            return new Error(ErrorKind.Invalid, "no_public_score", $"{catalog.Find(connection.Platform)?.Info.DisplayName ?? connection.Platform} tells its quality score to nobody but its own pages.", []);
        if (await ClaimAsync(new Due(connection.WorkspaceId, connection.WebsiteId, connection.Id, true), byWish: true, cancel) is not { } failures)
            return new Error(ErrorKind.Conflict, "asked_just_now", "The platform was asked less than a minute ago, or asks for fewer calls. Try again later.", []);
        // a person who leaves must not leave half a fetch
        return await AskAndKeepAsync(connection.WorkspaceId, connectionId, failures, CancellationToken.None) is { } fetch ? fetch : Error.NotFound("connection");
    }

    private sealed record Due(Guid WorkspaceId, Guid WebsiteId, Guid Id, bool IsChanged);

    /// <summary>New credentials or settings are worth another try before the pause ends.</summary>
    private async Task<List<Due>> DueAsync(CancellationToken cancel)
    {
        await using var command = source.CreateCommand("""
            SELECT c.workspace_id, c.website_id, c.id, coalesce(f.outcome = 'failed' AND c.updated_at > f.attempted_at, false)
              FROM connections c LEFT JOIN platform_score_fetches f ON f.workspace_id = c.workspace_id AND f.connection_id = c.id
             WHERE c.enabled AND c.platform = ANY ($1)
               AND (f.connection_id IS NULL OR f.not_before <= $2 OR (f.outcome = 'failed' AND c.updated_at > f.attempted_at))
             ORDER BY f.not_before NULLS FIRST
            """);
        command.Parameters.Add(new NpgsqlParameter { Value = _readers.Keys.ToArray() });
        command.Parameters.Add(new NpgsqlParameter { Value = clock.GetUtcNow() });
        var due = new List<Due>();
        await using var reader = await command.ExecuteReaderAsync(cancel);
        while (await reader.ReadAsync(cancel))
            due.Add(new Due(reader.GetGuid(0), reader.GetGuid(1), reader.GetGuid(2), reader.GetBoolean(3)));
        return due;
    }

    /// <summary>Takes the connection for one fetch; null when another has it or it is too early. Gives the failures in a row.</summary>
    private async Task<int?> ClaimAsync(Due connection, bool byWish, CancellationToken cancel)
    {
        var now = clock.GetUtcNow();
        await using var command = source.CreateCommand("""
            INSERT INTO platform_score_fetches AS f (workspace_id, website_id, connection_id, attempted_at, not_before, outcome)
            VALUES ($1, $2, $3, $4, $5, 'fetching')
            ON CONFLICT (workspace_id, connection_id) DO UPDATE SET attempted_at = excluded.attempted_at, not_before = excluded.not_before, outcome = 'fetching'
             WHERE f.not_before <= $4 OR ($6 AND f.attempted_at <= $7 AND f.outcome <> 'fetching' AND f.kind IS DISTINCT FROM 'rate_limited')
            RETURNING failures
            """);
        foreach (var value in (object[])[connection.WorkspaceId, connection.WebsiteId, connection.Id, now, now + Lease, byWish, now - BetweenWishes])
            command.Parameters.Add(new NpgsqlParameter { Value = value });
        return await command.ExecuteScalarAsync(cancel) is int failures ? failures : null;
    }

    /// <summary>The call and its record; null when the connection is gone meanwhile. What breaks is a failure of this connection, kept like the others.</summary>
    private async Task<ScoreFetch?> AskAndKeepAsync(Guid workspaceId, Guid connectionId, int failures, CancellationToken cancel)
    {
        try
        {
            return await TryAskAndKeepAsync(workspaceId, connectionId, failures, cancel);
        }
        catch (Exception error) when (!cancel.IsCancellationRequested)
        {
            LogBroken(error, connectionId);
            var broken = new ScoreAnswer.Failed(FailureKind.Transient, "Its scores could not be read or stored; the reason is in the log of this installation.");
            await using var to = await source.OpenConnectionAsync(cancel);
            return await RecordAsync(to, workspaceId, FetchOf(broken, connectionId, failures, null), cancel);
        }
    }

    private async Task<ScoreFetch?> TryAskAndKeepAsync(Guid workspaceId, Guid connectionId, int failures, CancellationToken cancel)
    {
        await using var db = database.System();
        if (await db.Connections.AsNoTracking().SingleOrDefaultAsync(c => c.WorkspaceId == workspaceId && c.Id == connectionId, cancel) is not { } connection)
            return null;
        var reader = _readers[connection.Platform];
        var settings = JsonElement.Parse(connection.Settings);
        var (answer, retryAfter) = await AskAsync(reader, connection, settings, cancel);
        var fetch = FetchOf(answer, connectionId, failures, retryAfter);
        await using var to = await source.OpenConnectionAsync(cancel);
        await using var transaction = await to.BeginTransactionAsync(cancel);
        if (answer is ScoreAnswer.Told told)
            await KeepAsync(to, connection, reader.SourceOf(settings), [.. told.Scores.Select(Storable)], fetch.AttemptedAt, cancel);
        fetch = await RecordAsync(to, workspaceId, fetch, cancel);
        await transaction.CommitAsync(cancel);
        return fetch;
    }

    private ScoreFetch FetchOf(ScoreAnswer answer, Guid connectionId, int failures, TimeSpan? retryAfter)
    {
        var now = clock.GetUtcNow();
        return answer switch
        {
            ScoreAnswer.Failed failed => new ScoreFetch(connectionId, "failed", failed.Kind.Word(), BatchRecord.Storable(failed.Reason, LongestReason), now, null,
                now + Pause(failed.Kind, failures + 1, retryAfter), failures + 1),
            ScoreAnswer.Told => new ScoreFetch(connectionId, "told", null, null, now, now, NextDay(now, connectionId), 0),
            _ => throw new System.Diagnostics.UnreachableException(),
        };
    }

    /// <summary>Keeps how it went; gives it with the last success.</summary>
    private static async Task<ScoreFetch> RecordAsync(NpgsqlConnection to, Guid workspaceId, ScoreFetch fetch, CancellationToken cancel)
    {
        await using var update = new NpgsqlCommand("""
            UPDATE platform_score_fetches SET outcome = $3, kind = $4, reason = $5, attempted_at = $6, succeeded_at = coalesce($7, succeeded_at), not_before = $8, failures = $9
             WHERE workspace_id = $1 AND connection_id = $2 RETURNING succeeded_at
            """, to);
        foreach (var value in (object?[])[workspaceId, fetch.ConnectionId, fetch.Outcome])
            update.Parameters.Add(new NpgsqlParameter { Value = value });
        update.Parameters.Add(new NpgsqlParameter { Value = (object?)fetch.Kind ?? DBNull.Value, NpgsqlDbType = NpgsqlDbType.Text });
        update.Parameters.Add(new NpgsqlParameter { Value = (object?)fetch.Reason ?? DBNull.Value, NpgsqlDbType = NpgsqlDbType.Text });
        update.Parameters.Add(new NpgsqlParameter { Value = fetch.AttemptedAt });
        update.Parameters.Add(new NpgsqlParameter { Value = (object?)fetch.SucceededAt ?? DBNull.Value, NpgsqlDbType = NpgsqlDbType.TimestampTz });
        update.Parameters.Add(new NpgsqlParameter { Value = fetch.NextAt });
        update.Parameters.Add(new NpgsqlParameter { Value = fetch.Failures });
        var succeeded = await update.ExecuteScalarAsync(cancel);
        return fetch with { SucceededAt = succeeded is DateTime at ? new DateTimeOffset(at, TimeSpan.Zero) : null };
    }

    private async Task<(ScoreAnswer Answer, TimeSpan? RetryAfter)> AskAsync(IScoreReader reader, Connection connection, JsonElement settings, CancellationToken cancel)
    {
        var destination = catalog.Find(connection.Platform)!;
        var credentials = connections.Opened(connection);
        var access = new DestinationAccess(client.BaseUrl(destination.Info), settings, credentials, clock.GetUtcNow());
        if (destination.Grant(credentials) is { } grant)
        {
            var token = await tokens.GetAsync(grant, cancel);
            if (token.Failure is { } failure)
                return (new ScoreAnswer.Failed(failure.Kind, failure.Reason), token.RetryAfter);
            access = access with { AccessToken = token.Value };
        }
        var result = await client.SendAsync(reader.BuildRequest(access), cancel);
        return (result.HttpStatus is { } status ? reader.Read(status, result.Body) : new ScoreAnswer.Failed(FailureKind.Transient, result.Body), result.RetryAfter);
    }

    /// <summary>A second fetch of a day takes the first one's place.</summary>
    private static async Task KeepAsync(NpgsqlConnection to, Connection connection, string of, IReadOnlyList<PlatformScore> scores, DateTimeOffset now, CancellationToken cancel)
    {
        var day = DateOnly.FromDateTime(now.UtcDateTime);
        await using (var forget = new NpgsqlCommand("DELETE FROM platform_scores WHERE workspace_id = $1 AND website_id = $2 AND connection_id = $3 AND day = $4 AND source = $5", to))
        {
            foreach (var value in (object[])[connection.WorkspaceId, connection.WebsiteId, connection.Id, day, of])
                forget.Parameters.Add(new NpgsqlParameter { Value = value });
            await forget.ExecuteNonQueryAsync(cancel);
        }
        await using var insert = new NpgsqlCommand("""
            INSERT INTO platform_scores (workspace_id, website_id, connection_id, day, source, fetched_at, event_name, score, verdict, detail)
            SELECT $1, $2, $3, $4, $5, $6, s.* FROM unnest($7, $8, $9, $10) AS s(event_name, score, verdict, detail)
            """, to);
        foreach (var value in (object[])[connection.WorkspaceId, connection.WebsiteId, connection.Id, day, of, now])
            insert.Parameters.Add(new NpgsqlParameter { Value = value });
        insert.Parameters.Add(new NpgsqlParameter { Value = scores.Select(s => s.EventName).ToArray() });
        insert.Parameters.Add(new NpgsqlParameter { Value = scores.Select(s => s.Score).ToArray(), NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Numeric });
        insert.Parameters.Add(new NpgsqlParameter { Value = scores.Select(s => s.Verdict).ToArray() });
        insert.Parameters.Add(new NpgsqlParameter
        {
            Value = scores.Select(s => JsonSerializer.Serialize(s.Detail, JsonSerializerOptions.Web)).ToArray(),
            NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Jsonb,
        });
        await insert.ExecuteNonQueryAsync(cancel);
    }

    /// <summary>PostgreSQL keeps no NUL in texts; a platform has no reason to send one.</summary>
    private static PlatformScore Storable(PlatformScore score) => score with
    {
        EventName = Clean(score.EventName)!,
        Detail = score.Detail with
        {
            Keys = [.. score.Detail.Keys.Select(k => k with { Key = Clean(k.Key)! })],
            Facts = [.. score.Detail.Facts.Select(f => f with { Name = Clean(f.Name)!, Text = Clean(f.Text) })],
            Answer = ConnectionService.IsStorable(score.Detail.Answer) ? score.Detail.Answer : JsonSerializer.SerializeToElement("The answer holds control characters or broken Unicode."),
        },
    };

    private static string? Clean(string? text) => text?.Replace("\0", "", StringComparison.Ordinal);

    /// <summary>Early next day (UTC), the connections spread over two hours.</summary>
    private static DateTimeOffset NextDay(DateTimeOffset now, Guid connectionId) =>
        new DateTimeOffset(now.UtcDateTime.Date, TimeSpan.Zero).AddDays(1).AddHours(HourOfDay).AddMinutes(connectionId.ToByteArray()[15] % MinutesOfSpread);

    private static TimeSpan Pause(FailureKind kind, int failures, TimeSpan? retryAfter) => kind switch
    {
        FailureKind.RateLimited => Longer(Shorter(retryAfter ?? TimeSpan.Zero, LongestPause * 7), RatePause),
        FailureKind.Transient => Shorter(ShortPause * Math.Pow(2, Math.Min(failures, 10) - 1), LongestPause),
        FailureKind.Credential or FailureKind.Permanent or FailureKind.TooOld => LongestPause,
    };

    private static TimeSpan Longer(TimeSpan a, TimeSpan b) => a > b ? a : b;

    private static TimeSpan Shorter(TimeSpan a, TimeSpan b) => a < b ? a : b;

    [LoggerMessage(1302, LogLevel.Error, "The scores of connection {ConnectionId} could not be read or stored; others are not affected")]
    private partial void LogBroken(Exception error, Guid connectionId);
}
