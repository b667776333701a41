using System.Globalization;
using Npgsql;

namespace ClarityTracking.Core.Ingestion.Store;

/// <summary>The remembered event identities (table <c>event_keys</c>) after their window.</summary>
public sealed class EventKeys(NpgsqlDataSource database, TimeProvider clock)
{
    /// <summary>8 MiB of the table per statement: some 100,000 keys at most, a fraction of a second.</summary>
    private const long PagesPerBatch = 1024;

    /// <summary>
    /// Deletes what is older than <see cref="EventTransaction.DuplicateWindow"/> and says how many keys that were. One pass over the
    /// table's pages in bounded statements: an index on the time would cost every stored event a write.
    /// </summary>
    public async Task<long> ForgetAsync(CancellationToken cancel)
    {
        var oldest = clock.GetUtcNow() - EventTransaction.DuplicateWindow;
        await using var connection = await database.OpenConnectionAsync(cancel);
        await using var size = new NpgsqlCommand("SELECT pg_relation_size('event_keys') / current_setting('block_size')::bigint", connection);
        var pages = (long)(await size.ExecuteScalarAsync(cancel))!;
        long forgotten = 0;
        for (var page = 0L; page < pages; page += PagesPerBatch)
        {
            // SKIP LOCKED: a key that intake renews at this moment is its business, and nobody waits for anybody.
            await using var delete = new NpgsqlCommand(string.Create(CultureInfo.InvariantCulture, $"""
                DELETE FROM event_keys WHERE ctid = ANY (ARRAY(
                    SELECT ctid FROM event_keys
                     WHERE ctid >= '({page},0)' AND ctid < '({page + PagesPerBatch},0)' AND seen_at < $1
                       FOR UPDATE SKIP LOCKED))
                """), connection);
            delete.Parameters.Add(new NpgsqlParameter { Value = oldest });
            forgotten += await delete.ExecuteNonQueryAsync(cancel);
        }
        return forgotten;
    }
}
