using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using ClarityTracking.Core.Data;
using ClarityTracking.Core.Destinations;
using ClarityTracking.Core.Inbound;
using ClarityTracking.Core.Tenancy;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Logging;

namespace ClarityTracking.Core.Connections.OAuth;

/// <summary>What shall be connected.</summary>
/// <param name="Provider">Key of <see cref="OAuthProviders"/>.</param>
/// <param name="WebsiteId">The website.</param>
/// <param name="ConnectionId">A connection that is to be connected (again); null = a new one.</param>
/// <param name="Shop">The shop's host, where each has its own (Shopify).</param>
public sealed record OAuthOrder(string? Provider, Guid? WebsiteId, Guid? ConnectionId = null, string? Shop = null);

/// <summary>A consent that was begun.</summary>
/// <param name="AuthorizeUrl">Where the person's browser goes.</param>
/// <param name="ExpiresAt">UTC; later answers are refused.</param>
public sealed record OAuthStart(string AuthorizeUrl, DateTimeOffset ExpiresAt);

/// <summary>How a consent ended.</summary>
/// <param name="Error">Why nothing was connected; null = it was.</param>
/// <param name="WebsiteId">Null when the answer belongs to no consent of this caller.</param>
/// <param name="AttemptId">Where the page finds the reason again.</param>
/// <param name="ConnectionId">The connection.</param>
/// <param name="Provider">Key of the provider.</param>
/// <param name="Account">Name or id of the account.</param>
public sealed record OAuthEnd(Error? Error, Guid? WebsiteId = null, Guid? AttemptId = null, Guid? ConnectionId = null, string? Provider = null, string? Account = null);

/// <summary>
/// Sends people to a provider and takes them back. The state that goes along is 32 random bytes, of which only a hash is kept: it can be
/// used once, within ten minutes, by the same user in the same sign-in, for the website and connection it was made for.
/// </summary>
public sealed partial class OAuthConsent(ClarityDb database, OAuthClient client, OAuthAccounts accounts, ShopifyWebhooks webhooks, ConnectionService connections, PlatformCatalog platforms,
    SecretProtector protector, TimeProvider clock, ILogger<OAuthConsent> log)
{
    private const string VerifierPurpose = "oauth_verifier", AccessToken = "access_token", RefreshToken = "refresh_token";
    private static readonly TimeSpan Life = TimeSpan.FromMinutes(10);

    /// <summary>How the reason begins of a source that is connected but cannot take webhooks yet; fresh tokens do not end that.</summary>
    internal const string NotReady = "Not ready";

    /// <summary>Begins a consent.</summary>
    /// <param name="caller">A signed-in user.</param>
    /// <param name="order">What shall be connected.</param>
    /// <param name="redirectUri">This installation's callback, exactly as registered at the provider.</param>
    /// <param name="cancel">Cancels.</param>
    public async Task<Result<OAuthStart>> ConnectAsync(Caller caller, OAuthOrder order, string redirectUri, CancellationToken cancel)
    {
        if (order.WebsiteId is not { } websiteId)
            return Error.Invalid(new FieldError("websiteId", "websiteId is missing."));
        await using var db = database.For(caller);
        var website = await db.WebsiteAsync(caller, websiteId, Role.Admin, cancel);
        if (!website.IsOk)
            return website.Error;
        if (caller.UserId is not { } userId)
            return Error.Forbidden("a signed-in user; a secret key cannot consent at a provider");
        if (OAuthProviders.Find(order.Provider) is not { } provider)
            return OAuthErrors.UnknownProvider;
        Connection? connection = null;
        if (order.ConnectionId is { } id)
        {
            var found = await ConnectionService.FindAsync(db, caller, websiteId, id, Role.Admin, cancel);
            if (!found.IsOk)
                return found.Error;
            connection = found.Value;
            if (connection.Platform != provider.Platform)
                return Error.Invalid(new FieldError("connectionId", $"This connection is not one of {provider.DisplayName}."));
        }
        string? shop = null;
        if (provider.IsPerShop)
        {
            var typed = order.Shop ?? (connection is null ? null : ConnectionJson.Text(JsonElement.Parse(connection.Settings), provider.AccountSetting!));
            shop = ShopifyCallback.ShopOf(typed);
            if (shop is null)
                return Error.Invalid(new FieldError("shop", "shop must be the shop's own address, such as my-shop.myshopify.com."));
        }
        var app = client.AppOf(provider, shop);
        if (app.WhatIsMissing is { } missing)
            return new Error(ErrorKind.Invalid, "oauth_not_configured", missing, []);

        var now = clock.GetUtcNow();
        var secret = Base64Url.EncodeToString(RandomNumberGenerator.GetBytes(32));
        var state = new OAuthState
        {
            WorkspaceId = website.Value.WorkspaceId,
            Id = Guid.CreateVersion7(now),
            WebsiteId = websiteId,
            UserId = userId,
            Session = caller.Session ?? "",
            Provider = provider.Key,
            ConnectionId = connection?.Id,
            Shop = shop,
            RedirectUri = redirectUri,
            ExpiresAt = now + Life,
        };
        string? challenge = null;
        if (provider.HasPkce)
        {
            var verifier = Encoding.ASCII.GetBytes(Base64Url.EncodeToString(RandomNumberGenerator.GetBytes(32)));
            challenge = Base64Url.EncodeToString(SHA256.HashData(verifier));
            state = state with { Verifier = protector.Seal(VerifierPurpose, state.WorkspaceId, state.Id, verifier) };
        }
        await OAuthRows.AddStateAsync(db, state, HashOf(secret), now, cancel);
        return new OAuthStart(OAuthRequests.AuthorizeUrl(app, redirectUri, secret, challenge), state.ExpiresAt);
    }

    /// <summary>Takes the provider's answer.</summary>
    /// <param name="caller">Who came back.</param>
    /// <param name="query">The callback's parameters, decoded.</param>
    /// <param name="redirectUri">The address they came back to, without its query.</param>
    /// <param name="cancel">Cancels, until the code is spent.</param>
    public async Task<OAuthEnd> CallbackAsync(Caller caller, IReadOnlyList<KeyValuePair<string, string>> query, string redirectUri, CancellationToken cancel)
    {
        if (Value(query, "state") is not { Length: > 0 and <= 200 } secret)
            return new OAuthEnd(OAuthErrors.NoState);
        await using var db = database.For(caller);
        var now = clock.GetUtcNow();
        if (await OAuthRows.FindStateAsync(db, HashOf(secret), cancel) is not { } state)
            return new OAuthEnd(OAuthErrors.UnknownState);
        var refusal = state.UserId != caller.UserId ? OAuthErrors.AnotherUser
            : state.UsedAt is not null ? OAuthErrors.UsedState
            : state.ExpiresAt <= now ? OAuthErrors.ExpiredState
            : state.Session != (caller.Session ?? "") ? OAuthErrors.AnotherSession
            : state.RedirectUri != redirectUri ? OAuthErrors.WrongRedirect
            : null;
        if (refusal is null && !await OAuthRows.TakeStateAsync(db, state, now, cancel))
            refusal = OAuthErrors.UsedState;
        if (refusal is not null)
            return new OAuthEnd(refusal);

        // from here on the code is spent: whoever waits for the page may go, the result must be kept
        var result = await ConnectAsync(db, caller, state, query, now);
        if (result.IsOk && OAuthProviders.Find(state.Provider) is { IsPerShop: true })
            await webhooks.MakeAsync(caller, result.Value.Id, state.RedirectUri, CancellationToken.None); // what failed is told on the source's page
        if (result.IsOk)
            return new OAuthEnd(null, state.WebsiteId, state.Id, result.Value.Id, state.Provider, result.Value.Account);
        await OAuthRows.NoteFailureAsync(db, state, result.Error, CancellationToken.None);
        LogFailed(state.Provider, state.WebsiteId, result.Error.Code, result.Error.Message);
        return new OAuthEnd(result.Error, state.WebsiteId, state.Id, state.ConnectionId, state.Provider);
    }

    /// <summary>Why a consent of this caller failed, in words; empty when it is not known or did not fail.</summary>
    public async Task<Result<string>> FailureAsync(Caller caller, Guid websiteId, Guid attemptId, CancellationToken cancel)
    {
        await using var db = database.For(caller);
        var website = await db.WebsiteAsync(caller, websiteId, Role.Viewer, cancel);
        if (!website.IsOk)
            return website.Error;
        var rows = await db.Database.SqlQuery<string>($"""
            SELECT coalesce(error, '') AS "Value" FROM oauth_states WHERE website_id = {websiteId} AND id = {attemptId} AND user_id = {caller.UserId}
            """).ToListAsync(cancel);
        return rows.FirstOrDefault() ?? "";
    }

    private async Task<Result<Connected>> ConnectAsync(
        ClarityDbContext db, Caller caller, OAuthState state, IReadOnlyList<KeyValuePair<string, string>> query, DateTimeOffset now)
    {
        if (OAuthProviders.Find(state.Provider) is not { } provider)
            return OAuthErrors.UnknownProvider;
        if (Value(query, "error") is { Length: > 0 } error)
            return OAuthErrors.FromProvider(provider, error, Value(query, "error_description") ?? Value(query, "error_message"));
        var app = client.AppOf(provider, state.Shop);
        if (provider.IsPerShop && ShopifyCallback.Refusal(query, app.ClientSecret, state.Shop!, now) is { } forged)
            return new Error(ErrorKind.Invalid, "oauth_answer_not_signed", forged, []);
        if ((Value(query, provider.CodeName) ?? Value(query, "code")) is not { Length: > 0 and <= 4000 } code)
            return OAuthErrors.NoCode(provider);
        // the role may have been taken away meanwhile
        var website = await db.WebsiteAsync(caller, state.WebsiteId, Role.Admin, CancellationToken.None);
        if (!website.IsOk)
            return website.Error;
        string? verifier = state.Verifier is { } kept ? Encoding.ASCII.GetString(protector.Open(VerifierPurpose, state.WorkspaceId, state.Id, kept)) : null;

        var (tokens, refusal) = await client.ExchangeAsync(app, code, state.RedirectUri, verifier);
        if (tokens is null)
            return OAuthErrors.NotExchanged(provider, refusal!.Reason);
        if (provider.KeepsOnlyRefreshToken && tokens.RefreshToken is null)
            return OAuthErrors.NoRefreshToken(provider);
        if (provider.IsPerShop)
            tokens = tokens with { AccountId = state.Shop, AccountName = state.Shop };
        tokens = await accounts.IdentifyAsync(app, tokens);
        return await SaveAsync(db, caller, state, app, tokens, clock.GetUtcNow());
    }

    private async Task<Result<Connected>> SaveAsync(ClarityDbContext db, Caller caller, OAuthState state, OAuthApp app, OAuthTokens tokens, DateTimeOffset now)
    {
        var (provider, platform) = (app.Provider, platforms.Find(app.Provider.Platform));
        await using var transaction = await db.Database.BeginTransactionAsync(CancellationToken.None);
        Connection connection;
        if (state.ConnectionId is { } id)
        {
            await OAuthRows.LockAsync(db, id, CancellationToken.None);
            var found = await ConnectionService.FindAsync(db, caller, state.WebsiteId, id, Role.Admin, CancellationToken.None);
            if (!found.IsOk)
                return found.Error;
            connection = found.Value;
        }
        else
        {
            connection = new Connection(state.WorkspaceId, state.WebsiteId, provider.Platform, platform?.DisplayName ?? provider.DisplayName, "{}", now);
            db.Connections.Add(connection);
        }
        if (provider.AccountSetting is { } setting && tokens.AccountId is { } account)
            connection.Configure(ConnectionService.Merged(JsonElement.Parse(connection.Settings), JsonSerializer.SerializeToElement(new JsonObject { [setting] = account })).GetRawText(), now);
        var credentials = ConnectionService.Merged(connections.Opened(connection), TokenMembers(provider, tokens));
        // webhooks made by hand before are signed with another secret, and go on being taken
        if (provider.SignsWithClientSecret && ConnectionJson.Text(credentials, SourceFields.Secret) is var present && present != app.ClientSecret)
            credentials = ConnectionService.Merged(credentials, JsonSerializer.SerializeToElement(present is null
                ? new JsonObject { [SourceFields.Secret] = app.ClientSecret } : new JsonObject { [SourceFields.Secret] = app.ClientSecret, [SourceFields.PreviousSecret] = present }));
        await connections.ReplaceCredentialsAsync(db, connection, credentials, now, CancellationToken.None);
        var missing = platform?.Check(JsonElement.Parse(connection.Settings), credentials) ?? [];
        // without its account chosen, or its secret, it would only fail; saving the form switches it on
        if (state.ConnectionId is null)
            connection.Enable(missing.Count == 0, now);
        if (platform?.IsSource == true)
        {
            if (connection.WebhookToken is null)
                connection.ReceiveWebhooks();
            if (missing.Count > 0)
                connection.Pause(WhatIsMissing(platform, missing), now);
        }
        var name = tokens.AccountName ?? tokens.AccountId;
        db.Audit(connection.WorkspaceId, caller, "connection.connected", $"connection {connection.Id}", name is null ? provider.DisplayName : $"{provider.DisplayName}: {name}", now);
        await db.SaveChangesAsync(CancellationToken.None);
        await OAuthRows.SetGrantAsync(db, new OAuthGrant
        {
            WorkspaceId = connection.WorkspaceId,
            ConnectionId = connection.Id,
            WebsiteId = connection.WebsiteId,
            Provider = provider.Key,
            AccountId = tokens.AccountId,
            AccountName = tokens.AccountName,
            Shop = state.Shop,
            Scopes = [.. tokens.Scopes],
            ConnectedBy = caller.Label,
            ConnectedAt = now,
            AccessExpiresAt = provider.KeepsOnlyRefreshToken ? null : tokens.AccessExpiresAt,
            RefreshDueAt = OAuthRefresh.DueAt(provider, tokens, now),
        }, CancellationToken.None);
        await OAuthRows.SetExpiryAsync(db, connection, OAuthRefresh.EndOf(tokens), CancellationToken.None);
        await transaction.CommitAsync(CancellationToken.None);
        return new Connected(connection.Id, name);
    }

    /// <summary>What a person has to fill in before webhooks can be taken.</summary>
    private static string WhatIsMissing(Platform platform, IReadOnlyList<FieldError> missing)
    {
        var names = missing.Select(m => platform.Fields.FirstOrDefault(f => m.Field.EndsWith("." + f.Name, StringComparison.Ordinal))?.Label ?? m.Field);
        return $"{NotReady}: the account is connected, but webhooks cannot be taken before {string.Join(" and ", names)} is filled in. The connection's form says where to find it.";
    }

    /// <summary>The tokens as members of a connection's credentials; null removes one.</summary>
    internal static JsonElement TokenMembers(OAuthProvider provider, OAuthTokens? tokens) => JsonSerializer.SerializeToElement(new JsonObject
    {
        [AccessToken] = provider.KeepsOnlyRefreshToken ? null : tokens?.AccessToken,
        [RefreshToken] = tokens?.RefreshToken,
    });

    private static string? Value(IReadOnlyList<KeyValuePair<string, string>> query, string name) => query.FirstOrDefault(p => p.Key == name).Value;

    private static byte[] HashOf(string secret) => SHA256.HashData(Encoding.UTF8.GetBytes(secret));

    private sealed record Connected(Guid Id, string? Account);

    [LoggerMessage(1501, LogLevel.Warning, "Connecting {Provider} for website {WebsiteId} failed: {Code}: {Reason}")]
    private partial void LogFailed(string provider, Guid websiteId, string code, string reason);
}
