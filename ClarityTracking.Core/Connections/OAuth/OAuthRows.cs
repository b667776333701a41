using ClarityTracking.Core.Data;
using Microsoft.EntityFrameworkCore;

namespace ClarityTracking.Core.Connections.OAuth;

/// <summary>A consent that was begun (table <c>oauth_states</c>).</summary>
internal sealed record OAuthState
{
    public Guid WorkspaceId { get; init; }

    public Guid Id { get; init; }

    public Guid WebsiteId { get; init; }

    public Guid UserId { get; init; }

    public string Session { get; init; } = "";

    public string Provider { get; init; } = "";

    public Guid? ConnectionId { get; init; }

    public string? Shop { get; init; }

    public string RedirectUri { get; init; } = "";

    public byte[]? Verifier { get; init; }

    public DateTimeOffset ExpiresAt { get; init; }

    public DateTimeOffset? UsedAt { get; init; }
}

/// <summary>What was granted to a connection (table <c>oauth_grants</c>); the tokens are in the connection's credentials.</summary>
internal sealed record OAuthGrant
{
    public Guid WorkspaceId { get; init; }

    public Guid ConnectionId { get; init; }

    public Guid WebsiteId { get; init; }

    public string Provider { get; init; } = "";

    public string? AccountId { get; init; }

    public string? AccountName { get; init; }

    public string? Shop { get; init; }

    public string[] Scopes { get; init; } = [];

    public string ConnectedBy { get; init; } = "";

    public DateTimeOffset ConnectedAt { get; init; }

    public DateTimeOffset? RefreshedAt { get; init; }

    public DateTimeOffset? AccessExpiresAt { get; init; }

    public DateTimeOffset? RefreshDueAt { get; init; }

    public int Failures { get; init; }

    public string? LastError { get; init; }

    public bool NeedsReconnect { get; init; }

    /// <summary>Webhooks that the app made, see <see cref="ShopifyWebhooks.Read"/>.</summary>
    public string? Webhooks { get; init; }
}

/// <summary>Reads and writes both tables, which EF does not map.</summary>
static class OAuthRows
{
    /// <summary>Columns of a grant, for SELECT and RETURNING.</summary>
    internal const string GrantColumns = """
        g.workspace_id AS "WorkspaceId", g.connection_id AS "ConnectionId", g.website_id AS "WebsiteId", g.provider AS "Provider", g.account_id AS "AccountId",
        g.account_name AS "AccountName", g.shop AS "Shop", g.scopes AS "Scopes", g.connected_by AS "ConnectedBy", g.connected_at AS "ConnectedAt",
        g.refreshed_at AS "RefreshedAt", g.access_expires_at AS "AccessExpiresAt", g.refresh_due_at AS "RefreshDueAt", g.failures AS "Failures", g.last_error AS "LastError",
        g.needs_reconnect AS "NeedsReconnect", g.webhooks::text AS "Webhooks"
        """;

    internal static Task AddStateAsync(ClarityDbContext db, OAuthState state, byte[] hash, DateTimeOffset now, CancellationToken cancel) =>
        db.Database.ExecuteSqlAsync($"""
            INSERT INTO oauth_states (workspace_id, id, website_id, hash, user_id, session, provider, connection_id, shop, redirect_uri, verifier, created_at, expires_at)
            VALUES ({state.WorkspaceId}, {state.Id}, {state.WebsiteId}, {hash}, {state.UserId}, {state.Session}, {state.Provider}, {state.ConnectionId}::uuid,
                    {state.Shop}::varchar, {state.RedirectUri}, {state.Verifier}::bytea, {now}, {state.ExpiresAt})
            """, cancel);

    /// <summary>The state as it stands; null when the caller sees none of this hash.</summary>
    internal static async Task<OAuthState?> FindStateAsync(ClarityDbContext db, byte[] hash, CancellationToken cancel) =>
        (await db.Database.SqlQuery<OAuthState>($"""
            SELECT workspace_id AS "WorkspaceId", id AS "Id", website_id AS "WebsiteId", user_id AS "UserId", session AS "Session", provider AS "Provider",
                   connection_id AS "ConnectionId", shop AS "Shop", redirect_uri AS "RedirectUri", verifier AS "Verifier", expires_at AS "ExpiresAt", used_at AS "UsedAt"
              FROM oauth_states WHERE hash = {hash}
            """).ToListAsync(cancel)).SingleOrDefault();

    /// <summary>Takes the state; false when another request took it first.</summary>
    internal static async Task<bool> TakeStateAsync(ClarityDbContext db, OAuthState state, DateTimeOffset now, CancellationToken cancel) =>
        await db.Database.ExecuteSqlAsync($"""
            UPDATE oauth_states SET used_at = {now}, verifier = NULL WHERE workspace_id = {state.WorkspaceId} AND id = {state.Id} AND used_at IS NULL
            """, cancel) == 1;

    /// <summary>Notes how a consent failed, for the page that shows it.</summary>
    internal static Task NoteFailureAsync(ClarityDbContext db, OAuthState state, Error error, CancellationToken cancel) =>
        db.Database.ExecuteSqlAsync($"""
            UPDATE oauth_states SET error_code = {error.Code}, error = left({error.Message}, 1000) WHERE workspace_id = {state.WorkspaceId} AND id = {state.Id}
            """, cancel);

    internal static async Task<OAuthGrant?> FindGrantAsync(ClarityDbContext db, Guid connectionId, CancellationToken cancel) =>
        (await db.Database.SqlQueryRaw<OAuthGrant>($"SELECT {GrantColumns} FROM oauth_grants g WHERE g.connection_id = @p0",
            new Npgsql.NpgsqlParameter("p0", connectionId)).ToListAsync(cancel)).SingleOrDefault();

    internal static Task<List<OAuthGrant>> GrantsOfAsync(ClarityDbContext db, Guid websiteId, CancellationToken cancel) =>
        db.Database.SqlQueryRaw<OAuthGrant>($"SELECT {GrantColumns} FROM oauth_grants g WHERE g.website_id = @p0",
            new Npgsql.NpgsqlParameter("p0", websiteId)).ToListAsync(cancel);

    /// <summary>Writes what was granted in place of what was before.</summary>
    internal static Task SetGrantAsync(ClarityDbContext db, OAuthGrant grant, CancellationToken cancel) =>
        db.Database.ExecuteSqlAsync($"""
            INSERT INTO oauth_grants AS g (workspace_id, connection_id, website_id, provider, account_id, account_name, shop, scopes, connected_by, connected_at,
                                           access_expires_at, refresh_due_at)
            VALUES ({grant.WorkspaceId}, {grant.ConnectionId}, {grant.WebsiteId}, {grant.Provider}, left({grant.AccountId}::text, 255), left({grant.AccountName}::text, 255),
                    {grant.Shop}::varchar, {grant.Scopes}, {grant.ConnectedBy}, {grant.ConnectedAt}, {grant.AccessExpiresAt}::timestamptz, {grant.RefreshDueAt}::timestamptz)
            ON CONFLICT (workspace_id, connection_id) DO UPDATE
               SET provider = excluded.provider, account_id = excluded.account_id, account_name = excluded.account_name, shop = excluded.shop, scopes = excluded.scopes,
                   connected_by = excluded.connected_by, connected_at = excluded.connected_at, access_expires_at = excluded.access_expires_at,
                   refresh_due_at = excluded.refresh_due_at, refreshed_at = NULL, lease_until = NULL, failures = 0, last_error = NULL, needs_reconnect = false, webhooks = NULL
            """, cancel);

    /// <summary>Forgets a grant and when its tokens end: it was taken back, or a person typed other credentials.</summary>
    internal static Task ForgetGrantAsync(ClarityDbContext db, Connection connection, CancellationToken cancel) =>
        db.Database.ExecuteSqlAsync($"""
            WITH forgotten AS (DELETE FROM oauth_grants WHERE workspace_id = {connection.WorkspaceId} AND connection_id = {connection.Id})
            UPDATE connections SET credentials_expire_at = NULL WHERE workspace_id = {connection.WorkspaceId} AND id = {connection.Id}
            """, cancel);

    internal static Task SetExpiryAsync(ClarityDbContext db, Connection connection, DateTimeOffset? expiresAt, CancellationToken cancel) =>
        db.Database.ExecuteSqlAsync($"""
            UPDATE connections SET credentials_expire_at = {expiresAt}::timestamptz WHERE workspace_id = {connection.WorkspaceId} AND id = {connection.Id}
            """, cancel);

    /// <summary>
    /// Waits for whoever writes this connection's credentials or state, so that no token is overwritten by an older one and no pause is overlooked.
    /// </summary>
    /// <param name="db">In a transaction.</param>
    /// <param name="connectionId">The connection.</param>
    /// <param name="cancel">Cancels.</param>
    /// <param name="workspaceId">Null for a caller, whose workspaces the database adds by itself.</param>
    internal static Task LockAsync(ClarityDbContext db, Guid connectionId, CancellationToken cancel, Guid? workspaceId = null) => workspaceId is { } workspace
        ? db.Database.ExecuteSqlAsync($"SELECT 1 FROM connections WHERE workspace_id = {workspace} AND id = {connectionId} FOR NO KEY UPDATE", cancel)
        : db.Database.ExecuteSqlAsync($"SELECT 1 FROM connections WHERE id = {connectionId} FOR NO KEY UPDATE", cancel);
}
