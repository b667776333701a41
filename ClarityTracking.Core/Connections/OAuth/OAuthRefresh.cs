using System.Globalization;
using ClarityTracking.Core.Data;
using ClarityTracking.Core.Destinations;
using ClarityTracking.Core.Tenancy;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace ClarityTracking.Core.Connections.OAuth;

/// <summary>What one run of <see cref="OAuthRefresh"/> did.</summary>
/// <param name="Refreshed">Grants with fresh tokens.</param>
/// <param name="Failed">Grants that are tried again later.</param>
/// <param name="Paused">Connections that a person must connect again.</param>
public sealed record OAuthRefreshResult(int Refreshed, int Failed, int Paused);

/// <summary>
/// Refreshes granted tokens before they end. A grant is leased to one node while its provider is called, since a refresh token may be good
/// for one call only; the new tokens are committed before anything uses them.
/// </summary>
public sealed partial class OAuthRefresh(ClarityDb database, OAuthClient client, ConnectionService connections, TimeProvider clock, ILogger<OAuthRefresh> log)
{
    /// <summary>From here on the page and alerts warn of an end that no refresh can move.</summary>
    public static readonly TimeSpan WarnBefore = TimeSpan.FromDays(7);

    /// <summary>A refusal that does not say <c>invalid_grant</c> may be the operator's mistake; so many in a row pause the connection.</summary>
    private const int MostRefusals = 5;

    private const int LongestReason = 1000;

    /// <summary>Much longer than a call may take (<see cref="Delivery.DeliveryLane.LongestCall"/>).</summary>
    private static readonly TimeSpan Lease = TimeSpan.FromMinutes(2);

    private static readonly TimeSpan FirstPause = TimeSpan.FromMinutes(5), LongestPause = TimeSpan.FromHours(6), CountPauses = TimeSpan.FromDays(7), KeepStates = TimeSpan.FromDays(1);

    /// <summary>When tokens are to be refreshed: after two thirds of the access token's life, at the latest when the provider's fact says.</summary>
    internal static DateTimeOffset? DueAt(OAuthProvider provider, OAuthTokens tokens, DateTimeOffset now)
    {
        if (tokens.RefreshToken is null)
            return null;
        var wait = provider.RenewEvery;
        if (!provider.KeepsOnlyRefreshToken && tokens.AccessExpiresAt is { } end && (end - now) * 2 / 3 < wait)
            wait = (end - now) * 2 / 3;
        return now + wait;
    }

    /// <summary>From when on only a person can help; null = no such time is known.</summary>
    internal static DateTimeOffset? EndOf(OAuthTokens tokens) => tokens.RefreshToken is null ? tokens.AccessExpiresAt : tokens.RefreshExpiresAt;

    /// <summary>Refreshes all that is due, pauses what has ended, and forgets old states. May run on several nodes at once.</summary>
    public async Task<OAuthRefreshResult> RunAsync(CancellationToken cancel)
    {
        await HurryPausedAsync(clock.GetUtcNow(), cancel);
        var outcomes = new Dictionary<Outcome, int>();
        while (!cancel.IsCancellationRequested && await LeaseAsync(cancel) is { } grant)
        {
            Outcome outcome;
            try
            {
                outcome = await RefreshAsync(grant, clock.GetUtcNow());
            }
            catch (Exception error) // one grant's, which must not keep all others from being refreshed
            {
                outcome = await SetAsideAsync(grant, error);
            }
            outcomes[outcome] = outcomes.GetValueOrDefault(outcome) + 1;
        }
        var ended = await PauseEndedAsync(clock.GetUtcNow(), cancel);
        await ForgetStatesAsync(clock.GetUtcNow(), cancel);
        return new OAuthRefreshResult(outcomes.GetValueOrDefault(Outcome.Refreshed), outcomes.GetValueOrDefault(Outcome.Failed), outcomes.GetValueOrDefault(Outcome.Paused) + ended);
    }

    /// <summary>
    /// The platform refuses a token before its time: a fresh one may do, and if the grant itself is dead, that is the reason to show. A platform
    /// that goes on refusing is asked after 1, 2, 4… up to 24 hours: what counts are the pauses of the last week under the same grant.
    /// </summary>
    private async Task HurryPausedAsync(DateTimeOffset now, CancellationToken cancel)
    {
        await using var db = database.System();
        await db.Database.ExecuteSqlAsync($"""
            UPDATE oauth_grants g SET refresh_due_at = {now}
              FROM connections c
             CROSS JOIN LATERAL (
                   SELECT greatest(1, least(6, count(*))) AS pauses FROM connection_states s
                    WHERE s.workspace_id = c.workspace_id AND s.connection_id = c.id AND s.state = 'paused' AND s.at > {now - CountPauses}
                      AND s.at > (SELECT o.connected_at FROM oauth_grants o WHERE o.workspace_id = c.workspace_id AND o.connection_id = c.id)) before
             WHERE c.workspace_id = g.workspace_id AND c.id = g.connection_id AND c.state = 'paused' AND g.refresh_due_at > {now} AND g.failures = 0
               AND g.last_error IS NULL AND coalesce(g.refreshed_at, g.connected_at) < least(c.state_changed_at, {now} - interval '1 hour' * least(24, 2 ^ (before.pauses - 1)))
               AND starts_with(coalesce(c.state_reason, ''), {OAuthConsent.NotReady}) IS NOT TRUE
            """, cancel);
    }

    private async Task<OAuthGrant?> LeaseAsync(CancellationToken cancel)
    {
        var now = clock.GetUtcNow();
        await using var db = database.System();
        return (await db.Database.SqlQueryRaw<OAuthGrant>($"""
            -- materialized: a join may ask a subquery again for each row, and each time it would skip what it has locked
            WITH due AS MATERIALIZED (
                SELECT workspace_id, connection_id FROM oauth_grants
                 WHERE refresh_due_at <= @now AND (lease_until IS NULL OR lease_until <= @now)
                 ORDER BY refresh_due_at LIMIT 1 FOR UPDATE SKIP LOCKED)
            UPDATE oauth_grants g SET lease_until = @until
              FROM due
             WHERE g.workspace_id = due.workspace_id AND g.connection_id = due.connection_id
            RETURNING {OAuthRows.GrantColumns}
            """, new NpgsqlParameter("now", now), new NpgsqlParameter("until", now + Lease)).ToListAsync(cancel)).SingleOrDefault();
    }

    /// <summary>Not cancelled from here on: a refresh token that was sent may be spent.</summary>
    private async Task<Outcome> RefreshAsync(OAuthGrant grant, DateTimeOffset now)
    {
        string? refreshToken;
        await using (var db = database.System())
            refreshToken = await FindAsync(db, grant) is { } current ? TokenOf(current) : null;
        if (OAuthProviders.Find(grant.Provider) is not { } provider || refreshToken is null)
            return await FailAsync(grant, null, new OAuthRefusal(OAuthRefusalKind.Grant, "the stored token cannot be read", null), now);
        var app = client.AppOf(provider, grant.Shop);
        if (app.WhatIsMissing is { } missing)
            return await FailAsync(grant, refreshToken, new OAuthRefusal(OAuthRefusalKind.Transient, missing, null), now);
        var (tokens, refusal) = await client.RefreshAsync(app, refreshToken);
        return tokens is null ? await FailAsync(grant, refreshToken, refusal!, now) : await KeepAsync(grant, provider, refreshToken, tokens, now);
    }

    private async Task<Outcome> KeepAsync(OAuthGrant grant, OAuthProvider provider, string sent, OAuthTokens tokens, DateTimeOffset now)
    {
        await using var db = database.System();
        await using var transaction = await db.Database.BeginTransactionAsync();
        await OAuthRows.LockAsync(db, grant.ConnectionId, CancellationToken.None, grant.WorkspaceId);
        if (await FindAsync(db, grant) is not { } connection || TokenOf(connection) != sent)
            return Outcome.Superseded; // a person connected again, or took access back, while the provider was called
        if (tokens.RefreshToken is null)
            tokens = tokens with { RefreshToken = sent }; // RFC 6749, section 6: none in the answer means the old one stays
        var credentials = ConnectionService.Merged(connections.Opened(connection), OAuthConsent.TokenMembers(provider, tokens));
        // a pause that no token caused does not end with one
        if (connection.State == ConnectionState.Paused && connection.StateReason?.StartsWith(OAuthConsent.NotReady, StringComparison.Ordinal) != true)
            await connections.ReplaceCredentialsAsync(db, connection, credentials, now, CancellationToken.None);
        else
            connection.RenewCredentials(connections.Seal(connection, credentials), now);
        await db.SaveChangesAsync();
        var accessEnds = provider.KeepsOnlyRefreshToken ? null : tokens.AccessExpiresAt;
        await db.Database.ExecuteSqlAsync($"""
            UPDATE oauth_grants SET refreshed_at = {now}, access_expires_at = {accessEnds}::timestamptz, refresh_due_at = {DueAt(provider, tokens, now)}::timestamptz,
                   lease_until = NULL, failures = 0, last_error = NULL, needs_reconnect = false
             WHERE workspace_id = {grant.WorkspaceId} AND connection_id = {grant.ConnectionId}
            """);
        if (EndOf(tokens) is { } end) // an answer that does not say leaves it as it is
            await OAuthRows.SetExpiryAsync(db, connection, end, CancellationToken.None);
        await transaction.CommitAsync();
        LogRefreshed(grant.Provider, grant.ConnectionId);
        return Outcome.Refreshed;
    }

    private async Task<Outcome> FailAsync(OAuthGrant grant, string? sent, OAuthRefusal refusal, DateTimeOffset now)
    {
        // only refusals count: a provider that is away for a day is not one that refused
        var failures = refusal.Kind == OAuthRefusalKind.Transient ? grant.Failures : grant.Failures + 1;
        var isDead = refusal.Kind == OAuthRefusalKind.Grant || failures >= MostRefusals;
        await using var db = database.System();
        await using var transaction = await db.Database.BeginTransactionAsync();
        await OAuthRows.LockAsync(db, grant.ConnectionId, CancellationToken.None, grant.WorkspaceId);
        // its refresh token was replaced meanwhile: what was refused is no longer ours
        if (await FindAsync(db, grant) is not { } connection || (sent is not null && TokenOf(connection) != sent))
            return Outcome.Superseded;
        var pause = FirstPause * Math.Pow(2, Math.Min(grant.Failures, 10));
        var next = now + (refusal.RetryAfter is { } wish && wish > TimeSpan.Zero && wish < LongestPause ? wish : pause < LongestPause ? pause : LongestPause);
        await db.Database.ExecuteSqlAsync($"""
            UPDATE oauth_grants SET failures = {failures}, last_error = {OAuthErrors.Line(refusal.Reason, LongestReason)}, lease_until = NULL, needs_reconnect = {isDead},
                   refresh_due_at = {(isDead ? null : next)}::timestamptz
             WHERE workspace_id = {grant.WorkspaceId} AND connection_id = {grant.ConnectionId}
            """);
        if (isDead)
        {
            var name = OAuthProviders.Find(grant.Provider)?.DisplayName ?? grant.Provider;
            Pause(db, connection, $"{ReconnectNeeded}: {name} refused the refresh: {refusal.Reason}", now);
            await db.SaveChangesAsync();
        }
        await transaction.CommitAsync();
        LogNotRefreshed(grant.Provider, grant.ConnectionId, refusal.Reason, isDead);
        return isDead ? Outcome.Paused : Outcome.Failed;
    }

    /// <summary>Tries a grant again later that failed in a way nobody foresaw. Whatever token came of it is lost, which its next refresh shows.</summary>
    private async Task<Outcome> SetAsideAsync(OAuthGrant grant, Exception error)
    {
        LogUnforeseen(error, grant.Provider, grant.ConnectionId);
        var reason = error is UriFormatException ? "the operator's address of the provider is not valid" : "the refresh failed here; the operator's log says why";
        try
        {
            await FailAsync(grant, null, new OAuthRefusal(OAuthRefusalKind.Transient, reason, TimeSpan.FromHours(1)), clock.GetUtcNow());
        }
        catch (Exception again) // its lease holds it back for a while
        {
            LogUnforeseen(again, grant.Provider, grant.ConnectionId);
        }
        return Outcome.Failed;
    }

    /// <summary>Pauses connections whose granted tokens have ended and cannot be refreshed.</summary>
    private async Task<int> PauseEndedAsync(DateTimeOffset now, CancellationToken cancel)
    {
        await using var db = database.System();
        await using var transaction = await db.Database.BeginTransactionAsync(cancel);
        var ended = await db.Database.SqlQuery<OAuthGrantEnd>($"""
            SELECT c.workspace_id AS "WorkspaceId", c.id AS "ConnectionId", g.provider AS "Provider", c.credentials_expire_at AS "EndedAt"
              FROM connections c JOIN oauth_grants g ON g.workspace_id = c.workspace_id AND g.connection_id = c.id
             WHERE c.credentials_expire_at <= {now} AND NOT g.needs_reconnect FOR NO KEY UPDATE OF c SKIP LOCKED
            """).ToListAsync(cancel);
        foreach (var end in ended)
        {
            var connection = await db.Connections.SingleAsync(c => c.WorkspaceId == end.WorkspaceId && c.Id == end.ConnectionId, cancel);
            await db.Database.ExecuteSqlAsync($"""
                UPDATE oauth_grants SET needs_reconnect = true, refresh_due_at = NULL WHERE workspace_id = {end.WorkspaceId} AND connection_id = {end.ConnectionId}
                """, cancel);
            var name = OAuthProviders.Find(end.Provider)?.DisplayName ?? end.Provider;
            Pause(db, connection, $"{ReconnectNeeded}: the access that {name} granted ended on {end.EndedAt.ToString("d MMMM yyyy", CultureInfo.InvariantCulture)}.", now);
        }
        await db.SaveChangesAsync(cancel);
        await transaction.CommitAsync(cancel);
        return ended.Count;
    }

    private async Task ForgetStatesAsync(DateTimeOffset now, CancellationToken cancel)
    {
        await using var db = database.System();
        await db.Database.ExecuteSqlAsync($"DELETE FROM oauth_states WHERE expires_at < {now - KeepStates}", cancel);
    }

    private static void Pause(ClarityDbContext db, Connection connection, string reason, DateTimeOffset now)
    {
        connection.Pause(reason = OAuthErrors.Line(reason, LongestReason), now);
        var system = new Caller { Label = "ClarityTracking", Workspaces = new Dictionary<Guid, Role>() };
        db.Audit(connection.WorkspaceId, system, "connection.paused", $"connection {connection.Id}", reason, now);
    }

    private static Task<Connection?> FindAsync(ClarityDbContext db, OAuthGrant grant) =>
        db.Connections.SingleOrDefaultAsync(c => c.WorkspaceId == grant.WorkspaceId && c.Id == grant.ConnectionId);

    private string? TokenOf(Connection connection) => ConnectionJson.Text(connections.Opened(connection), "refresh_token");

    /// <summary>How the reason of such a pause begins.</summary>
    public const string ReconnectNeeded = "Reconnect needed";

    private enum Outcome
    {
        Refreshed,
        Failed,
        Paused,
        Superseded,
    }

    private sealed record OAuthGrantEnd
    {
        public Guid WorkspaceId { get; init; }

        public Guid ConnectionId { get; init; }

        public string Provider { get; init; } = "";

        public DateTimeOffset EndedAt { get; init; }
    }

    [LoggerMessage(1511, LogLevel.Information, "The {Provider} tokens of connection {ConnectionId} are refreshed")]
    private partial void LogRefreshed(string provider, Guid connectionId);

    [LoggerMessage(1513, LogLevel.Error, "The {Provider} tokens of connection {ConnectionId} could not be refreshed; other connections are not affected")]
    private partial void LogUnforeseen(Exception error, string provider, Guid connectionId);

    [LoggerMessage(1512, LogLevel.Warning, "The {Provider} tokens of connection {ConnectionId} were not refreshed: {Reason}; reconnect needed: {IsDead}")]
    private partial void LogNotRefreshed(string provider, Guid connectionId, string reason, bool isDead);
}
