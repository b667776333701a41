using ClarityTracking.Core.Data;
using ClarityTracking.Core.Destinations;
using ClarityTracking.Core.Tenancy;
using Microsoft.EntityFrameworkCore;

namespace ClarityTracking.Core.Connections.OAuth;

/// <summary>How a connected account does.</summary>
public enum OAuthStatus
{
    /// <summary>Works.</summary>
    Connected,
    /// <summary>Works, but ends within <see cref="OAuthRefresh.WarnBefore"/> and no refresh can move that: connect again before.</summary>
    EndsSoon,
    /// <summary>No longer works: connect again.</summary>
    ReconnectNeeded,
}

/// <summary>A connected account.</summary>
/// <param name="ConnectionId">The connection.</param>
/// <param name="Provider">Key of the provider.</param>
/// <param name="Platform">Key of the platform.</param>
/// <param name="Name">The connection as the user calls it.</param>
/// <param name="Status">How it does.</param>
/// <param name="Reason">What is wrong; null when nothing is.</param>
/// <param name="AccountId">The provider's id of the account, when it told.</param>
/// <param name="AccountName">Its name, when it told.</param>
/// <param name="Scopes">What was granted; empty when the provider does not say.</param>
/// <param name="MissingScopes">What was asked for and not granted.</param>
/// <param name="ConnectedBy">Who consented.</param>
/// <param name="ConnectedAt">UTC.</param>
/// <param name="RefreshedAt">Last refresh (UTC); null = none yet.</param>
/// <param name="AccessExpiresAt">When the access token in use ends (UTC); it is refreshed before where that can be.</param>
/// <param name="CredentialsExpireAt">From then on only a person can help (UTC); null = no such time is known.</param>
/// <param name="RenewsItself">Whether it is refreshed before it ends, without a person.</param>
/// <param name="LastError">Why the last refresh failed; null when it did not.</param>
/// <param name="Webhooks">Those that our app made there; empty where it makes none.</param>
public sealed record OAuthAccountStatus(Guid ConnectionId, string Provider, string Platform, string Name, OAuthStatus Status, string? Reason, string? AccountId,
    string? AccountName, IReadOnlyList<string> Scopes, IReadOnlyList<string> MissingScopes, string ConnectedBy, DateTimeOffset ConnectedAt, DateTimeOffset? RefreshedAt,
    DateTimeOffset? AccessExpiresAt, DateTimeOffset? CredentialsExpireAt, bool RenewsItself, string? LastError,
    IReadOnlyList<AppWebhook> Webhooks);

/// <summary>A provider as this installation has it.</summary>
/// <param name="Provider">Key of the provider.</param>
/// <param name="Name">As people write it.</param>
/// <param name="Platform">The platform whose connections it grants access to.</param>
/// <param name="Configured">Whether people can connect.</param>
/// <param name="Missing">Settings that the operator has to set.</param>
/// <param name="Message">The same in words; null when people can connect.</param>
/// <param name="Scopes">What is asked for.</param>
public sealed record OAuthProviderInfo(string Provider, string Name, string Platform, bool Configured, IReadOnlyList<string> Missing, string? Message, IReadOnlyList<string> Scopes);

/// <summary>An account that was disconnected.</summary>
/// <param name="Revoked">Whether the provider took access back.</param>
/// <param name="Note">Why it did not, and what to do; null when it did.</param>
public sealed record OAuthDisconnected(bool Revoked, string? Note);

/// <summary>Connected accounts of a website, and how they are disconnected.</summary>
public sealed class OAuthConnections(ClarityDb database, OAuthClient client, ShopifyWebhooks webhooks, ConnectionService connections, TimeProvider clock)
{
    /// <summary>All providers, and whether the operator has set them up.</summary>
    public IReadOnlyList<OAuthProviderInfo> Providers() => [.. OAuthProviders.All.Select(Info)];

    /// <summary>The provider that grants access to a platform; null = there is none.</summary>
    public OAuthProviderInfo? ProviderOf(string platform) => OAuthProviders.OfPlatform(platform) is { } provider ? Info(provider) : null;

    /// <summary>The connected accounts of a website, by connection.</summary>
    public async Task<Result<IReadOnlyList<OAuthAccountStatus>>> StatusAsync(Caller caller, Guid websiteId, CancellationToken cancel)
    {
        await using var db = database.For(caller);
        var website = await db.WebsiteAsync(caller, websiteId, Role.Viewer, cancel);
        if (!website.IsOk)
            return website.Error;
        var all = await db.Connections.AsNoTracking().Where(c => c.WebsiteId == websiteId).OrderBy(c => c.Name).ThenBy(c => c.Id).ToListAsync(cancel);
        var grants = (await OAuthRows.GrantsOfAsync(db, websiteId, cancel)).ToDictionary(g => g.ConnectionId);
        var ends = (await db.Database.SqlQuery<CredentialsEnd>($"""
            SELECT id AS "Id", credentials_expire_at AS "At" FROM connections WHERE website_id = {websiteId} AND credentials_expire_at IS NOT NULL
            """).ToListAsync(cancel)).ToDictionary(e => e.Id, e => e.At);
        return all.Where(c => grants.ContainsKey(c.Id)).Select(c => Status(c, grants[c.Id], ends.TryGetValue(c.Id, out var at) ? at : null)).ToList();
    }

    /// <summary>
    /// Takes access back at the provider and forgets the tokens; the connection pauses. Forgotten they are in any case: a provider that does not
    /// answer is told of, so that the person can take access back there.
    /// </summary>
    public async Task<Result<OAuthDisconnected>> DisconnectAsync(Caller caller, Guid connectionId, CancellationToken cancel)
    {
        await using var db = database.For(caller);
        if (await db.Connections.AsNoTracking().SingleOrDefaultAsync(c => c.Id == connectionId, cancel) is not { } found)
            return Error.NotFound("connection");
        if (!caller.Can(found.WorkspaceId, Role.Admin))
            return Error.Forbidden("the role Admin or a higher one");
        if (await OAuthRows.FindGrantAsync(db, connectionId, cancel) is not { } grant || OAuthProviders.Find(grant.Provider) is not { } provider)
            return new Error(ErrorKind.Conflict, "oauth_not_connected", "No account is connected here.", []);

        var now = clock.GetUtcNow();
        await using var transaction = await db.Database.BeginTransactionAsync(cancel);
        await OAuthRows.LockAsync(db, connectionId, cancel);
        var connection = await db.Connections.SingleAsync(c => c.Id == connectionId, cancel);
        var credentials = connections.Opened(connection);
        connection.RenewCredentials(connections.Seal(connection, ConnectionService.Merged(credentials, OAuthConsent.TokenMembers(provider, null))), now);
        connection.Pause($"Disconnected from {provider.DisplayName}. Connect again, or enter credentials.", now);
        db.Audit(connection.WorkspaceId, caller, "connection.disconnected", $"connection {connectionId}", grant.AccountName ?? grant.AccountId ?? provider.DisplayName, now);
        await db.SaveChangesAsync(cancel);
        await OAuthRows.ForgetGrantAsync(db, connection, cancel);
        await transaction.CommitAsync(cancel);
        // the app may stay in the shop for another connection: this one's webhooks must not
        if (provider.IsPerShop && connection.WebhookToken is { } address && ConnectionJson.Text(credentials, "access_token") is { } token)
            await webhooks.DeleteAsync(client.AppOf(provider, grant.Shop), token, address);
        return await RevokeAsync(provider, grant, ConnectionJson.Text(credentials, "access_token"), ConnectionJson.Text(credentials, "refresh_token"));
    }

    /// <summary>Deletes a connection; a connected account is disconnected first.</summary>
    public async Task<Result<Done>> DeleteConnectionAsync(Caller caller, Guid websiteId, Guid connectionId, CancellationToken cancel)
    {
        await using (var db = database.For(caller))
        {
            var found = await ConnectionService.FindAsync(db, caller, websiteId, connectionId, Role.Admin, cancel);
            if (!found.IsOk)
                return found.Error;
            if (await OAuthRows.FindGrantAsync(db, connectionId, cancel) is null)
                return await connections.DeleteAsync(caller, websiteId, connectionId, cancel);
        }
        await DisconnectAsync(caller, connectionId, cancel);
        return await connections.DeleteAsync(caller, websiteId, connectionId, cancel);
    }

    private async Task<OAuthDisconnected> RevokeAsync(OAuthProvider provider, OAuthGrant grant, string? accessToken, string? refreshToken)
    {
        if (await IsSharedAsync(grant))
            return new OAuthDisconnected(false, $"The tokens here are forgotten. Access at {provider.DisplayName} stays, because another connection uses the same account.");
        var app = client.AppOf(provider, grant.Shop);
        return await client.RevokeAsync(app, accessToken, refreshToken, grant.AccountId) is { } trouble
            ? new OAuthDisconnected(false, $"The tokens here are forgotten, but {trouble}: take this app's access back in the account's own settings.")
            : new OAuthDisconnected(true, null);
    }

    /// <summary>
    /// Does another connection live on the same account? Providers take access back for the whole app and account, so that one would die too. It may
    /// be another tenant's: only whether there is one is asked.
    /// </summary>
    private async Task<bool> IsSharedAsync(OAuthGrant grant)
    {
        if (grant.AccountId is null)
            return false;
        await using var db = database.System();
        return (await db.Database.SqlQuery<bool>($"""
            SELECT EXISTS (SELECT FROM oauth_grants WHERE provider = {grant.Provider} AND account_id = {grant.AccountId} AND NOT needs_reconnect) AS "Value"
            """).ToListAsync()).Single();
    }

    private OAuthProviderInfo Info(OAuthProvider provider)
    {
        var app = client.AppOf(provider);
        return new OAuthProviderInfo(provider.Key, provider.DisplayName, provider.Platform, app.Missing.Count == 0, app.Missing, app.WhatIsMissing, provider.Scopes);
    }

    private OAuthAccountStatus Status(Connection connection, OAuthGrant grant, DateTimeOffset? endsAt)
    {
        var now = clock.GetUtcNow();
        var needsReconnect = grant.NeedsReconnect || endsAt <= now
            || (connection.State == ConnectionState.Paused && connection.StateReason?.StartsWith(OAuthRefresh.ReconnectNeeded, StringComparison.Ordinal) == true);
        var status = needsReconnect ? OAuthStatus.ReconnectNeeded : endsAt - now <= OAuthRefresh.WarnBefore ? OAuthStatus.EndsSoon : OAuthStatus.Connected;
        var asked = OAuthProviders.Find(grant.Provider)?.Scopes ?? [];
        // Google writes email as an address
        string[] missing = grant.Scopes.Length == 0 ? [] : [.. asked.Where(s => !grant.Scopes.Any(g => g == s || g.EndsWith($"userinfo.{s}", StringComparison.Ordinal)))];
        return new OAuthAccountStatus(connection.Id, grant.Provider, connection.Platform, connection.Name, status, needsReconnect ? connection.StateReason : null, grant.AccountId,
            grant.AccountName, grant.Scopes, missing, grant.ConnectedBy, grant.ConnectedAt, grant.RefreshedAt, grant.AccessExpiresAt, endsAt, grant.RefreshDueAt is not null, grant.LastError,
            ShopifyWebhooks.Read(grant.Webhooks));
    }

    private sealed record CredentialsEnd
    {
        public Guid Id { get; init; }

        public DateTimeOffset At { get; init; }
    }
}
