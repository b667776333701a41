using System.Text.Json;
using ClarityTracking.Core.Attribution.Touchpoints;
using ClarityTracking.Core.Conversions;
using ClarityTracking.Core.Data;
using ClarityTracking.Core.Ingestion.Enrich;
using ClarityTracking.Core.Ingestion.Identify;
using ClarityTracking.Core.Ingestion.Store;
using Npgsql;

namespace ClarityTracking.Core.People;

/// <summary>Makes sightings of events and conversions, and gives conversions their person.</summary>
public sealed class PersonFollower(PersonTokens tokens, PersonWriter writer, ConversionWriter conversions)
{
    /// <summary>What one event shows together.</summary>
    public Sighting OfEvent(Event seen, Touchpoint touch)
    {
        // an own id that names nobody must not join all who have it
        var isNobody = seen.Personal?.User?.ExternalId.Any(PersonTokens.IsNobody) == true;
        return new Sighting("event", seen.Id, seen.OccurredAt, tokens.Of(seen.WebsiteId, touch.VisitorId, touch.ClickIds, touch.Person, isNobody ? WithoutExternal(seen.MatchKeys) : seen.MatchKeys), ShownOf(touch.Person));
    }

    /// <summary>Stitches sightings of events, and these conversions.</summary>
    public async Task StitchAsync(NpgsqlConnection connection, FollowedWebsite website, IEnumerable<Sighting> ofEvents, IReadOnlyList<Guid> conversionIds, CancellationToken cancel)
    {
        var sightings = ofEvents.Where(s => s.Tokens.Any(t => t.IsStrong)).ToList();
        sightings.AddRange(await OfConversionsAsync(connection, website, conversionIds, cancel));
        var persons = await writer.StitchAsync(connection, website.WorkspaceId, website.Id, website.Facts.PrivacyMode, sightings, cancel);
        var named = conversionIds.Where(persons.ContainsKey).ToArray();
        if (named.Length == 0)
            return;
        await using var write = new NpgsqlCommand("""
            UPDATE conversions c SET person_id = t.person_id FROM unnest($2, $3) AS t(id, person_id) WHERE c.workspace_id = $1 AND c.id = t.id AND c.person_id IS DISTINCT FROM t.person_id
            """, connection).With(website.WorkspaceId, named, named.Select(id => persons[id]).ToArray());
        await write.ExecuteNonQueryAsync(cancel);
    }

    private async Task<List<Sighting>> OfConversionsAsync(NpgsqlConnection connection, FollowedWebsite website, IReadOnlyList<Guid> ids, CancellationToken cancel)
    {
        var sightings = new List<Sighting>();
        if (ids.Count == 0)
            return sightings;
        await using var read = new NpgsqlCommand("""
            SELECT id, occurred_at, visitor_id, attribution::text, match_keys::text, personal_sealed, tracking_id::text FROM conversions
             WHERE workspace_id = $1 AND website_id = $2 AND id = ANY ($3) AND NOT is_test
            """, connection).With(website.WorkspaceId, website.Id, ids.ToArray());
        await using var row = await read.ExecuteReaderAsync(cancel);
        while (await row.ReadAsync(cancel))
        {
            var id = row.GetGuid(0);
            var told = row.IsDBNull(3) ? [] : JsonSerializer.Deserialize<Dictionary<string, string>>(row.GetString(3)) ?? [];
            var keys = row.IsDBNull(4) ? MatchKeys.None : new MatchKeys(JsonSerializer.Deserialize<Dictionary<string, IReadOnlyList<string>>>(row.GetString(4)) ?? []);
            var stored = conversions.OpenPerson(website.WorkspaceId, id, row.IsDBNull(5) ? null : row.GetFieldValue<byte[]>(5));
            var (customer, ip) = (stored.Customer, stored.Ip);
            var person = TouchpointPerson.Of([$"{customer?.FirstName} {customer?.LastName}"], [customer?.Email], [customer?.Phone], ip, customer?.Email is null ? keys.Sha256(MatchKeyNames.Email) : [],
                customer?.Country ?? website.Facts.DefaultCountry);
            var clicks = told.Where(t => ClickIdNames.All.ContainsKey(t.Key) && t.Key != "ct_campaign_link_id").Select(t => $"{ClickIdNames.All[t.Key]}.{t.Value}").ToList();
            if (!row.IsDBNull(6))
                clicks.Add($"ct_tracking_id.{row.GetString(6)}");
            var isNobody = customer?.ExternalId is { } external && PersonTokens.IsNobody(external);
            sightings.Add(new Sighting("conversion", id, row.GetFieldValue<DateTimeOffset>(1), tokens.Of(website.Id, row.IsDBNull(2) ? null : row.GetString(2), clicks, person,
                isNobody ? WithoutExternal(keys) : keys), ShownOf(person)));
        }
        return sightings;
    }

    private static PersonShown ShownOf(TouchpointPerson person) =>
        new(person.Names.Count > 0 ? person.Names[0] : null, person.Emails.Count > 0 ? person.Emails[0] : null, person.Phones.Count > 0 ? person.Phones[0] : null);

    private static MatchKeys WithoutExternal(MatchKeys keys) =>
        new(keys.Values.Where(k => !k.Key.StartsWith(MatchKeyNames.ExternalId, StringComparison.Ordinal)).ToDictionary(k => k.Key, k => k.Value));
}
