using System.Security.Cryptography;
using System.Text.Json;
using ClarityTracking.Core.Connections;
using ClarityTracking.Core.Data;
using Npgsql;
using NpgsqlTypes;

namespace ClarityTracking.Core.People;

/// <summary>Stitches sightings to persons (<see cref="PersonGraph"/>): loads what they touch, stores what changed. The caller's transaction holds the website's lock.</summary>
public sealed class PersonWriter(SecretProtector protector, TimeProvider clock)
{
    private const string Purpose = "person";

    /// <summary>Takes in sightings of one website, oldest first.</summary>
    /// <returns>The person of each source that names one.</returns>
    public async Task<IReadOnlyDictionary<Guid, Guid>> StitchAsync(NpgsqlConnection connection, Guid workspaceId, Guid websiteId, bool privacyMode, IReadOnlyList<Sighting> sightings, CancellationToken cancel)
    {
        var people = new Dictionary<Guid, Guid>();
        if (sightings.Count == 0)
            return people;
        var graph = await LoadAsync(connection, workspaceId, websiteId, [.. sightings.SelectMany(s => s.Tokens).Distinct()], cancel);
        foreach (var sighting in sightings.OrderBy(s => s.At).ThenBy(s => s.SourceId))
            if (graph.Take(sighting) is { } person)
                people[sighting.SourceId] = person;
        await SaveAsync(connection, workspaceId, websiteId, privacyMode, graph, cancel);
        return people;
    }

    private async Task<PersonGraph> LoadAsync(NpgsqlConnection connection, Guid workspaceId, Guid websiteId, List<PersonToken> tokens, CancellationToken cancel)
    {
        var graph = new PersonGraph();
        await using (var read = new NpgsqlCommand("""
            SELECT p.kind, p.token, p.person_id, p.others, p.first_seen_at, p.last_seen_at
              FROM unnest($3, $4) AS w(kind, token) JOIN person_ids p ON p.workspace_id = $1 AND p.website_id = $2 AND p.kind = w.kind AND p.token = w.token
            """, connection).With(workspaceId, websiteId, tokens.Select(t => t.Kind.Word()).ToArray(), tokens.Select(t => t.Value).ToArray()))
        await using (var row = await read.ExecuteReaderAsync(cancel))
            while (await row.ReadAsync(cancel))
                graph.Tokens[new PersonToken(EnumText.Parse<PersonIdKind>(row.GetString(0))!.Value, row.GetString(1))] = new KnownToken(row.GetGuid(2),
                    [.. row.GetFieldValue<Guid[]>(3)], row.GetFieldValue<DateTimeOffset>(4), row.GetFieldValue<DateTimeOffset>(5));
        if (graph.Tokens.Count == 0)
            return graph;
        // whole groups: up to who they were merged into, and down to all that were merged into those
        await using (var read = new NpgsqlCommand("""
            WITH RECURSIVE up AS (
                SELECT id, merged_into FROM persons WHERE workspace_id = $1 AND id = ANY ($2)
                UNION SELECT p.id, p.merged_into FROM up JOIN persons p ON p.workspace_id = $1 AND p.id = up.merged_into),
            of_group AS (
                SELECT id FROM up WHERE NOT EXISTS (SELECT FROM persons k WHERE k.workspace_id = $1 AND k.id = up.merged_into)
                UNION SELECT p.id FROM of_group g JOIN persons p ON p.workspace_id = $1 AND p.merged_into = g.id)
            SELECT p.id, p.merged_into, p.created_at, p.last_seen_at, p.personal_sealed FROM of_group JOIN persons p ON p.workspace_id = $1 AND p.id = of_group.id
            """, connection).With(workspaceId, graph.Tokens.Values.Select(t => t.PersonId).Distinct().ToArray()))
        await using (var row = await read.ExecuteReaderAsync(cancel))
            while (await row.ReadAsync(cancel))
                graph.Persons[row.GetGuid(0)] = new KnownPerson(row.GetGuid(0), row.IsDBNull(1) ? null : row.GetGuid(1), row.GetFieldValue<DateTimeOffset>(2),
                    row.GetFieldValue<DateTimeOffset>(3), row.IsDBNull(4) ? PersonShown.Nothing : Open(workspaceId, row.GetGuid(0), row.GetFieldValue<byte[]>(4)));
        foreach (var left in graph.Persons.Values.Where(p => p.MergedInto is { } into && !graph.Persons.ContainsKey(into)))
            (left.MergedInto, left.IsChanged) = (null, true); // who they became is gone
        var ids = graph.Persons.Keys.ToArray();
        await using (var read = new NpgsqlCommand($"""
            SELECT person_id, kind, count(*) FROM person_ids
             WHERE workspace_id = $1 AND person_id = ANY ($2) AND (kind <> 'email' OR (token::bigint >> 60 & 15) = {(int)KeyKind.Email}) GROUP BY person_id, kind
            """, connection).With(workspaceId, ids))
        await using (var row = await read.ExecuteReaderAsync(cancel))
            while (await row.ReadAsync(cancel))
                graph.Persons[row.GetGuid(0)].Counts[(int)EnumText.Parse<PersonIdKind>(row.GetString(1))!.Value] = (int)row.GetInt64(2);
        await using (var read = new NpgsqlCommand("""
            SELECT kept_id, merged_id, kind FROM person_merges WHERE workspace_id = $1 AND undone_at IS NOT NULL AND (kept_id = ANY ($2) OR merged_id = ANY ($2))
            """, connection).With(workspaceId, ids))
        await using (var row = await read.ExecuteReaderAsync(cancel))
            while (await row.ReadAsync(cancel))
            {
                var (pair, kind) = ((row.GetGuid(0), row.GetGuid(1)), EnumText.Parse<PersonIdKind>(row.GetString(2)) is { } evidence ? (int)evidence : -1);
                graph.Undone[pair] = Math.Min(kind, graph.Undone.GetValueOrDefault(pair, int.MaxValue));
            }
        return graph;
    }

    private async Task SaveAsync(NpgsqlConnection connection, Guid workspaceId, Guid websiteId, bool privacyMode, PersonGraph graph, CancellationToken cancel)
    {
        var persons = graph.Persons.Values.Where(p => p.IsNew || p.IsChanged).OrderBy(p => p.MergedInto is null ? 0 : 1).ToList();
        if (persons.Count > 0)
        {
            await using var write = new NpgsqlCommand("""
                INSERT INTO persons AS p (workspace_id, website_id, id, merged_into, created_at, last_seen_at, personal_sealed)
                SELECT $1, $2, t.* FROM unnest($3, $4, $5, $6, $7) AS t(id, merged_into, created_at, last_seen_at, personal_sealed)
                ON CONFLICT (workspace_id, id) DO UPDATE SET merged_into = excluded.merged_into, last_seen_at = excluded.last_seen_at,
                    personal_sealed = coalesce(excluded.personal_sealed, p.personal_sealed)
                """, connection).With(workspaceId, websiteId, persons.Select(p => p.Id).ToArray());
            write.Parameters.Add(Array(persons.Select(p => p.MergedInto).ToArray(), NpgsqlDbType.Uuid));
            write.Parameters.Add(Array(persons.Select(p => p.CreatedAt.UtcDateTime).ToArray(), NpgsqlDbType.TimestampTz));
            write.Parameters.Add(Array(persons.Select(p => p.LastSeen.UtcDateTime).ToArray(), NpgsqlDbType.TimestampTz));
            write.Parameters.Add(Array(persons.Select(p => privacyMode || p.Shown == PersonShown.Nothing ? null
                : protector.Seal(Purpose, workspaceId, p.Id, JsonSerializer.SerializeToUtf8Bytes(p.Shown))).ToArray(), NpgsqlDbType.Bytea));
            await write.ExecuteNonQueryAsync(cancel);
        }
        var tokens = graph.Tokens.Where(t => t.Value.Source is not null || t.Value.IsChanged).ToList();
        if (tokens.Count > 0)
        {
            await using var write = new NpgsqlCommand("""
                INSERT INTO person_ids (workspace_id, website_id, kind, token, person_id, others, source, first_seen_at, last_seen_at)
                SELECT $1, $2, t.kind, t.token, t.person_id, coalesce(string_to_array(nullif(t.others, ''), ','), '{}')::uuid[], t.source, t.first_seen_at, t.last_seen_at
                  FROM unnest($3, $4, $5, $6, $7, $8, $9) AS t(kind, token, person_id, others, source, first_seen_at, last_seen_at)
                ON CONFLICT (workspace_id, website_id, kind, token) DO UPDATE SET others = excluded.others, last_seen_at = excluded.last_seen_at
                """, connection).With(workspaceId, websiteId, tokens.Select(t => t.Key.Kind.Word()).ToArray(), tokens.Select(t => t.Key.Value).ToArray(),
                tokens.Select(t => t.Value.PersonId).ToArray(), tokens.Select(t => string.Join(',', t.Value.Others)).ToArray(), tokens.Select(t => t.Value.Source ?? "event").ToArray(),
                tokens.Select(t => t.Value.FirstSeen.UtcDateTime).ToArray(), tokens.Select(t => t.Value.LastSeen.UtcDateTime).ToArray());
            await write.ExecuteNonQueryAsync(cancel);
        }
        var now = clock.GetUtcNow();
        foreach (var merge in graph.Merges)
        {
            await using var write = new NpgsqlCommand("""
                INSERT INTO person_merges (workspace_id, website_id, id, kept_id, merged_id, kind, confidence, source_id, merged_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
                """, connection).With(workspaceId, websiteId, Guid.CreateVersion7(now), merge.KeptId, merge.MergedId, merge.Kind.Word(), ConfidenceOf(merge.Kind), merge.SourceId, now);
            await write.ExecuteNonQueryAsync(cancel);
        }
    }

    /// <summary>How sure it is that two who share such an identifier are one, as the order of belief; not measured.</summary>
    private static double ConfidenceOf(PersonIdKind kind) => kind switch
    {
        PersonIdKind.External => 1,
        PersonIdKind.Email => 0.98,
        PersonIdKind.Phone => 0.95,
        PersonIdKind.Visitor or PersonIdKind.Click => 0.8,
    };

    /// <summary>What is shown of a person; nothing when it was sealed with another master key.</summary>
    internal PersonShown Open(Guid workspaceId, Guid personId, byte[] sealedBytes)
    {
        try
        {
            return JsonSerializer.Deserialize<PersonShown>(protector.Open(Purpose, workspaceId, personId, sealedBytes)) ?? PersonShown.Nothing;
        }
        catch (CryptographicException)
        {
            return PersonShown.Nothing;
        }
    }

    private static NpgsqlParameter Array<T>(T[] values, NpgsqlDbType type) => new() { Value = values, NpgsqlDbType = NpgsqlDbType.Array | type };
}
