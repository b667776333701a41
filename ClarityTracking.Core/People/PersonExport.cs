using System.Text.Json;
using ClarityTracking.Core.Conversions;
using ClarityTracking.Core.Data;
using ClarityTracking.Core.Ingestion.Store;
using ClarityTracking.Core.Tenancy;
using Npgsql;

namespace ClarityTracking.Core.People;

/// <summary>All that is kept about a person, readable: events with what they told, touchpoints, conversions, deliveries.</summary>
public sealed record ExportedPerson(DateTimeOffset ExportedAt, IReadOnlyList<JsonElement> Persons, IReadOnlyList<JsonElement> Events, IReadOnlyList<JsonElement> Touchpoints,
    IReadOnlyList<JsonElement> Conversions, IReadOnlyList<JsonElement> Deliveries)
{
    /// <summary>There are more events than an export holds; ask with the visitor ids one by one.</summary>
    public bool IsCut { get; init; }
}

/// <summary>Gives out what is kept about a person. Each export stands in the audit log.</summary>
public sealed class PersonExport(ClarityDb tenants, NpgsqlDataSource database, PersonTokens tokens, EventLoader loader, ConversionWriter conversions, PersonWriter persons,
    Connections.SecretProtector protector, TimeProvider clock)
{
    private const int MostEvents = 20_000;

    /// <summary>Collects.</summary>
    public async Task<Result<ExportedPerson>> ExportAsync(Caller caller, Guid websiteId, PersonRequest request, CancellationToken cancel)
    {
        await using var db = tenants.For(caller);
        var found = await db.WebsiteAsync(caller, websiteId, Role.Admin, cancel);
        if (!found.IsOk)
            return found.Error;
        request = request.Trimmed();
        if (request.Check() is { } error)
            return error;
        var website = found.Value;
        await using var connection = await database.OpenConnectionAsync(cancel);
        var footprint = await PersonFootprint.FindAsync(connection, tokens, website, request, cancel);
        var ids = new List<Guid>();
        await foreach (var batch in footprint.EventsAsync(connection, since: null, cancel))
        {
            ids.AddRange(batch);
            if (ids.Count >= MostEvents)
                break;
        }
        var events = new List<JsonElement>(ids.Count);
        foreach (var batch in ids.Chunk(500))
            events.AddRange((await loader.LoadAsync(connection, [.. batch.Select(id => new EventAddress(website.WorkspaceId, websiteId, id))], cancel)).Values.OrderBy(e => e.Id).Select(EventJson));
        var result = new ExportedPerson(clock.GetUtcNow(), await PersonsAsync(connection, footprint, cancel), events, await TouchpointsAsync(connection, footprint, cancel),
            await ConversionsAsync(connection, footprint, cancel),
            await RowsAsync(connection, """
                SELECT to_jsonb(d) - 'workspace_id' FROM delivery_states d WHERE d.workspace_id = $1 AND d.event_id = ANY ($2) ORDER BY d.created_at
                """, cancel, website.WorkspaceId, ids.ToArray()))
        { IsCut = ids.Count >= MostEvents };
        db.Audit(website.WorkspaceId, caller, "person.exported", $"website {websiteId}", $"{result.Persons.Count} persons, {result.Events.Count} events, {result.Conversions.Count} conversions", clock.GetUtcNow());
        await db.SaveChangesAsync(cancel);
        return result;
    }

    private static JsonElement EventJson(Event e) => JsonSerializer.SerializeToElement(new
    {
        e.Id,
        e.EventId,
        e.Name,
        Source = e.Source.Word(),
        e.IsTest,
        e.OccurredAt,
        e.ReceivedAt,
        e.VisitorId,
        e.SessionId,
        e.Url,
        e.Referrer,
        e.Value,
        e.Currency,
        e.OrderId,
        e.UserAgent,
        e.ClickIds,
        e.Cookies,
        e.Utm,
        e.Consent,
        MatchKeys = e.MatchKeys.Values,
        e.Properties,
        e.Personal,
    }, JsonSerializerOptions.Web);

    private async Task<List<JsonElement>> PersonsAsync(NpgsqlConnection connection, PersonFootprint footprint, CancellationToken cancel)
    {
        var list = new List<JsonElement>();
        await using var read = new NpgsqlCommand("""
            SELECT p.id, p.merged_into, p.created_at, p.last_seen_at, p.personal_sealed,
                   (SELECT coalesce(jsonb_agg(jsonb_build_object('kind', i.kind, 'token', i.token, 'source', i.source, 'firstSeenAt', i.first_seen_at, 'lastSeenAt', i.last_seen_at)), '[]')::text
                      FROM person_ids i WHERE i.workspace_id = $1 AND i.person_id = p.id)
              FROM persons p WHERE p.workspace_id = $1 AND p.id = ANY ($2) ORDER BY p.id
            """, connection).With(footprint.WorkspaceId, footprint.Persons);
        await using var row = await read.ExecuteReaderAsync(cancel);
        while (await row.ReadAsync(cancel))
        {
            var shown = row.IsDBNull(4) ? PersonShown.Nothing : persons.Open(footprint.WorkspaceId, row.GetGuid(0), row.GetFieldValue<byte[]>(4));
            list.Add(JsonSerializer.SerializeToElement(new
            {
                Id = row.GetGuid(0),
                MergedInto = row.IsDBNull(1) ? (Guid?)null : row.GetGuid(1),
                FirstSeenAt = row.GetFieldValue<DateTimeOffset>(2),
                LastSeenAt = row.GetFieldValue<DateTimeOffset>(3),
                shown.Name,
                shown.Email,
                shown.Phone,
                Identifiers = JsonElement.Parse(row.GetString(5)),
            }, JsonSerializerOptions.Web));
        }
        return list;
    }

    private async Task<List<JsonElement>> TouchpointsAsync(NpgsqlConnection connection, PersonFootprint footprint, CancellationToken cancel)
    {
        var list = new List<JsonElement>();
        await using var read = new NpgsqlCommand("""
            SELECT id, personal_sealed, (to_jsonb(t) - 'workspace_id' - 'personal_sealed' - 'keys')::text FROM touchpoints t WHERE workspace_id = $1 AND website_id = $2 AND id = ANY ($3) ORDER BY occurred_at, id
            """, connection).With(footprint.WorkspaceId, footprint.WebsiteId, footprint.Touchpoints);
        await using var row = await read.ExecuteReaderAsync(cancel);
        while (await row.ReadAsync(cancel))
            list.Add(JsonSerializer.SerializeToElement(new
            {
                Touchpoint = JsonElement.Parse(row.GetString(2)),
                Person = Opened(() => TouchpointPerson.Open(protector, footprint.WorkspaceId, row.GetGuid(0), row.IsDBNull(1) ? null : row.GetFieldValue<byte[]>(1))),
            }, JsonSerializerOptions.Web));
        return list;
    }

    private async Task<List<JsonElement>> ConversionsAsync(NpgsqlConnection connection, PersonFootprint footprint, CancellationToken cancel)
    {
        var list = new List<JsonElement>();
        await using var read = new NpgsqlCommand("""
            SELECT id, personal_sealed, (to_jsonb(c) - 'workspace_id' - 'personal_sealed')::text,
                   (SELECT coalesce(jsonb_agg(to_jsonb(x) - 'workspace_id' - 'webhook_id' ORDER BY x.occurred_at), '[]')::text FROM conversion_changes x WHERE x.workspace_id = $1 AND x.conversion_id = c.id)
              FROM conversions c WHERE workspace_id = $1 AND id = ANY ($2) ORDER BY occurred_at, id
            """, connection).With(footprint.WorkspaceId, footprint.Conversions);
        await using var row = await read.ExecuteReaderAsync(cancel);
        while (await row.ReadAsync(cancel))
            list.Add(JsonSerializer.SerializeToElement(new
            {
                Conversion = JsonElement.Parse(row.GetString(2)),
                Changes = JsonElement.Parse(row.GetString(3)),
                Person = Opened(() => conversions.OpenPerson(footprint.WorkspaceId, row.GetGuid(0), row.IsDBNull(1) ? null : row.GetFieldValue<byte[]>(1))),
            }, JsonSerializerOptions.Web));
        return list;
    }

    /// <summary>What was sealed with another master key cannot be given out.</summary>
    private static T? Opened<T>(Func<T> open) where T : class
    {
        try
        {
            return open();
        }
        catch (System.Security.Cryptography.CryptographicException)
        {
            return null;
        }
    }

    private static async Task<List<JsonElement>> RowsAsync(NpgsqlConnection connection, string sql, CancellationToken cancel, params object?[] values) =>
        [.. (await PersonFootprint.ListAsync<string>(connection, $"SELECT r::text FROM ({sql}) rows(r)", cancel, values)).Select(r => JsonElement.Parse(r))];
}
