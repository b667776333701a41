using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using ClarityTracking.Core.Connections.OAuth;
using ClarityTracking.Core.Data;
using ClarityTracking.Core.Delivery;
using ClarityTracking.Core.Destinations;
using ClarityTracking.Core.Inbound;
using ClarityTracking.Core.Tenancy;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Configuration;

namespace ClarityTracking.Core.Connections;

/// <summary>A connection as a caller sees it; credentials are write-only.</summary>
/// <param name="Id">Its id.</param>
/// <param name="WebsiteId">The website whose events it gets.</param>
/// <param name="Platform">Key of the contract.</param>
/// <param name="PlatformName">As people write it.</param>
/// <param name="Name">As the user calls it.</param>
/// <param name="Settings">A JSON object.</param>
/// <param name="Credentials">Names of the credentials that are set, never their values.</param>
/// <param name="Enabled">Off = new events are not routed here.</param>
/// <param name="State">How it does.</param>
/// <param name="StateReason">What is wrong, in the platform's words.</param>
/// <param name="StateChangedAt">UTC.</param>
/// <param name="NotBefore">Not tried before (UTC).</param>
/// <param name="CreatedAt">UTC.</param>
/// <param name="UpdatedAt">UTC.</param>
/// <param name="WebhookUrl">Of a source: the address its sender posts to; without host while the operator has set no public address. Null for destinations.</param>
public sealed record ConnectionDetails(Guid Id, Guid WebsiteId, string Platform, string PlatformName, string Name, JsonElement Settings,
    IReadOnlyList<string> Credentials, bool Enabled, ConnectionState State, string? StateReason, DateTimeOffset StateChangedAt,
    DateTimeOffset? NotBefore, DateTimeOffset CreatedAt, DateTimeOffset UpdatedAt, string? WebhookUrl);

/// <summary>What can be set; null = as it is. <paramref name="Settings"/> and <paramref name="Credentials"/> are merged member by member, a null member removes one.</summary>
public sealed record ConnectionValues(string? Name, JsonElement? Settings, JsonElement? Credentials, bool? Enabled);

/// <summary>Connections of a website to destinations and sources.</summary>
public sealed class ConnectionService(ClarityDb database, PlatformCatalog catalog, SecretProtector protector, PublicNetworks networks, SourceDirectory directory,
    IConfiguration configuration, TimeProvider clock)
{
    internal const string CredentialsPurpose = "credentials";
    private static readonly JsonElement Nothing = JsonDocument.Parse("{}").RootElement;

    /// <summary>All connections of a website, by name.</summary>
    public async Task<Result<IReadOnlyList<ConnectionDetails>>> ListAsync(Caller caller, Guid websiteId, CancellationToken cancel)
    {
        await using var db = database.For(caller);
        var website = await db.WebsiteAsync(caller, websiteId, Role.Viewer, cancel);
        if (!website.IsOk)
            return website.Error;
        var rows = await db.Connections.AsNoTracking().Where(c => c.WebsiteId == websiteId).OrderBy(c => c.Name).ThenBy(c => c.Id).ToListAsync(cancel);
        return rows.ConvertAll(Info);
    }

    /// <summary>One connection.</summary>
    public async Task<Result<ConnectionDetails>> GetAsync(Caller caller, Guid websiteId, Guid id, CancellationToken cancel)
    {
        await using var db = database.For(caller);
        var found = await FindAsync(db, caller, websiteId, id, Role.Viewer, cancel);
        return found.IsOk ? Info(found.Value) : found.Error;
    }

    /// <summary>Makes a connection after the destination has checked what was typed.</summary>
    public async Task<Result<ConnectionDetails>> CreateAsync(Caller caller, Guid websiteId, string? platform, ConnectionValues values, CancellationToken cancel)
    {
        await using var db = database.For(caller);
        var website = await db.WebsiteAsync(caller, websiteId, Role.Admin, cancel);
        if (!website.IsOk)
            return website.Error;
        if (platform is null || catalog.Find(platform) is not { } known)
            return UnknownPlatform(platform);
        var settings = values.Settings ?? Nothing;
        var credentials = values.Credentials ?? Nothing;
        var rules = new FieldRules();
        var name = rules.Name("name", values.Name ?? known.DisplayName);
        CheckObjects(rules, settings, credentials);
        if (rules.Errors.Count == 0)
            Check(rules, known, settings, values.Enabled == false && known.WaitsForSecret(NamesOf(credentials)) ? null : credentials);
        if (rules.Errors.Count > 0)
            return Error.Invalid(rules.Errors);

        var now = clock.GetUtcNow();
        var connection = new Connection(website.Value.WorkspaceId, websiteId, platform, name!, settings.GetRawText(), now);
        connection.ReplaceCredentials(Seal(connection, credentials), now);
        connection.Enable(values.Enabled ?? true, now);
        if (known.IsSource)
            connection.ReceiveWebhooks();
        db.Connections.Add(connection);
        db.Audit(connection.WorkspaceId, caller, "connection.created", $"connection {connection.Id}", $"{platform}: {name}", now);
        await db.SaveChangesAsync(cancel);
        return Info(connection);
    }

    /// <summary>
    /// Changes what is given. New credentials end a pause, and so do settings, changed or not: to save them is to say that it should work now. The
    /// deliveries that waited are due then.
    /// </summary>
    public async Task<Result<ConnectionDetails>> ChangeAsync(Caller caller, Guid websiteId, Guid id, ConnectionValues values, CancellationToken cancel)
    {
        await using var db = database.For(caller);
        await using var transaction = await db.Database.BeginTransactionAsync(cancel);
        await OAuthRows.LockAsync(db, id, cancel); // a batch that pauses it meanwhile would be overlooked by what resumes it
        var found = await FindAsync(db, caller, websiteId, id, Role.Admin, cancel);
        if (!found.IsOk)
            return found.Error;
        var connection = found.Value;
        if (catalog.Find(connection.Platform) is not { } known)
            return UnknownPlatform(connection.Platform);
        var rules = new FieldRules();
        var name = rules.Name("name", values.Name);
        CheckObjects(rules, values.Settings ?? Nothing, values.Credentials ?? Nothing);
        if (rules.Errors.Count > 0)
            return Error.Invalid(rules.Errors);
        var settings = Merged(Parse(connection.Settings), values.Settings);
        JsonElement? credentials = values.Credentials is { } given ? Merged(Opened(connection), given) : null;
        Check(rules, known, settings, CredentialsToCheck(known, connection, values.Enabled, credentials));
        if (rules.Errors.Count > 0)
            return Error.Invalid(rules.Errors);

        var now = clock.GetUtcNow();
        if (name is not null)
            connection.Rename(name, now);
        if (values.Settings is not null)
            connection.Configure(settings.GetRawText(), now);
        if (values.Enabled is { } enabled)
            connection.Enable(enabled, now);
        if (credentials is not null || (values.Settings is not null && connection.State != ConnectionState.Healthy))
            await ResumeAsync(db, connection, now, cancel);
        if (credentials is { } fresh)
        {
            connection.ReplaceCredentials(Seal(connection, fresh), now);
            // a token that a person typed takes the place of the one that was granted
            if (values.Credentials!.Value.EnumerateObject().Any(m => m.Name is "access_token" or "refresh_token"))
                await OAuthRows.ForgetGrantAsync(db, connection, cancel);
        }
        var changed = new[] { (name, "name"), (values.Settings?.ToString(), "settings"), (values.Enabled?.ToString(), "enabled"), (credentials is null ? null : "", "credentials") }
            .Where(c => c.Item1 is not null).Select(c => c.Item2);
        db.Audit(connection.WorkspaceId, caller, "connection.changed", $"connection {id}", string.Join(", ", changed), now);
        await db.SaveChangesAsync(cancel);
        await transaction.CommitAsync(cancel);
        directory.Forget();
        return Info(connection);
    }

    private static IEnumerable<string> NamesOf(JsonElement json) => json.ValueKind == JsonValueKind.Object ? json.EnumerateObject().Select(m => m.Name) : [];

    /// <summary>Who is switched on must be complete; a source that is off may wait for its secret.</summary>
    private JsonElement? CredentialsToCheck(Platform known, Connection connection, bool? enabled, JsonElement? changed)
    {
        if (!known.IsSource)
            return changed;
        var all = changed ?? Opened(connection);
        return !(enabled ?? connection.Enabled) && known.WaitsForSecret(NamesOf(all)) ? null : enabled == true ? all : changed;
    }

    /// <summary>
    /// Deletes a connection with its open deliveries; finished ones stay in the log. Callers go by <see cref="OAuthConnections.DeleteConnectionAsync"/>, which disconnects
    /// its account first and so takes the app's webhooks out of a shop.
    /// </summary>
    internal async Task<Result<Done>> DeleteAsync(Caller caller, Guid websiteId, Guid id, CancellationToken cancel)
    {
        await using var db = database.For(caller);
        var found = await FindAsync(db, caller, websiteId, id, Role.Admin, cancel);
        if (!found.IsOk)
            return found.Error;
        db.Connections.Remove(found.Value);
        db.Audit(found.Value.WorkspaceId, caller, "connection.deleted", $"connection {id}", $"{found.Value.Platform}: {found.Value.Name}", clock.GetUtcNow());
        await db.SaveChangesAsync(cancel);
        directory.Forget();
        return Done.It;
    }

    /// <summary>Ends a pause, and makes what waited due now. The connection is saved by the caller, in the same transaction.</summary>
    internal static async Task ResumeAsync(ClarityDbContext db, Connection connection, DateTimeOffset now, CancellationToken cancel)
    {
        connection.Resume(now);
        await db.Database.ExecuteSqlAsync($"""
            UPDATE delivery_queue SET next_attempt_at = {now}
             WHERE workspace_id = {connection.WorkspaceId} AND id IN (
                SELECT id FROM delivery_queue
                 WHERE workspace_id = {connection.WorkspaceId} AND connection_id = {connection.Id} AND next_attempt_at > {now}
                   FOR UPDATE SKIP LOCKED) -- a batch that comes back just now locks its rows in another order
            """, cancel);
    }

    /// <summary>The connection, when the caller sees it on this website and has at least the role.</summary>
    internal static async Task<Result<Connection>> FindAsync(ClarityDbContext db, Caller caller, Guid websiteId, Guid id, Role atLeast, CancellationToken cancel)
    {
        var website = await db.WebsiteAsync(caller, websiteId, atLeast, cancel);
        if (!website.IsOk)
            return website.Error;
        return await db.Connections.SingleOrDefaultAsync(c => c.WebsiteId == websiteId && c.Id == id, cancel) is { } connection
            ? connection : Error.NotFound("connection");
    }

    /// <summary>The credentials of a connection in the clear, as a JSON object; empty when there are none or they cannot be opened.</summary>
    internal JsonElement Opened(Connection connection)
    {
        if (connection.Credentials is not { } sealedCredentials)
            return Nothing;
        try
        {
            return JsonDocument.Parse(protector.Open(CredentialsPurpose, connection.WorkspaceId, connection.Id, sealedCredentials)).RootElement;
        }
        catch (CryptographicException)
        {
            return Nothing; // sealed with a master key that is gone: as good as not set, and the form asks for them again
        }
    }

    /// <summary>New credentials: a pause ends, and the deliveries that waited for them are due now. Saved by the caller, in their transaction.</summary>
    internal async Task ReplaceCredentialsAsync(ClarityDbContext db, Connection connection, JsonElement credentials, DateTimeOffset now, CancellationToken cancel)
    {
        await ResumeAsync(db, connection, now, cancel);
        connection.ReplaceCredentials(Seal(connection, credentials), now);
    }

    internal byte[] Seal(Connection connection, JsonElement credentials) =>
        protector.Seal(CredentialsPurpose, connection.WorkspaceId, connection.Id, Encoding.UTF8.GetBytes(credentials.GetRawText()));

    internal ConnectionDetails Info(Connection c) => new(c.Id, c.WebsiteId, c.Platform, catalog.Find(c.Platform)?.DisplayName ?? c.Platform, c.Name,
        Parse(c.Settings), [.. Opened(c).EnumerateObject().Select(m => m.Name).Distinct()], c.Enabled, c.State, c.StateReason, c.StateChangedAt, c.NotBefore,
        c.CreatedAt, c.UpdatedAt, c.WebhookToken is null ? null : $"{PublicUrl}/webhooks/{c.Platform}/{c.WebhookToken}");

    /// <summary>The address people and senders reach the installation by (<c>Clarity:PublicUrl</c>); empty when the operator has not said.</summary>
    private string PublicUrl => configuration["Clarity:PublicUrl"]?.TrimEnd('/') ?? "";

    private Error UnknownPlatform(string? platform)
    {
        var known = string.Join(", ", catalog.Keys.Order(StringComparer.Ordinal));
        var words = platform is null ? "platform is missing" : "This platform is unknown";
        return new Error(ErrorKind.Invalid, "unknown_platform", $"{words}; known are: {known}.", [new FieldError("platform", $"{words}; known are: {known}.")]);
    }

    private void Check(FieldRules rules, Platform platform, JsonElement settings, JsonElement? credentials)
    {
        foreach (var error in platform.Check(settings, credentials))
            rules.Add(error.Field, error.Message);
        if (rules.Errors.Count > 0)
            return;
        foreach (var field in platform.Fields)
            if (field.Kind == FieldKind.Url && ConnectionJson.Text(settings, field.Name) is { } url && networks.Refusal(new Uri(url)) is { } refusal)
                rules.Add($"settings.{field.Name}", refusal);
    }

    private static void CheckObjects(FieldRules rules, params ReadOnlySpan<JsonElement> settingsAndCredentials)
    {
        for (var i = 0; i < settingsAndCredentials.Length; i++)
        {
            var field = i == 0 ? "settings" : "credentials";
            if (settingsAndCredentials[i].ValueKind != JsonValueKind.Object)
                rules.Add(field, $"{field} must be a JSON object.");
            else if (settingsAndCredentials[i].GetRawText() is { Length: > 65536 })
                rules.Add(field, $"{field} are larger than 64 KiB.");
            else if (!IsStorable(settingsAndCredentials[i]))
                rules.Add(field, $"{field} hold control characters or broken Unicode.");
        }
    }

    /// <summary>No NUL and no half surrogate pair in any name or text, however deep: PostgreSQL's jsonb keeps neither.</summary>
    internal static bool IsStorable(JsonElement value)
    {
        try
        {
            return value.ValueKind switch
            {
                JsonValueKind.String => !value.GetString()!.Contains('\0', StringComparison.Ordinal),
                JsonValueKind.Array => value.EnumerateArray().All(IsStorable),
                JsonValueKind.Object => value.EnumerateObject().All(m => !m.Name.Contains('\0', StringComparison.Ordinal) && IsStorable(m.Value)),
                _ => true,
            };
        }
        catch (InvalidOperationException)
        {
            return false; // the parser keeps a half surrogate pair until it is read
        }
    }

    /// <summary>The members of both; those of the changes win, and null removes one.</summary>
    internal static JsonElement Merged(JsonElement old, JsonElement? changes)
    {
        if (changes is not { } given)
            return old;
        var members = new Dictionary<string, JsonElement>(StringComparer.Ordinal);
        foreach (var member in old.EnumerateObject().Concat(given.EnumerateObject())) // a name that stands twice: the last one counts
            if (member.Value.ValueKind == JsonValueKind.Null)
                members.Remove(member.Name);
            else
                members[member.Name] = member.Value;
        return JsonSerializer.SerializeToElement(members);
    }

    private static JsonElement Parse(string json) => JsonDocument.Parse(json).RootElement;
}
