using System.Security.Cryptography;
using System.Text;
using ClarityTracking.Core.Attribution.Touchpoints;
using ClarityTracking.Core.Connections;
using ClarityTracking.Core.Data;
using ClarityTracking.Core.Delivery;
using ClarityTracking.Core.Health.Duplicates;
using ClarityTracking.Core.Inbound;
using ClarityTracking.Core.Routing;
using ClarityTracking.Core.Tenancy;
using Npgsql;

namespace ClarityTracking.Core.People;

/// <summary>What an erasure removed or overwrote; all zero = nothing was kept about them.</summary>
/// <param name="Persons">Removed with their identifiers and merges.</param>
/// <param name="Events">Overwritten: who, which browser, where on the page; that something happened and was worth something stays.</param>
/// <param name="Touchpoints">Overwritten: they stay as touches of nobody, so that sums stay true.</param>
/// <param name="Conversions">Overwritten likewise.</param>
/// <param name="Webhooks">Bodies removed.</param>
/// <param name="Calls">Archived calls to platforms of which the bodies were removed.</param>
/// <param name="Deliveries">Waiting deliveries that were dropped.</param>
public sealed record ErasedPerson(long Persons, long Events, long Touchpoints, long Conversions, long Webhooks, long Calls, long Deliveries);

/// <summary>
/// Erases a person: in bounded batches, each a transaction of its own, persons last. So an erasure that is cut off is simply asked for again. What was already
/// sent to platforms is theirs to erase.
/// </summary>
public sealed class PersonErasure(ClarityDb tenants, NpgsqlDataSource database, PersonTokens tokens, SecretProtector protector, CallArchive archive, TimeProvider clock)
{
    private const string Erased = "erased";
    private const int WebhooksAtOnce = 200;

    /// <summary>How far the clocks of two nodes, and an event's way into the log, may put its id before the moment it can be read.</summary>
    private static readonly TimeSpan ClocksDiffer = TimeSpan.FromMinutes(5);

    /// <summary>Erases.</summary>
    public async Task<Result<ErasedPerson>> EraseAsync(Caller caller, Guid websiteId, PersonRequest request, CancellationToken cancel)
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
        var since = clock.GetUtcNow() - ClocksDiffer;
        var footprint = await PersonFootprint.FindAsync(connection, tokens, website, request, cancel);
        var (done, sums) = (new HashSet<Guid>(), new EventSums());
        foreach (var batch in await BatchesAsync(connection, footprint, null, done, cancel))
        {
            await using var part = await connection.BeginTransactionAsync(cancel);
            await EraseEventsAsync(connection, footprint, batch, sums, cancel);
            await part.CommitAsync(cancel);
        }
        var webhooks = await EmptyWebhooksAsync(connection, footprint, new PersonMentions(request, website.DefaultCountry), cancel);
        await using var transaction = await connection.BeginTransactionAsync(cancel);
        await TouchpointWorker.LockAsync(connection, websiteId, cancel);
        // a follower may have written more, or found out more, since; from here on it waits
        var again = await PersonFootprint.FindAsync(connection, tokens, website, request, cancel);
        var (more, all) = (again.Except(footprint), footprint.Union(again));
        foreach (var batch in await BatchesAsync(connection, more, null, done, cancel))
            await EraseEventsAsync(connection, all, batch, sums, cancel);
        foreach (var batch in await BatchesAsync(connection, all, since, done, cancel))
            await EraseEventsAsync(connection, all, batch, sums, cancel);
        webhooks += await EmptyTellingAsync(connection, more, cancel);
        await DuplicateWorker.LockAsync(connection, [websiteId], cancel);
        await ForgetDuplicatesAsync(connection, all, [.. done], all.Visitors, cancel); // what was written of them meanwhile too
        await OverwriteTouchpointsAsync(connection, all, cancel);
        await OverwriteConversionsAsync(connection, all, cancel);
        await RunAsync(connection, "UPDATE persons SET merged_into = NULL WHERE workspace_id = $1 AND merged_into = ANY ($2) AND NOT id = ANY ($2)", cancel, all.WorkspaceId, all.Persons);
        var persons = await RunAsync(connection, "DELETE FROM persons WHERE workspace_id = $1 AND id = ANY ($2)", cancel, all.WorkspaceId, all.Persons); // merges and identifiers go with them
        await RunAsync(connection, "DELETE FROM person_ids WHERE workspace_id = $1 AND website_id = $2 AND kind = 'visitor' AND token = ANY ($3)", cancel, all.WorkspaceId, all.WebsiteId, all.Visitors);
        await transaction.CommitAsync(cancel);
        var result = new ErasedPerson(persons, sums.Events, all.Touchpoints.Length, all.Conversions.Length, webhooks, sums.Calls, sums.Deliveries);
        db.Audit(website.WorkspaceId, caller, "person.erased", $"website {websiteId}",
            $"{result.Persons} persons, {result.Events} events, {result.Touchpoints} touchpoints, {result.Conversions} conversions, {result.Webhooks} webhooks, {result.Calls} calls, {result.Deliveries} waiting deliveries", clock.GetUtcNow());
        await db.SaveChangesAsync(cancel);
        return result;
    }

    private sealed class EventSums
    {
        public long Events { get; set; }
        public long Calls { get; set; }
        public long Deliveries { get; set; }
    }

    /// <summary>Their events that are not done yet, in batches; those count as done from here on.</summary>
    private static async Task<List<Guid[]>> BatchesAsync(NpgsqlConnection connection, PersonFootprint person, DateTimeOffset? since, HashSet<Guid> done, CancellationToken cancel)
    {
        var batches = new List<Guid[]>();
        await foreach (var batch in person.EventsAsync(connection, since, cancel))
            if (batch.Where(done.Add).ToArray() is { Length: > 0 } fresh)
                batches.Add(fresh);
        return batches;
    }

    private async Task EraseEventsAsync(NpgsqlConnection connection, PersonFootprint person, Guid[] events, EventSums sums, CancellationToken cancel)
    {
        sums.Deliveries += await DropWaitingAsync(connection, person, events, cancel);
        sums.Calls += await EmptyCallsAsync(connection, person, events, cancel);
        sums.Events += await OverwriteEventsAsync(connection, person, events, cancel);
        await ForgetDuplicatesAsync(connection, person, events, [], cancel);
    }

    /// <summary>What a platform has not been sent yet it will not be sent.</summary>
    private async Task<long> DropWaitingAsync(NpgsqlConnection connection, PersonFootprint person, Guid[] events, CancellationToken cancel) => await RunAsync(connection, """
        WITH waiting AS (DELETE FROM delivery_queue WHERE workspace_id = $1 AND event_id = ANY ($2) RETURNING *)
        INSERT INTO deliveries (workspace_id, website_id, id, connection_id, event_id, event_name, status, reason, detail, attempts, created_at, finished_at)
        SELECT workspace_id, website_id, id, connection_id, event_id, event_name, 'skipped', $3, 'The person was erased.', attempts, created_at, $4 FROM waiting
        """, cancel, person.WorkspaceId, events, SkipReason.Erased.Word(), clock.GetUtcNow());

    /// <summary>A call holds a batch of many people's events; without this one's the rest could not be read, so all of it goes.</summary>
    private async Task<long> EmptyCallsAsync(NpgsqlConnection connection, PersonFootprint person, Guid[] events, CancellationToken cancel)
    {
        var calls = await PersonFootprint.ListAsync<Guid>(connection, """
            WITH sent AS (SELECT id, call_id FROM deliveries WHERE workspace_id = $1 AND event_id = ANY ($2) UNION SELECT id, NULL FROM delivery_queue WHERE workspace_id = $1 AND event_id = ANY ($2))
            SELECT c.id FROM delivery_calls c WHERE c.workspace_id = $1
               AND c.id IN (SELECT call_id FROM sent WHERE call_id IS NOT NULL UNION SELECT a.call_id FROM sent s JOIN delivery_attempts a ON a.workspace_id = $1 AND a.delivery_id = s.id)
            """, cancel, person.WorkspaceId, events);
        foreach (var call in calls)
            await RunAsync(connection, "UPDATE delivery_calls SET request = $3, response = NULL WHERE workspace_id = $1 AND id = $2", cancel,
                person.WorkspaceId, call, archive.Pack(person.WorkspaceId, call, Encoding.UTF8.GetBytes("\"" + Erased + "\"")));
        return calls.Length;
    }

    private static Task<long> OverwriteEventsAsync(NpgsqlConnection connection, PersonFootprint person, Guid[] events, CancellationToken cancel) => RunAsync(connection, $"""
        UPDATE events e SET visitor_id = NULL, session_id = NULL, url = split_part(split_part(url, '?', 1), '#', 1), referrer = substring(referrer FROM '^[^/]*//[^/?#]*'), user_agent = NULL,
               click_ids = NULL, cookies = NULL, match_keys = NULL, personal_sealed = NULL, redacted = '["{Erased}"]',
               properties = coalesce((SELECT jsonb_object_agg(key, value) FROM jsonb_each(e.properties) WHERE key IN ('items', 'channel', 'location', 'service', 'content_name')), jsonb_build_object())
         WHERE workspace_id = $1 AND website_id = $2 AND id = ANY ($3)
        """, cancel, person.WorkspaceId, person.WebsiteId, events);

    /// <summary>What they were compared with others by; that something was told twice stays. A repeat that was not stored is known by its group or its browser alone.</summary>
    private static Task<long> ForgetDuplicatesAsync(NpgsqlConnection connection, PersonFootprint person, Guid[] events, string[] visitors, CancellationToken cancel) => RunAsync(connection, """
        WITH told AS MATERIALIZED (SELECT unnest($3) AS id
            UNION SELECT id FROM duplicate_events WHERE workspace_id = $1 AND website_id = $2 AND cardinality($4) > 0 AND visitor_id = ANY ($4)),
        found AS MATERIALIZED (SELECT group_id FROM duplicate_members WHERE workspace_id = $1 AND website_id = $2 AND id IN (SELECT id FROM told)
            UNION SELECT group_id FROM duplicate_members WHERE workspace_id = $1 AND website_id = $2 AND cardinality($4) > 0 AND visitor_id = ANY ($4)
            UNION SELECT id FROM duplicate_groups WHERE workspace_id = $1 AND website_id = $2 AND cardinality($4) > 0 AND visitor_id = ANY ($4)),
        keys AS (DELETE FROM duplicate_keys WHERE workspace_id = $1 AND website_id = $2 AND id IN (SELECT id FROM told)),
        compared AS (UPDATE duplicate_events SET visitor_id = NULL, visitors = '{}', persons = '{}', path = NULL, about = NULL
            WHERE workspace_id = $1 AND website_id = $2 AND id IN (SELECT id FROM told)),
        members AS (UPDATE duplicate_members SET visitor_id = NULL WHERE workspace_id = $1 AND website_id = $2 AND group_id IN (SELECT group_id FROM found))
        UPDATE duplicate_groups SET visitor_id = NULL WHERE workspace_id = $1 AND website_id = $2 AND id IN (SELECT group_id FROM found)
        """, cancel, person.WorkspaceId, person.WebsiteId, events, visitors);

    private static async Task OverwriteTouchpointsAsync(NpgsqlConnection connection, PersonFootprint person, CancellationToken cancel)
    {
        await RunAsync(connection, "DELETE FROM touchpoint_keys WHERE workspace_id = $1 AND website_id = $2 AND (touchpoint_id = ANY ($3) OR key = ANY ($4))", cancel,
            person.WorkspaceId, person.WebsiteId, person.Touchpoints, person.Keys);
        await RunAsync(connection, """
            UPDATE touchpoints SET profile = id::text, visitor_id = NULL, session_id = NULL, click_id = NULL, personal_sealed = NULL, keys = '{}', device = NULL, os = NULL, browser = NULL
             WHERE workspace_id = $1 AND website_id = $2 AND id = ANY ($3)
            """, cancel, person.WorkspaceId, person.WebsiteId, person.Touchpoints);
    }

    private static async Task OverwriteConversionsAsync(NpgsqlConnection connection, PersonFootprint person, CancellationToken cancel)
    {
        await RunAsync(connection, "DELETE FROM conversion_keys WHERE workspace_id = $1 AND conversion_id = ANY ($2)", cancel, person.WorkspaceId, person.Conversions);
        await RunAsync(connection, """
            UPDATE conversions SET personal_sealed = NULL, match_keys = NULL, visitor_id = NULL, person_id = NULL, tracking_id = NULL,
                   attribution = (SELECT jsonb_object_agg(key, value) FROM jsonb_each(attribution) WHERE key LIKE 'utm\_%' OR key = 'channel')
             WHERE workspace_id = $1 AND id = ANY ($2)
            """, cancel, person.WorkspaceId, person.Conversions);
        // which touchpoint earned the credit stays; why it was believed tells of the person
        await RunAsync(connection, """
            UPDATE matches SET evidence = evidence || jsonb_build_object('fields', jsonb_build_array()), reasons = '[]' WHERE workspace_id = $1 AND conversion_id = ANY ($2)
            """, cancel, person.WorkspaceId, person.Conversions);
    }

    /// <summary>Webhooks that told of their conversions.</summary>
    private static Task<long> EmptyTellingAsync(NpgsqlConnection connection, PersonFootprint person, CancellationToken cancel) => RunAsync(connection, """
        UPDATE inbound_webhooks SET body_sealed = NULL WHERE workspace_id = $1 AND website_id = $2 AND body_sealed IS NOT NULL AND status <> 'received' AND id IN (
            SELECT webhook_id FROM conversion_changes WHERE workspace_id = $1 AND conversion_id = ANY ($3) UNION SELECT webhook_id FROM conversion_events WHERE workspace_id = $1 AND conversion_id = ANY ($3))
        """, cancel, person.WorkspaceId, person.WebsiteId, person.Conversions);

    /// <summary>Those, and webhooks that name what was typed; the bodies are sealed, so each is opened and looked through.</summary>
    private async Task<long> EmptyWebhooksAsync(NpgsqlConnection connection, PersonFootprint person, PersonMentions mentions, CancellationToken cancel)
    {
        var emptied = await EmptyTellingAsync(connection, person, cancel);
        var after = Guid.Empty;
        while (true)
        {
            var bodies = new List<(Guid Id, byte[] Body)>();
            await using (var read = new NpgsqlCommand("""
                SELECT id, body_sealed FROM inbound_webhooks WHERE workspace_id = $1 AND website_id = $2 AND id > $3 AND body_sealed IS NOT NULL AND status <> 'received' ORDER BY id LIMIT $4
                """, connection).With(person.WorkspaceId, person.WebsiteId, after, WebhooksAtOnce))
            await using (var row = await read.ExecuteReaderAsync(cancel))
                while (await row.ReadAsync(cancel))
                    bodies.Add((row.GetGuid(0), row.GetFieldValue<byte[]>(1)));
            if (bodies.Count == 0)
                return emptied;
            after = bodies[^1].Id;
            var naming = bodies.Where(b => Names(person.WorkspaceId, b.Id, b.Body, mentions)).Select(b => b.Id).ToArray();
            if (naming.Length > 0)
                emptied += await RunAsync(connection, "UPDATE inbound_webhooks SET body_sealed = NULL WHERE workspace_id = $1 AND id = ANY ($2)", cancel, person.WorkspaceId, naming);
        }
    }

    private bool Names(Guid workspaceId, Guid webhookId, byte[] body, PersonMentions mentions)
    {
        try
        {
            return mentions.IsIn(Encoding.UTF8.GetString(protector.Open(InboundIntake.Purpose, workspaceId, webhookId, body)));
        }
        catch (CryptographicException)
        {
            return false; // sealed with a key that is gone: nobody can read it
        }
    }

    private static async Task<long> RunAsync(NpgsqlConnection connection, string sql, CancellationToken cancel, params object?[] values)
    {
        await using var command = new NpgsqlCommand(sql, connection) { CommandTimeout = PersonFootprint.Patience }.With(values);
        return await command.ExecuteNonQueryAsync(cancel);
    }
}
