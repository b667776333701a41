using System.Collections.Frozen;
using Npgsql;
using NpgsqlTypes;

namespace ClarityTracking.Core.Tenancy;

/// <summary>
/// All script aliases that work now, in memory: what it knows is at most ten seconds old on every node. The whole list rather than single
/// words, so that paths which crawlers guess cost no query each.
/// </summary>
public sealed class ScriptAliasDirectory(NpgsqlDataSource database, TimeProvider clock)
{
    private static readonly TimeSpan Fresh = TimeSpan.FromSeconds(10);
    private Known? _known;

    /// <summary>Is it an alias of any website? The database is not asked for what cannot be one.</summary>
    /// <exception cref="NpgsqlException">The database is away and was not reached yet; once it was, the last known list serves.</exception>
    public ValueTask<bool> IsAliasAsync(string word)
    {
        if (ScriptAlias.Reserved.Contains(word) || !ScriptAlias.IsWord(word))
            return ValueTask.FromResult(false);
        var now = clock.GetUtcNow();
        var known = _known;
        if (known is null || known.Until <= now || known.Words.Value.IsFaulted)
        {
            // requests that find the list old at the same time share one look into the database
            var fresh = new Known(new Lazy<Task<FrozenSet<string>>>(() => LoadAsync(known)), now + Fresh);
            var other = Interlocked.CompareExchange(ref _known, fresh, known);
            known = ReferenceEquals(other, known) ? fresh : other ?? fresh;
        }
        var words = known.Words.Value;
        return words.IsCompletedSuccessfully ? ValueTask.FromResult(words.Result.Contains(word)) : new ValueTask<bool>(WaitAsync());

        async Task<bool> WaitAsync() => (await words).Contains(word);
    }

    /// <summary>Forgets everything, so that a change on this node takes effect at once.</summary>
    public void Forget() => _known = null;

    /// <summary>Has another website this alias, or had it until lately?</summary>
    internal async Task<bool> IsOfAnotherAsync(string alias, Guid websiteId, CancellationToken cancel)
    {
        await using var command = database.CreateCommand("""
            SELECT EXISTS (SELECT FROM websites WHERE id <> $2 AND (script_alias = $1 OR ($1 = ANY (former_script_aliases) AND script_alias_changed_at > $3)))
            """);
        command.Parameters.Add(new NpgsqlParameter { Value = alias });
        command.Parameters.Add(new NpgsqlParameter { Value = websiteId });
        command.Parameters.Add(FormerSince());
        return (bool)(await command.ExecuteScalarAsync(cancel))!;
    }

    private async Task<FrozenSet<string>> LoadAsync(Known? last)
    {
        try
        {
            await using var command = database.CreateCommand("""
                SELECT script_alias FROM websites
                 UNION ALL SELECT unnest(former_script_aliases) FROM websites WHERE script_alias_changed_at > $1
                """);
            command.Parameters.Add(FormerSince());
            var words = new List<string>();
            await using var reader = await command.ExecuteReaderAsync();
            while (await reader.ReadAsync())
                words.Add(reader.GetString(0));
            return words.ToFrozenSet(StringComparer.Ordinal);
        }
        catch (NpgsqlException) when (last is { Words.Value.IsCompletedSuccessfully: true })
        {
            return last.Words.Value.Result; // intake itself says what is wrong with the database
        }
    }

    private NpgsqlParameter FormerSince() =>
        new() { Value = clock.GetUtcNow().UtcDateTime - ScriptAlias.FormerWorkFor, NpgsqlDbType = NpgsqlDbType.TimestampTz };

    private sealed record Known(Lazy<Task<FrozenSet<string>>> Words, DateTimeOffset Until);
}
