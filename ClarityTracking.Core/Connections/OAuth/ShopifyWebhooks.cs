using System.Net;
using System.Text.Json;
using ClarityTracking.Core.Data;
using ClarityTracking.Core.Delivery;
using ClarityTracking.Core.Destinations;
using ClarityTracking.Core.Inbound.Shopify;
using ClarityTracking.Core.Tenancy;
using Microsoft.EntityFrameworkCore;

namespace ClarityTracking.Core.Connections.OAuth;

/// <summary>A webhook that our app makes in a shop.</summary>
/// <param name="Topic">Shopify's name of what it tells.</param>
/// <param name="Problem">Why it is not there, in Shopify's words; null = it is.</param>
public sealed record AppWebhook(string Topic, string? Problem);

/// <summary>
/// Makes the webhooks of a shop that installed our app, so that nobody has to by hand; they go to the connection's own address and are signed with
/// the app's secret. Doing it again makes what is missing and nothing twice. Source: Shopify Admin REST, Webhook (November 2026).
/// </summary>
public sealed class ShopifyWebhooks(ClarityDb database, OAuthClient client, ConnectionService connections, TimeProvider clock)
{
    private const string Path = $"/admin/api/{ShopifySource.ApiVersion}/webhooks", CallbackPath = "/api/v1/oauth/callback";
    private const int LongestProblem = 300;

    /// <summary>What <see cref="ShopifySource"/> reads.</summary>
    internal static readonly string[] Topics =
        ["orders/create", "orders/paid", "orders/updated", "orders/cancelled", "refunds/create", "checkouts/create", "app/uninstalled"];

    /// <summary>Makes them for a connection whose account is connected.</summary>
    /// <param name="caller">Admin of the website.</param>
    /// <param name="connectionId">The connection.</param>
    /// <param name="redirectUri">This installation's callback: what stands before it is where shops reach us.</param>
    /// <param name="cancel">Cancels.</param>
    public async Task<Result<IReadOnlyList<AppWebhook>>> MakeAsync(Caller caller, Guid connectionId, string redirectUri, CancellationToken cancel)
    {
        await using var db = database.For(caller);
        if (await db.Connections.AsNoTracking().SingleOrDefaultAsync(c => c.Id == connectionId, cancel) is not { } connection)
            return Error.NotFound("connection");
        if (!caller.Can(connection.WorkspaceId, Role.Admin))
            return Error.Forbidden("the role Admin or a higher one");
        if (await OAuthRows.FindGrantAsync(db, connectionId, cancel) is not { } grant || OAuthProviders.Find(grant.Provider) is not { IsPerShop: true } provider
            || connection.WebhookToken is not { } address || ConnectionJson.Text(connections.Opened(connection), "access_token") is not { } token)
            return new Error(ErrorKind.Conflict, "oauth_not_connected", "No shop is connected here, so no webhooks can be made in it.", []);
        var origin = redirectUri.EndsWith(CallbackPath, StringComparison.Ordinal) ? redirectUri[..^CallbackPath.Length] : redirectUri.TrimEnd('/');
        var made = await MakeAsync(client.AppOf(provider, grant.Shop), token, address, origin);
        var text = JsonSerializer.Serialize(made);
        await db.Database.ExecuteSqlAsync($"""
            UPDATE oauth_grants SET webhooks = {text}::jsonb WHERE workspace_id = {connection.WorkspaceId} AND connection_id = {connectionId}
            """, CancellationToken.None);
        var failed = made.Count(w => w.Problem is not null);
        db.Audit(connection.WorkspaceId, caller, "connection.webhooks_made", $"connection {connectionId}", failed == 0 ? null : $"{failed} of {made.Count} failed", clock.GetUtcNow());
        await db.SaveChangesAsync(CancellationToken.None);
        return made;
    }

    /// <summary>Takes the connection's webhooks out of the shop; what Shopify does not answer stays undone, and goes with the app.</summary>
    internal async Task DeleteAsync(OAuthApp app, string accessToken, string webhookToken)
    {
        var (existing, _) = await ListAsync(app, accessToken);
        foreach (var webhook in existing.Where(w => IsOurs(w.Address, webhookToken)))
            await client.SendAsync(Request(app, HttpMethod.Delete, $"{Path}/{webhook.Id}.json", accessToken));
    }

    /// <summary>What was made last, as it is kept with the grant.</summary>
    internal static IReadOnlyList<AppWebhook> Read(string? kept) => kept is null ? [] : JsonSerializer.Deserialize<List<AppWebhook>>(kept) ?? [];

    private async Task<List<AppWebhook>> MakeAsync(OAuthApp app, string accessToken, string webhookToken, string origin)
    {
        var address = $"{origin}{AddressOf(webhookToken)}";
        var (existing, trouble) = await ListAsync(app, accessToken);
        if (trouble is not null)
            return [.. Topics.Select(topic => new AppWebhook(topic, trouble))];
        // this installation was reached at another address before
        foreach (var stale in existing.Where(w => IsOurs(w.Address, webhookToken) && w.Address != address))
            await client.SendAsync(Request(app, HttpMethod.Delete, $"{Path}/{stale.Id}.json", accessToken));
        var made = new List<AppWebhook>();
        foreach (var topic in Topics)
            made.Add(new AppWebhook(topic, existing.Exists(w => w.Topic == topic && w.Address == address) ? null
                : ProblemOf(await client.SendAsync(Request(app, HttpMethod.Post, $"{Path}.json", accessToken, new { webhook = new { topic, address, format = "json" } })))));
        return made;
    }

    private async Task<(List<Existing> Webhooks, string? Trouble)> ListAsync(OAuthApp app, string accessToken)
    {
        var answer = await client.SendAsync(Request(app, HttpMethod.Get, $"{Path}.json?limit=250", accessToken));
        if (ProblemOf(answer) is { } problem)
            return ([], problem);
        if (!AnswerJson.TryRead(answer.Body, out var json) || AnswerJson.Member(json, "webhooks") is not { ValueKind: JsonValueKind.Array } list)
            return ([], "Shopify answered in a shape that is not known.");
        return ([.. from webhook in list.EnumerateArray()
            let id = ConnectionJson.Text(webhook, "id")
            where id is not null
            select new Existing(id, ConnectionJson.Text(webhook, "topic") ?? "", ConnectionJson.Text(webhook, "address") ?? "")], null);
    }

    private sealed record Existing(string Id, string Topic, string Address);

    private static string AddressOf(string webhookToken) => $"/webhooks/shopify/{webhookToken}";

    private static bool IsOurs(string address, string webhookToken) => address.EndsWith(AddressOf(webhookToken), StringComparison.Ordinal);

    /// <summary>Null when it was done. Another request that was quicker made the same webhook: that is no problem.</summary>
    private static string? ProblemOf(CallResult answer)
    {
        if (answer.HttpStatus is >= 200 and < 300)
            return null;
        var words = AnswerJson.TryRead(answer.Body, out var json) ? string.Join("; ", Words(AnswerJson.Member(json, "errors"))) : "";
        if (answer.HttpStatus == (int)HttpStatusCode.UnprocessableEntity && words.Contains("already been taken", StringComparison.Ordinal))
            return null;
        return OAuthErrors.Line(answer.HttpStatus is { } status ? $"HTTP {status}{(words.Length > 0 ? $": {words}" : "")}" : $"No answer: {answer.Body}", LongestProblem);
    }

    /// <summary>Shopify writes errors as a text, or by field.</summary>
    private static IEnumerable<string> Words(JsonElement errors) => errors.ValueKind switch
    {
        JsonValueKind.String => [errors.GetString()!],
        JsonValueKind.Object => errors.EnumerateObject().Select(e => $"{e.Name} {(e.Value.ValueKind == JsonValueKind.Array ? string.Join(", ", e.Value.EnumerateArray()) : e.Value)}"),
        _ => [],
    };

    private static DestinationRequest Request(OAuthApp app, HttpMethod method, string path, string accessToken, object? body = null) => new(method, new Uri(app.ApiBaseUrl + path),
        body is null ? [] : JsonSerializer.SerializeToUtf8Bytes(body), new Dictionary<string, string> { ["X-Shopify-Access-Token"] = accessToken }, [accessToken, app.ClientSecret]);
}
