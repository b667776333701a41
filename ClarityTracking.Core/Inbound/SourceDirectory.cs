using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Text.Json;
using ClarityTracking.Core.Connections;
using ClarityTracking.Core.Ingestion.Validate;
using ClarityTracking.Core.Tenancy;
using Npgsql;

namespace ClarityTracking.Core.Inbound;

/// <summary>A source connection as intake and processing need it.</summary>
/// <param name="ConnectionId">Its id.</param>
/// <param name="Platform">Key of the contract.</param>
/// <param name="Settings">A JSON object.</param>
/// <param name="Credentials">A JSON object, opened.</param>
/// <param name="Enabled">Off = its webhooks are kept, and make nothing.</param>
/// <param name="Domain">The website's.</param>
/// <param name="Owner">The website, as intake knows it.</param>
public sealed record SourceConnection(Guid ConnectionId, string Platform, JsonElement Settings, JsonElement Credentials, bool Enabled, string Domain, KeyOwner Owner)
{
    /// <summary>The tenant.</summary>
    public Guid WorkspaceId => Owner.WorkspaceId;

    /// <summary>The website.</summary>
    public Guid WebsiteId => Owner.WebsiteId;

    /// <summary>All that comes by it is a test.</summary>
    public bool IsTest => Owner.IsTest;
}

/// <summary>Finds source connections, from memory where it can; what it remembers is at most five seconds old.</summary>
public sealed class SourceDirectory(NpgsqlDataSource database, SecretProtector protector, TimeProvider clock)
{
    private const int MostEntries = 10_000;
    private static readonly TimeSpan Fresh = TimeSpan.FromSeconds(5);
    private const string Select = """
        SELECT c.id, c.platform, c.settings, c.credentials, c.enabled, w.domain, w.workspace_id, w.id, w.currency, w.default_country, w.privacy_mode
          FROM connections c JOIN websites w ON w.workspace_id = c.workspace_id AND w.id = c.website_id
        """;
    private readonly ConcurrentDictionary<string, (SourceConnection? Source, DateTimeOffset Until)> _byToken = new(StringComparer.Ordinal);

    /// <summary>The connection of a webhook address; null when there is none.</summary>
    public async Task<SourceConnection?> FindAsync(string platform, string token, CancellationToken cancel)
    {
        if (token.Length is < 20 or > 64)
            return null;
        var now = clock.GetUtcNow();
        if (!_byToken.TryGetValue(token, out var known) || known.Until <= now)
        {
            if (_byToken.Count >= MostEntries)
                _byToken.Clear(); // guesses must not fill the memory
            known = (await FirstAsync($"{Select} WHERE c.webhook_token = $1", cancel, token), now + Fresh);
            _byToken[token] = known;
        }
        return known.Source?.Platform == platform ? known.Source : null;
    }

    /// <summary>The Shopify connections of a shop. Anyone may claim a shop's domain; only who has its secret can open what it signs.</summary>
    public Task<IReadOnlyList<SourceConnection>> OfShopAsync(string shopDomain, CancellationToken cancel) =>
        ListAsync($"{Select} WHERE c.platform = 'shopify' AND lower(c.settings ->> 'shop_domain') = lower($1) ORDER BY c.id LIMIT 500", cancel, shopDomain);

    /// <summary>One connection as it is now.</summary>
    public Task<SourceConnection?> GetAsync(Guid workspaceId, Guid connectionId, CancellationToken cancel) =>
        FirstAsync($"{Select} WHERE c.workspace_id = $1 AND c.id = $2", cancel, workspaceId, connectionId);

    /// <summary>Forgets everything, so that a change on this node takes effect at once.</summary>
    public void Forget() => _byToken.Clear();

    private async Task<SourceConnection?> FirstAsync(string sql, CancellationToken cancel, params object[] values) =>
        await ListAsync(sql, cancel, values) is [var first, ..] ? first : null;

    private async Task<IReadOnlyList<SourceConnection>> ListAsync(string sql, CancellationToken cancel, params object[] values)
    {
        await using var command = database.CreateCommand(sql);
        foreach (var value in values)
            command.Parameters.Add(new NpgsqlParameter { Value = value });
        var found = new List<SourceConnection>();
        await using var row = await command.ExecuteReaderAsync(cancel);
        while (await row.ReadAsync(cancel))
        {
            var (id, workspaceId) = (row.GetGuid(0), row.GetGuid(6));
            var owner = new KeyOwner(workspaceId, row.GetGuid(7), Guid.Empty, ApiKeyKind.Secret, IsTest: false, row.GetString(8), row.IsDBNull(9) ? null : row.GetString(9), row.GetBoolean(10));
            found.Add(new SourceConnection(id, row.GetString(1), JsonElement.Parse(row.GetString(2)), Open(workspaceId, id, row.IsDBNull(3) ? null : row.GetFieldValue<byte[]>(3)),
                row.GetBoolean(4), row.GetString(5), owner));
        }
        return found;
    }

    private JsonElement Open(Guid workspaceId, Guid id, byte[]? sealedCredentials)
    {
        try
        {
            return sealedCredentials is null ? JsonElement.Parse("{}") : JsonElement.Parse(protector.Open(ConnectionService.CredentialsPurpose, workspaceId, id, sealedCredentials));
        }
        catch (CryptographicException)
        {
            return JsonElement.Parse("{}"); // sealed with a master key that is gone: no signature fits, and the log says so
        }
    }
}
