using System.Collections.Concurrent;
using ClarityTracking.Core.Data;
using ClarityTracking.Core.Tenancy;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace ClarityTracking.Core.Health.Volume;

/// <summary>
/// What intake sees of a website beside events: that its snippet was fetched, and that requests were refused for their key. Kept in memory and written
/// every few seconds: losing some with a process costs a hint, not data.
/// </summary>
public sealed partial class IntakeNotes(NpgsqlDataSource database, TimeProvider clock, ILogger<IntakeNotes> log) : BackgroundService
{
    private const int MostWaiting = 2000;
    private static readonly TimeSpan Every = TimeSpan.FromSeconds(10);
    private ConcurrentDictionary<Note, (long Count, DateTimeOffset Last)> _waiting = [];

    /// <summary>A page fetched the snippet.</summary>
    /// <param name="alias">The website's word it came by; null = the common path.</param>
    /// <param name="host">Of the page, as its referrer tells; null = it does not.</param>
    /// <param name="version">Of the script.</param>
    public void Fetched(string? alias, string? host, string version)
    {
        if (alias is not null || host is { Length: > 0 })
            Add(new Note("script", version, alias is null ? "default" : "alias", alias, alias is null ? host : null, null));
    }

    /// <summary>A request was refused for its key.</summary>
    /// <param name="key">As it was sent; only its hash is kept.</param>
    /// <param name="host">Of the page, as its origin tells; null = it does not.</param>
    public void Refused(string? key, string? host)
    {
        if (key is { Length: <= 100 } || host is { Length: > 0 })
            Add(new Note("refused", "unknown_key", key is null ? "missing" : "unknown", null, host, key is { Length: <= 100 } ? Convert.ToHexStringLower(ApiKey.HashOf(key)) : null));
    }

    private void Add(Note note)
    {
        if (_waiting.Count >= MostWaiting && !_waiting.ContainsKey(note))
            return; // somebody makes up hosts or keys
        var now = clock.GetUtcNow();
        _waiting.AddOrUpdate(note, (1, now), (_, sum) => (sum.Count + 1, now));
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        try
        {
            while (true)
            {
                await Task.Delay(Every, clock, stoppingToken);
                await FlushAsync(stoppingToken);
            }
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
            // ends with the process
        }
    }

    /// <summary>Writes what waits for the websites it is about; what is about none is forgotten.</summary>
    internal async Task FlushAsync(CancellationToken cancel)
    {
        var notes = Interlocked.Exchange(ref _waiting, []);
        if (notes.IsEmpty)
            return;
        var rows = notes.ToArray();
        try
        {
            await using var command = database.CreateCommand("""
                INSERT INTO intake_notes AS r (workspace_id, website_id, kind, subject, way, first_at, last_at, count)
                SELECT w.workspace_id, w.id, n.kind, n.subject, CASE WHEN k.revoked_at IS NOT NULL THEN 'revoked' ELSE n.way END, min(n.last), max(n.last), sum(n.count)
                  FROM unnest($1, $2, $3, $4, $5, $6, $7, $8) AS n(kind, subject, way, alias, domains, key, count, last)
                  LEFT JOIN api_keys k ON k.hash = decode(n.key, 'hex')
                  -- by the key that was revoked, else by the website's own word, else by the domain of the page
                 CROSS JOIN LATERAL (
                       SELECT workspace_id, id FROM websites WHERE workspace_id = k.workspace_id AND id = k.website_id
                       UNION ALL
                       SELECT workspace_id, id FROM websites WHERE k.website_id IS NULL AND (script_alias = n.alias OR n.alias = ANY (former_script_aliases))
                       UNION ALL
                       SELECT workspace_id, id FROM websites WHERE k.website_id IS NULL AND n.alias IS NULL AND domain = ANY (string_to_array(n.domains, ' '))) w
                 GROUP BY 1, 2, 3, 4, 5 ORDER BY 1, 2, 3, 4, 5
                ON CONFLICT (workspace_id, website_id, kind, subject, way) DO UPDATE SET last_at = excluded.last_at, count = r.count + excluded.count
                """).With(Array.ConvertAll(rows, r => r.Key.Kind), Array.ConvertAll(rows, r => r.Key.Subject), Array.ConvertAll(rows, r => r.Key.Way),
                Array.ConvertAll(rows, r => r.Key.Alias), Array.ConvertAll(rows, r => r.Key.Host is { } host ? string.Join(' ', DomainsOf(host)) : null), Array.ConvertAll(rows, r => r.Key.KeyHash),
                Array.ConvertAll(rows, r => r.Value.Count), Array.ConvertAll(rows, r => r.Value.Last));
            await command.ExecuteNonQueryAsync(cancel);
        }
        catch (NpgsqlException error)
        {
            LogFailed(error, rows.Length);
        }
    }

    /// <summary>Domains a website may have whose pages are on a host: the host, those above it, and with "www.".</summary>
    internal static IEnumerable<string> DomainsOf(string host)
    {
        yield return "www." + host;
        for (var at = 0; at >= 0; at = host.IndexOf('.', at) is >= 0 and var dot ? dot + 1 : -1)
            yield return host[at..];
    }

    private sealed record Note(string Kind, string Subject, string Way, string? Alias, string? Host, string? KeyHash);

    [LoggerMessage(1410, LogLevel.Warning, "{Count} notes of intake could not be written")]
    private partial void LogFailed(Exception error, int count);
}
