using System.Collections.Concurrent;
using ClarityTracking.Core.Tenancy;
using Npgsql;

namespace ClarityTracking.Core.Ingestion.Validate;

/// <summary>Whose key it is, and what intake needs to know of the website.</summary>
public sealed record KeyOwner(Guid WorkspaceId, Guid WebsiteId, Guid KeyId, ApiKeyKind Kind, bool IsTest, string Currency, string? DefaultCountry, bool PrivacyMode)
{
    /// <summary>What the website's members say about bots.</summary>
    public BotRules BotRules { get; init; } = BotRules.None;
}

/// <summary>
/// Finds a key's owner, from memory where it can. What it remembers is at most ten seconds old, so a revoked key or a changed website
/// takes effect on every node within that time.
/// </summary>
public sealed class KeyDirectory(NpgsqlDataSource database, TimeProvider clock)
{
    private static readonly TimeSpan Fresh = TimeSpan.FromSeconds(10);
    private const int MostEntries = 50_000;
    private readonly ConcurrentDictionary<string, Entry> _known = new(StringComparer.Ordinal);

    /// <summary>The owner of a working key; null when there is none.</summary>
    /// <exception cref="NpgsqlException">The database is away.</exception>
    public Task<KeyOwner?> FindAsync(string? key)
    {
        if (key is null || key.Length is < 20 or > 100 || !(key.StartsWith("pk_", StringComparison.Ordinal) || key.StartsWith("sk_", StringComparison.Ordinal)))
            return Unknown;
        var now = clock.GetUtcNow();
        if (_known.TryGetValue(key, out var entry) && entry.Until > now && !entry.Owner.Value.IsFaulted)
            return entry.Owner.Value;
        if (_known.Count >= MostEntries)
            _known.Clear(); // guesses of unknown keys must not fill the memory
        // Requests that miss at the same time share one look into the database.
        var fresh = new Entry(new Lazy<Task<KeyOwner?>>(() => LoadAsync(key)), now + Fresh);
        var shared = entry is null ? _known.GetOrAdd(key, fresh) : _known.TryUpdate(key, fresh, entry) ? fresh : _known.GetValueOrDefault(key, fresh);
        return shared.Owner.Value;
    }

    /// <summary>Forgets everything, so that a change on this node takes effect at once.</summary>
    public void Forget() => _known.Clear();

    private async Task<KeyOwner?> LoadAsync(string key)
    {
        await using var command = database.CreateCommand($"""
            SELECT k.workspace_id, k.website_id, k.id, k.kind, k.is_test, w.currency, w.default_country, w.privacy_mode, {BotRulesSql}
              FROM api_keys k JOIN websites w ON w.workspace_id = k.workspace_id AND w.id = k.website_id
             WHERE k.hash = $1 AND k.revoked_at IS NULL
            """);
        command.Parameters.Add(new NpgsqlParameter { Value = ApiKey.HashOf(key) });
        await using var reader = await command.ExecuteReaderAsync();
        return await reader.ReadAsync()
            ? new KeyOwner(reader.GetGuid(0), reader.GetGuid(1), reader.GetGuid(2), Data.EnumText.Parse<ApiKeyKind>(reader.GetString(3))!.Value,
                reader.GetBoolean(4), reader.GetString(5), reader.IsDBNull(6) ? null : reader.GetString(6), reader.GetBoolean(7))
            { BotRules = BotRules.Read(reader.IsDBNull(8) ? null : reader.GetString(8)) }
            : null;
    }

    /// <summary>The rules of the website <c>w</c> that are on, as <see cref="BotRules.Read"/> takes them.</summary>
    internal const string BotRulesSql = """
        (SELECT jsonb_agg(jsonb_build_object('name', b.name, 'verdict', b.verdict, 'when', b."when") ORDER BY b.id)::text
           FROM bot_rules b WHERE b.workspace_id = w.workspace_id AND b.website_id = w.id AND b.enabled)
        """;

    private static readonly Task<KeyOwner?> Unknown = Task.FromResult<KeyOwner?>(null);

    private sealed record Entry(Lazy<Task<KeyOwner?>> Owner, DateTimeOffset Until);
}
