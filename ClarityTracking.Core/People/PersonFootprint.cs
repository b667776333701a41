using System.Globalization;
using System.Runtime.CompilerServices;
using System.Text.Json;
using ClarityTracking.Core.Data;
using ClarityTracking.Core.Ingestion.Identify;
using ClarityTracking.Core.Ingestion.Store;
using ClarityTracking.Core.Tenancy;
using Npgsql;

namespace ClarityTracking.Core.People;

/// <summary>Who is meant: at least one of these, whole.</summary>
/// <param name="Email">Address.</param>
/// <param name="Phone">Number in any writing.</param>
/// <param name="VisitorId">A browser's id.</param>
public sealed record PersonRequest(string? Email, string? Phone, string? VisitorId)
{
    private const int Longest = 500, ShortestVisitorId = 8;

    /// <summary>Without blanks around; null for what is empty.</summary>
    public PersonRequest Trimmed() => new(Text(Email), Text(Phone), Text(VisitorId));

    /// <summary>What is wrong with it; null = nothing.</summary>
    public Error? Check()
    {
        if (Email is null && Phone is null && VisitorId is null)
            return Error.Invalid(new Destinations.FieldError("email", "Give an email, a phone or a visitorId."));
        foreach (var (name, value) in new[] { ("email", Email), ("phone", Phone), ("visitorId", VisitorId) })
            if (value?.Length > Longest || value?.Contains('\0') == true)
                return Error.Invalid(new Destinations.FieldError(name, $"{name} is longer than {Longest} characters or holds what no text may."));
        if (Email is not null && IdentityText.Email(Email) is null)
            return Error.Invalid(new Destinations.FieldError("email", "email is no address of a person."));
        if (Phone is not null && IdentityText.Phone(Phone, null) is null)
            return Error.Invalid(new Destinations.FieldError("phone", "phone is no number of a person."));
        if (VisitorId is not null && (VisitorId.Length < ShortestVisitorId || PersonTokens.IsNobody(VisitorId)))
            return Error.Invalid(new Destinations.FieldError("visitorId", $"visitorId is no browser's id: it is shorter than {ShortestVisitorId} characters, or a word for nobody."));
        return null;
    }

    private static string? Text(string? text) => string.IsNullOrWhiteSpace(text) ? null : text.Trim();
}

/// <summary>
/// Everything that is kept about somebody, found by what was typed and by what their person is known by. An identifier that others were seen with too leads
/// no further (a family's tablet, a household's number): what is theirs is found by it only where it was typed.
/// </summary>
internal sealed class PersonFootprint
{
    /// <summary>Seconds that one statement may take: a week of a large log is read for match keys, which have no index.</summary>
    internal const int Patience = 300;

    public required Guid WorkspaceId { get; init; }
    public required Guid WebsiteId { get; init; }

    /// <summary>Persons, merged ones too.</summary>
    public required Guid[] Persons { get; init; }
    public required string[] Visitors { get; init; }

    /// <summary>Keys of <c>touchpoint_keys</c> and <c>conversion_keys</c> that are theirs alone.</summary>
    public required long[] Keys { get; init; }
    public required Guid[] Touchpoints { get; init; }
    public required Guid[] Conversions { get; init; }

    /// <summary>Their match keys as events and conversions carry them.</summary>
    public required string[] Hashes { get; init; }

    public static async Task<PersonFootprint> FindAsync(NpgsqlConnection connection, PersonTokens tokens, Website website, PersonRequest request, CancellationToken cancel)
    {
        var typed = tokens.OfTyped(website.Id, request.Email, request.Phone, request.VisitorId, website.DefaultCountry);
        var persons = await ListAsync<Guid>(connection, $"""
            WITH RECURSIVE up AS (
                SELECT p.id, p.merged_into FROM unnest($3, $4) AS w(kind, token)
                  JOIN person_ids i ON i.workspace_id = $1 AND i.website_id = $2 AND i.kind = w.kind AND i.token = w.token AND cardinality(i.others) < {PersonGraph.MostOthers}
                  JOIN persons p ON p.workspace_id = $1 AND p.id = i.person_id
                UNION SELECT p.id, p.merged_into FROM up JOIN persons p ON p.workspace_id = $1 AND p.id = up.merged_into),
            of_group AS (
                SELECT id FROM up WHERE NOT EXISTS (SELECT FROM persons k WHERE k.workspace_id = $1 AND k.id = up.merged_into)
                UNION SELECT p.id FROM of_group g JOIN persons p ON p.workspace_id = $1 AND p.merged_into = g.id)
            SELECT id FROM of_group
            """, cancel, website.WorkspaceId, website.Id, typed.Select(t => t.Kind.Word()).ToArray(), typed.Select(t => t.Value).ToArray());
        var own = new List<PersonToken>(typed);
        await using (var read = new NpgsqlCommand("SELECT kind, token FROM person_ids WHERE workspace_id = $1 AND person_id = ANY ($2) AND cardinality(others) = 0", connection).With(website.WorkspaceId, persons))
        await using (var row = await read.ExecuteReaderAsync(cancel))
            while (await row.ReadAsync(cancel))
                own.Add(new PersonToken(EnumText.Parse<PersonIdKind>(row.GetString(0))!.Value, row.GetString(1)));
        var visitors = own.Where(t => t.Kind == PersonIdKind.Visitor).Select(t => t.Value).Distinct().ToArray();
        var keys = own.Where(t => t.Kind != PersonIdKind.Visitor).Select(t => long.Parse(t.Value, CultureInfo.InvariantCulture)).Distinct().ToArray();
        var known = await ListAsync<Guid>(connection, "SELECT DISTINCT touchpoint_id FROM touchpoint_keys WHERE workspace_id = $1 AND website_id = $2 AND key = ANY ($3)", cancel, website.WorkspaceId, website.Id, keys);
        var touchpoints = await ListAsync<Guid>(connection, """
            SELECT id FROM touchpoints WHERE workspace_id = $1 AND website_id = $2 AND (profile = ANY ($3) OR id = ANY ($4))
            """, cancel, website.WorkspaceId, website.Id, visitors, known);
        var bought = await ListAsync<Guid>(connection, """
            SELECT id FROM conversions WHERE workspace_id = $1 AND website_id = $2 AND person_id = ANY ($3)
            UNION SELECT conversion_id FROM conversion_keys WHERE workspace_id = $1 AND website_id = $2 AND key = ANY ($4)
            """, cancel, website.WorkspaceId, website.Id, persons, keys);
        // by their own identifiers alone: what else a shared browser told is other people's
        var hashes = MatchKeyHasher.Hash(new UserData { Email = request.Email is { } email ? [email] : [], Phone = request.Phone is { } phone ? [phone] : [] }, website.DefaultCountry)
            .Values.SelectMany(k => k.Value).ToHashSet(StringComparer.Ordinal);
        hashes.UnionWith(await HashesAsync(connection, website, known, bought, cancel));
        string[] all = [.. hashes];
        var conversions = await ListAsync<Guid>(connection, $"""
            SELECT id FROM conversions WHERE workspace_id = $1 AND website_id = $2 AND (id = ANY ($3) OR visitor_id = ANY ($4) OR ({OfPerson("$5")}))
            """, cancel, website.WorkspaceId, website.Id, bought, visitors, all);
        return new PersonFootprint
        {
            WorkspaceId = website.WorkspaceId,
            WebsiteId = website.Id,
            Persons = persons,
            Visitors = visitors,
            Keys = keys,
            Touchpoints = touchpoints,
            Conversions = conversions,
            Hashes = all,
        };
    }

    /// <summary>What this and another one of the same somebody found together.</summary>
    public PersonFootprint Union(PersonFootprint other) => new()
    {
        WorkspaceId = WorkspaceId,
        WebsiteId = WebsiteId,
        Persons = [.. Persons.Union(other.Persons)],
        Visitors = [.. Visitors.Union(other.Visitors)],
        Keys = [.. Keys.Union(other.Keys)],
        Touchpoints = [.. Touchpoints.Union(other.Touchpoints)],
        Conversions = [.. Conversions.Union(other.Conversions)],
        Hashes = [.. Hashes.Union(other.Hashes)],
    };

    /// <summary>What another one did not find.</summary>
    public PersonFootprint Except(PersonFootprint other) => new()
    {
        WorkspaceId = WorkspaceId,
        WebsiteId = WebsiteId,
        Persons = [.. Persons.Except(other.Persons)],
        Visitors = [.. Visitors.Except(other.Visitors)],
        Keys = [.. Keys.Except(other.Keys)],
        Touchpoints = [.. Touchpoints.Except(other.Touchpoints)],
        Conversions = [.. Conversions.Except(other.Conversions)],
        Hashes = [.. Hashes.Except(other.Hashes)],
    };

    /// <summary>Their events, week by week through the log, some hundred at a time; also in the weeks that lie in the default partition.</summary>
    /// <param name="connection">Read with it; a batch is read to its end before it is given out.</param>
    /// <param name="since">Only those that came in from then on (UTC); null = all.</param>
    /// <param name="cancel">Cancels.</param>
    public async IAsyncEnumerable<Guid[]> EventsAsync(NpgsqlConnection connection, DateTimeOffset? since, [EnumeratorCancellation] CancellationToken cancel)
    {
        const int atOnce = 500;
        if (Visitors.Length + Touchpoints.Length + Hashes.Length == 0)
            yield break;
        var ends = await ListAsync<Guid>(connection, """
            (SELECT id FROM events WHERE workspace_id = $1 AND website_id = $2 ORDER BY id LIMIT 1) UNION ALL (SELECT id FROM events WHERE workspace_id = $1 AND website_id = $2 ORDER BY id DESC LIMIT 1)
            """, cancel, WorkspaceId, WebsiteId);
        if (ends.Length < 2)
            yield break;
        var (first, last) = (Reports.EventQueries.TimeOf(ends[0]), Reports.EventQueries.TimeOf(ends[1]));
        if (since > first)
            first = since.Value;
        for (var from = first.AddSeconds(-1); from <= last; from = from.AddDays(7))
        {
            var found = await ListAsync<Guid>(connection, $"""
                SELECT id FROM events WHERE workspace_id = $1 AND website_id = $2 AND id >= $3 AND id < $4 AND visitor_id = ANY ($5)
                UNION SELECT id FROM events WHERE workspace_id = $1 AND website_id = $2 AND id >= $3 AND id < $4 AND id = ANY ($6)
                UNION SELECT id FROM events WHERE workspace_id = $1 AND website_id = $2 AND id >= $3 AND id < $4 AND cardinality($7) > 0 AND match_keys IS NOT NULL AND ({OfPerson("$7")})
                ORDER BY id
                """, cancel, WorkspaceId, WebsiteId, Partitions.LowestId(from), Partitions.LowestId(from.AddDays(7)), Visitors, Touchpoints, Hashes);
            foreach (var batch in found.Chunk(atOnce))
                yield return batch;
        }
    }

    /// <summary>SQL: the row's match keys name them.</summary>
    private static string OfPerson(string hashes) =>
        string.Join(" OR ", new[] { MatchKeyNames.Email, MatchKeyNames.Phone, MatchKeyNames.ExternalId }.Select(name => $"match_keys -> '{name}' ?| {hashes}"));

    private static async Task<string[]> HashesAsync(NpgsqlConnection connection, Website website, Guid[] events, Guid[] conversions, CancellationToken cancel)
    {
        var hashes = new HashSet<string>(StringComparer.Ordinal);
        await using var read = new NpgsqlCommand("""
            SELECT match_keys::text FROM events WHERE workspace_id = $1 AND website_id = $2 AND id = ANY ($3) AND match_keys IS NOT NULL
            UNION SELECT match_keys::text FROM conversions WHERE workspace_id = $1 AND id = ANY ($4) AND match_keys IS NOT NULL
            """, connection).With(website.WorkspaceId, website.Id, events, conversions);
        await using var row = await read.ExecuteReaderAsync(cancel);
        while (await row.ReadAsync(cancel))
            foreach (var (name, values) in JsonSerializer.Deserialize<Dictionary<string, List<string>>>(row.GetString(0))!)
                if (name.Split('.')[0] is MatchKeyNames.Email or MatchKeyNames.Phone or MatchKeyNames.ExternalId)
                    hashes.UnionWith(values);
        return [.. hashes];
    }

    internal static async Task<T[]> ListAsync<T>(NpgsqlConnection connection, string sql, CancellationToken cancel, params object?[] values)
    {
        await using var read = new NpgsqlCommand(sql, connection) { CommandTimeout = Patience }.With(values);
        var list = new List<T>();
        await using var row = await read.ExecuteReaderAsync(cancel);
        while (await row.ReadAsync(cancel))
            list.Add(row.GetFieldValue<T>(0));
        return [.. list];
    }
}
