using System.Text.Json;
using ClarityTracking.Core.Data;
using ClarityTracking.Core.Delivery;
using ClarityTracking.Core.Destinations;
using ClarityTracking.Core.Tenancy;
using Microsoft.EntityFrameworkCore;

namespace ClarityTracking.Core.Connections.OAuth;

/// <summary>Something of the granted account that a connection can be for.</summary>
/// <param name="Id">The provider's id.</param>
/// <param name="Name">As the provider names it.</param>
/// <param name="Of">What it belongs to (an ad account); null = it stands alone.</param>
/// <param name="Settings">What the choice makes of the connection's settings.</param>
public sealed record OAuthChoice(string Id, string Name, string? Of, IReadOnlyDictionary<string, string> Settings);

/// <summary>What can be chosen.</summary>
/// <param name="Items">In the provider's order.</param>
/// <param name="NextCursor">Always null: the list comes whole.</param>
/// <param name="Note">Why there is nothing, or not all; null = this is all.</param>
public sealed record OAuthChoices(IReadOnlyList<OAuthChoice> Items, string? NextCursor, string? Note);

/// <summary>Asks providers whose account was granted, and which datasets, customers, pixels or locations it has.</summary>
public sealed class OAuthAccounts(
    ClarityDb database, OAuthClient client, AccessTokens tokens, ConnectionService connections, PlatformCatalog catalog, TimeProvider clock)
{
    /// <summary>Most advertisers that are asked for their pixels, one call each.</summary>
    private const int MostAdvertisers = 20;

    /// <summary>What a connection can be for. A provider that does not answer gives an empty list with a note: people can type ids instead.</summary>
    public async Task<Result<OAuthChoices>> ListAsync(Caller caller, Guid connectionId, CancellationToken cancel)
    {
        await using var db = database.For(caller);
        if (await db.Connections.AsNoTracking().SingleOrDefaultAsync(c => c.Id == connectionId, cancel) is not { } connection)
            return Error.NotFound("connection");
        if (!caller.Can(connection.WorkspaceId, Role.Admin))
            return Error.Forbidden("the role Admin or a higher one");
        if (await OAuthRows.FindGrantAsync(db, connectionId, cancel) is not { } grant || OAuthProviders.Find(grant.Provider) is not { } provider)
            return Nothing("This connection has no account connected.");
        await db.Database.CloseConnectionAsync();
        var app = client.AppOf(provider, grant.Shop);
        var credentials = connections.Opened(connection);
        if (ConnectionJson.Text(credentials, "access_token") is not { } token)
        {
            if (ConnectionJson.Text(credentials, "refresh_token") is not { } refresh)
                return Nothing("The connection holds no token.");
            var fetched = await tokens.GetAsync(new TokenGrant.Refresh(provider.Section, refresh), cancel);
            if (fetched.Value is not { } fresh)
                return Nothing(fetched.Failure!.Reason);
            token = fresh;
        }
        return provider.Key switch
        {
            "meta" => await MetaAsync(app, token, cancel),
            "google" => await GoogleAsync(app, token, ConnectionJson.Text(credentials, "developer_token"), cancel),
            "tiktok" => await TikTokAsync(app, token, cancel),
            "pinterest" => await PinterestAsync(app, token, cancel),
            "square" => await SquareAsync(app, token, cancel),
            _ => Nothing(null),
        };
    }

    /// <summary>Makes a choice the connection's settings. One that was switched off because it lacked them is switched on once nothing is missing.</summary>
    public async Task<Result<Done>> ChooseAsync(Caller caller, Guid connectionId, string? choiceId, CancellationToken cancel)
    {
        var choices = await ListAsync(caller, connectionId, cancel);
        if (!choices.IsOk)
            return choices.Error;
        if (choices.Value.Items.FirstOrDefault(c => c.Id == choiceId) is not { } choice)
            return Error.Invalid(new FieldError("id", choices.Value.Note ?? "This account has nothing of this id."));
        await using var db = database.For(caller);
        if (await db.Connections.SingleOrDefaultAsync(c => c.Id == connectionId, cancel) is not { } connection)
            return Error.NotFound("connection");
        var now = clock.GetUtcNow();
        var (before, credentials) = (JsonElement.Parse(connection.Settings), connections.Opened(connection));
        var after = ConnectionService.Merged(before, JsonSerializer.SerializeToElement(choice.Settings));
        connection.Configure(after.GetRawText(), now);
        if (catalog.Find(connection.Platform) is { } platform && platform.Check(before, credentials).Count > 0 && platform.Check(after, credentials).Count == 0)
            connection.Enable(true, now);
        db.Audit(connection.WorkspaceId, caller, "connection.changed", $"connection {connectionId}", $"account: {choice.Name}", now);
        await db.SaveChangesAsync(cancel);
        return Done.It;
    }

    /// <summary>Adds id and name of the granted account where the token answer did not tell. Failing is no harm: they are for people.</summary>
    internal async Task<OAuthTokens> IdentifyAsync(OAuthApp app, OAuthTokens granted)
    {
        var path = app.Provider.Key switch
        {
            "meta" => "/v25.0/me?fields=id,name",
            "pinterest" => "/v5/user_account",
            "square" => "/v2/merchants/me",
            "stripe" => "/v1/account",
            _ => null,
        };
        if (path is null)
            return granted;
        var (answer, _) = await client.ReadAsync(OAuthRequests.Read(app, path, granted.AccessToken), app.Provider.DisplayName, CancellationToken.None);
        var (id, name) = app.Provider.Key switch
        {
            "square" when AnswerJson.Member(answer, "merchant") is var merchant => (ConnectionJson.Text(merchant, "id"), ConnectionJson.Text(merchant, "business_name")),
            "stripe" => (ConnectionJson.Text(answer, "id"), ConnectionJson.Text(AnswerJson.Member(answer, "business_profile"), "name")),
            "pinterest" => (ConnectionJson.Text(answer, "id"), ConnectionJson.Text(answer, "username")),
            _ => (ConnectionJson.Text(answer, "id"), ConnectionJson.Text(answer, "name")),
        };
        return granted with { AccountId = granted.AccountId ?? id, AccountName = granted.AccountName ?? name };
    }

    private async Task<OAuthChoices> MetaAsync(OAuthApp app, string token, CancellationToken cancel)
    {
        var (answer, trouble) = await client.ReadAsync(
            OAuthRequests.Read(app, "/v25.0/me/adaccounts?fields=account_id,name,adspixels%7Bid,name%7D&limit=200", token), "Meta", cancel);
        if (trouble is not null)
            return Nothing(trouble);
        // one dataset may be shared by several ad accounts
        var found = new Dictionary<string, OAuthChoice>(StringComparer.Ordinal);
        foreach (var account in Rows(AnswerJson.Member(answer, "data")))
            foreach (var pixel in Rows(AnswerJson.Member(AnswerJson.Member(account, "adspixels"), "data")))
                if (ConnectionJson.Text(pixel, "id") is { } id)
                    found.TryAdd(id, Choice(id, ConnectionJson.Text(pixel, "name"), ConnectionJson.Text(account, "name") ?? ConnectionJson.Text(account, "account_id"), ("dataset_id", id)));
        return Of([.. found.Values], "This Meta account has no dataset in its ad accounts.");
    }

    private async Task<OAuthChoices> GoogleAsync(OAuthApp app, string token, string? developerToken, CancellationToken cancel)
    {
        if (developerToken is null)
            return Nothing("Google lists customers only with a developer token. Type the customer ID, or add the token and come back.");
        var (answer, trouble) = await client.ReadAsync(
            OAuthRequests.Read(app, "/v24/customers:listAccessibleCustomers", token, ("developer-token", developerToken)), "Google Ads", cancel);
        if (trouble is not null)
            return Nothing(trouble);
        var names = AnswerJson.Member(answer, "resourceNames") is { ValueKind: JsonValueKind.Array } list ? list.EnumerateArray() : default;
        var choices = names.Where(n => n.ValueKind == JsonValueKind.String).Select(n => n.GetString()!.Split('/')[^1]).Where(id => id.Length is > 0 and <= 20 && id.All(char.IsAsciiDigit))
            .Select(id => Choice(id, id.Length == 10 ? $"{id[..3]}-{id[3..6]}-{id[6..]}" : id, null, ("customer_id", id))).ToList();
        return Of(choices, "This Google account can reach no Google Ads customer.");
    }

    private async Task<OAuthChoices> TikTokAsync(OAuthApp app, string token, CancellationToken cancel)
    {
        var query = OAuthRequests.WithQuery("/open_api/v1.3/oauth2/advertiser/get/", [("app_id", app.ClientId), ("secret", app.ClientSecret)]);
        var (answer, trouble) = await client.ReadAsync(OAuthRequests.Read(app, query, token), "TikTok", cancel);
        if (trouble is not null)
            return Nothing(trouble);
        var advertisers = Rows(AnswerJson.Member(AnswerJson.Member(answer, "data"), "list"));
        var choices = new List<OAuthChoice>();
        foreach (var advertiser in advertisers.Take(MostAdvertisers))
        {
            if (ConnectionJson.Text(advertiser, "advertiser_id") is not { } id)
                continue;
            var (pixels, noPixels) = await client.ReadAsync(OAuthRequests.Read(app, OAuthRequests.WithQuery("/open_api/v1.3/pixel/list/", [("advertiser_id", id)]), token), "TikTok", cancel);
            trouble ??= noPixels;
            foreach (var pixel in Rows(AnswerJson.Member(AnswerJson.Member(pixels, "data"), "pixels")))
                if (ConnectionJson.Text(pixel, "pixel_code") is { } code)
                    choices.Add(Choice(code, ConnectionJson.Text(pixel, "pixel_name"), ConnectionJson.Text(advertiser, "advertiser_name") ?? id, ("pixel_code", code)));
        }
        var some = advertisers.Count > MostAdvertisers ? $"Only the first {MostAdvertisers} advertisers were asked." : null;
        return choices.Count > 0 ? new OAuthChoices(choices, null, trouble ?? some) : Nothing(trouble ?? "This TikTok account has no pixel in its advertisers.");
    }

    private async Task<OAuthChoices> PinterestAsync(OAuthApp app, string token, CancellationToken cancel)
    {
        var (answer, trouble) = await client.ReadAsync(OAuthRequests.Read(app, "/v5/ad_accounts?page_size=250", token), "Pinterest", cancel);
        return trouble is not null ? Nothing(trouble) : Of(
            [.. from account in Rows(AnswerJson.Member(answer, "items"))
                let id = ConnectionJson.Text(account, "id")
                where id is not null
                select Choice(id, ConnectionJson.Text(account, "name"), null, ("ad_account_id", id))], "This Pinterest account has no ad account.");
    }

    private async Task<OAuthChoices> SquareAsync(OAuthApp app, string token, CancellationToken cancel)
    {
        var (answer, trouble) = await client.ReadAsync(OAuthRequests.Read(app, "/v2/locations", token), "Square", cancel);
        return trouble is not null ? Nothing(trouble) : Of(
            [.. from location in Rows(AnswerJson.Member(answer, "locations"))
                let id = ConnectionJson.Text(location, "id")
                where id is not null
                select Choice(id, ConnectionJson.Text(location, "name"), ConnectionJson.Text(location, "merchant_id"), ("location_id", id))], "This merchant has no location.");
    }

    private static OAuthChoice Choice(string id, string? name, string? of, params (string Name, string Value)[] settings) =>
        new(id, name ?? id, of, settings.ToDictionary(s => s.Name, s => s.Value));

    private static OAuthChoices Of(List<OAuthChoice> choices, string ifNone) => new(choices, null, choices.Count == 0 ? ifNone : null);

    private static OAuthChoices Nothing(string? note) => new([], null, note);

    private static List<JsonElement> Rows(JsonElement list) => list.ValueKind == JsonValueKind.Array ? [.. list.EnumerateArray()] : [];
}
