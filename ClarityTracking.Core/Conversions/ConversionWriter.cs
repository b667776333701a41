using System.Text.Json;
using ClarityTracking.Core.Connections;
using ClarityTracking.Core.Data;
using ClarityTracking.Core.Inbound;
using ClarityTracking.Core.Ingestion.Identify;
using ClarityTracking.Core.Routing;
using Npgsql;
using NpgsqlTypes;

namespace ClarityTracking.Core.Conversions;

/// <summary>A conversion after a change, and the events it still owes.</summary>
/// <param name="Id">Our id.</param>
/// <param name="SenderId">The id we keep it under.</param>
/// <param name="State">Its state.</param>
/// <param name="Record">The newest that is known of it, all notifications together.</param>
/// <param name="Owed">Events that intake has not acknowledged yet.</param>
/// <param name="Fresh">How many changes were not known before.</param>
public sealed record ChangedConversion(Guid Id, string SenderId, ConversionState State, InboundRecord Record, IReadOnlyList<ConversionEvent> Owed, int Fresh);

/// <summary>
/// Adds what a sender told to its conversion: one transaction that finds the conversion by any of its ids, appends the change (a repetition
/// adds nothing), computes the state from all changes, and notes which events follow. So the end is the same in whatever order, and
/// however often, notifications arrive.
/// </summary>
public sealed class ConversionWriter(NpgsqlDataSource database, SecretProtector protector, TimeProvider clock)
{
    private const string Purpose = "conversion";
    private const int LongestId = 400;

    /// <summary>Applies one record.</summary>
    /// <param name="source">The connection it came by.</param>
    /// <param name="record">What it says; complete.</param>
    /// <param name="webhookId">The webhook that told it; null = it was pulled.</param>
    /// <param name="receivedAt">When we heard (UTC); stands in for a time the sender does not tell.</param>
    /// <param name="cancel">Cancels before the commit.</param>
    /// <returns>Null when the record makes no conversion.</returns>
    public async Task<ChangedConversion?> ApplyAsync(SourceConnection source, InboundRecord record, Guid? webhookId, DateTimeOffset receivedAt, CancellationToken cancel)
    {
        var changes = ChangesOf(record, receivedAt, isPulled: webhookId is null);
        if (changes.Count == 0 || Known(record.ConversionId ?? record.EntityId) is not { } senderId)
            return null;
        record = record with { OtherIds = [.. record.OtherIds.Select(id => Known(id)!)] };
        await using var connection = await database.OpenConnectionAsync(cancel);
        await using var transaction = await connection.BeginTransactionAsync(cancel);
        // Notifications of one connection line up here: ids of one conversion may meet for the first time in any two of them.
        await ExecuteAsync(connection, "SELECT pg_advisory_xact_lock(hashtextextended($1::text, 7))", cancel, source.ConnectionId);
        var found = await FindAsync(connection, source, [senderId, .. record.OtherIds], cancel);
        var now = clock.GetUtcNow();
        var stored = found ?? new StoredConversion(Guid.CreateVersion7(now), senderId, DateTimeOffset.MinValue, null, null);
        var merged = Merged(source, stored, record);
        var known = found is null ? [] : await ChangesAsync(connection, source, stored.Id, cancel);
        // A repetition adds nothing, but for an amount that could not be looked up the first time.
        var fresh = changes.FindAll(c => !known.Exists(k => (k.Key == c.Key && (k.Value is not null || c.Value is null)) || IsRetold(k, c, record)));
        if (webhookId is null && fresh.Count > 0 && !IsTelling(stored.SenderId, known, fresh))
            fresh = [];
        known.RemoveAll(k => fresh.Exists(f => f.Key == k.Key));
        known.AddRange(fresh);
        var state = ConversionState.Of(known);

        await WriteAsync(connection, source, stored, merged, state, known.Max(c => c.OccurredAt), now, cancel);
        foreach (var id in new[] { senderId }.Concat(record.OtherIds).Distinct())
            await ExecuteAsync(connection, """
                INSERT INTO conversion_ids (workspace_id, website_id, connection_id, sender_id, conversion_id) VALUES ($1, $2, $3, $4, $5)
                ON CONFLICT (workspace_id, connection_id, sender_id) DO NOTHING
                """, cancel, source.WorkspaceId, source.WebsiteId, source.ConnectionId, id, stored.Id);
        foreach (var change in fresh)
            await InsertAsync(connection, source, stored.Id, change, webhookId, now, cancel);
        var owed = await NoteEventsAsync(connection, source, stored.Id, [.. ConversionEvent.Of(stored.SenderId, state, known)], webhookId, cancel);
        await EventFeed.AddConversionAsync(connection, source.WorkspaceId, source.WebsiteId, stored.Id, now, cancel);
        await transaction.CommitAsync(cancel);
        return new ChangedConversion(stored.Id, stored.SenderId, state, merged, owed, fresh.Count);
    }

    /// <summary>Intake has acknowledged these events.</summary>
    public async Task MarkTakenInAsync(SourceConnection source, Guid conversionId, IEnumerable<ConversionEvent> events, CancellationToken cancel)
    {
        await using var connection = await database.OpenConnectionAsync(cancel);
        await ExecuteAsync(connection, """
            UPDATE conversion_events SET taken_in_at = $3
             WHERE workspace_id = $1 AND conversion_id = $2 AND event_id = ANY ($4)
            """, cancel, source.WorkspaceId, conversionId, clock.GetUtcNow(), events.Select(e => e.EventId).ToArray());
    }

    private const string Pulled = "pulled:";

    /// <summary>
    /// Whether a notification and something pulled tell the same. They seldom do at the same moment: senders stamp a notification when they
    /// send it. What tells an amount that is not known yet is no repetition. A refund has its own id in both.
    /// </summary>
    /// <param name="known">What is known.</param>
    /// <param name="told">What is told now, of this record.</param>
    /// <param name="record">The record.</param>
    private static bool IsRetold(ConversionChange known, ConversionChange told, InboundRecord record)
    {
        var (knownIsPulled, toldIsPulled) = (known.Key.StartsWith(Pulled, StringComparison.Ordinal), told.Key.StartsWith(Pulled, StringComparison.Ordinal));
        return knownIsPulled != toldIsPulled && known.Action == told.Action
            && known.Key.AsSpan(knownIsPulled ? Pulled.Length : 0).StartsWith($"{EnumText.Word(told.Action)}:{record.EntityId}:")
            && known.StartsAt == told.StartsAt && known.SenderStatus == told.SenderStatus && known.RefundedTotal == told.RefundedTotal
            && (told.Value is null || known.Value == told.Value);
    }

    /// <summary>
    /// Whether what was pulled tells something new: senders' lists know only how things stand, in other words and at other times than the
    /// notifications that led there.
    /// </summary>
    private static bool IsTelling(string senderId, List<ConversionChange> known, List<ConversionChange> pulled)
    {
        if (known.Count == 0)
            return true;
        List<ConversionChange> all = [.. known.Where(k => !pulled.Exists(p => p.Key == k.Key)), .. pulled];
        var (before, after) = (ConversionState.Of(known), ConversionState.Of(all));
        var owed = ConversionEvent.Of(senderId, before, known).Select(e => e.EventId).ToHashSet(StringComparer.Ordinal);
        return !before.SaysTheSameAs(after) || !ConversionEvent.Of(senderId, after, all).All(e => owed.Contains(e.EventId));
    }

    /// <summary>An id as it is kept: one that no index can hold is known by its beginning and its digest.</summary>
    private static string? Known(string? id) => id is { Length: > LongestId }
        ? $"{id[..100]}~{Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(System.Text.Encoding.UTF8.GetBytes(id)))}" : id;

    /// <summary>A record as changes: usually one; an order that lists its refunds has one more for each.</summary>
    private static List<ConversionChange> ChangesOf(InboundRecord record, DateTimeOffset receivedAt, bool isPulled)
    {
        if (record.Action is InboundAction.Ignored or InboundAction.CheckoutStarted or InboundAction.AppUninstalled or InboundAction.PrivacyRequest)
            return [];
        var at = record.EventTime ?? receivedAt;
        var action = EnumText.Word(record.Action);
        var key = record.Action == InboundAction.Refund
            ? $"refund:{record.RefundId ?? record.EntityId}" + (record.RefundedTotal is { } total ? $":{Money.Text(total, record.Currency)}" : "")
            : $"{(isPulled ? Pulled : "")}{action}:{record.EntityId}:{record.EventTime?.UtcDateTime.ToString("O") ?? record.DeliveryKey ?? at.UtcDateTime.ToString("O")}:{record.EntityVersion}";
        List<ConversionChange> changes =
            [new(Known(key)!, record.Action, at, record.EntityVersion, record.Status, record.Value, record.Currency, record.RefundedTotal, record.StartsAt)];
        foreach (var refund in record.Refunds ?? [])
            changes.Add(new ConversionChange(Known($"refund:{refund.EntityId}")!, InboundAction.Refund, refund.EventTime ?? at, null, null, refund.Value, refund.Currency ?? record.Currency));
        return changes;
    }

    /// <summary>The conversion with one of these ids. When two of them turn out to be one, the older takes in the younger.</summary>
    private async Task<StoredConversion?> FindAsync(NpgsqlConnection connection, SourceConnection source, string[] senderIds, CancellationToken cancel)
    {
        await using var command = Command(connection, """
            SELECT c.id, c.sender_id, c.told_at, c.attribution, c.personal_sealed
              FROM conversions c
             WHERE c.workspace_id = $1 AND c.id IN (
                   SELECT conversion_id FROM conversion_ids WHERE workspace_id = $1 AND connection_id = $2 AND sender_id = ANY ($3))
             ORDER BY c.id
            """, source.WorkspaceId, source.ConnectionId, senderIds);
        var found = new List<StoredConversion>();
        await using (var reader = await command.ExecuteReaderAsync(cancel))
            while (await reader.ReadAsync(cancel))
                found.Add(new StoredConversion(reader.GetGuid(0), reader.GetString(1), reader.GetFieldValue<DateTimeOffset>(2),
                    reader.IsDBNull(3) ? null : reader.GetString(3), reader.IsDBNull(4) ? null : reader.GetFieldValue<byte[]>(4)));
        foreach (var younger in found.Skip(1))
            await ExecuteAsync(connection, """
                WITH moved AS (
                    INSERT INTO conversion_changes (workspace_id, website_id, conversion_id, id, key, action, occurred_at, version, sender_status, value, currency,
                                                    refunded_total, starts_at, webhook_id, recorded_at)
                    SELECT workspace_id, website_id, $2, id, key, action, occurred_at, version, sender_status, value, currency, refunded_total, starts_at, webhook_id, recorded_at
                      FROM conversion_changes WHERE workspace_id = $1 AND conversion_id = $3
                    ON CONFLICT DO NOTHING),
                events AS (
                    INSERT INTO conversion_events (workspace_id, website_id, conversion_id, name, event_id, webhook_id, taken_in_at)
                    SELECT workspace_id, website_id, $2, name, event_id, webhook_id, taken_in_at
                      FROM conversion_events WHERE workspace_id = $1 AND conversion_id = $3
                    ON CONFLICT DO NOTHING)
                UPDATE conversion_ids SET conversion_id = $2 WHERE workspace_id = $1 AND conversion_id = $3
                """, cancel, source.WorkspaceId, found[0].Id, younger.Id);
        foreach (var younger in found.Skip(1))
            await ExecuteAsync(connection, """
                UPDATE conversions o SET is_test = o.is_test OR y.is_test, visitor_id = coalesce(o.visitor_id, y.visitor_id), location = coalesce(o.location, y.location),
                       items = coalesce(o.items, y.items), match_keys = coalesce(o.match_keys, y.match_keys), attribution = coalesce(y.attribution, '{}') || coalesce(o.attribution, '{}')
                  FROM conversions y WHERE o.workspace_id = $1 AND o.id = $2 AND y.workspace_id = $1 AND y.id = $3
                """, cancel, source.WorkspaceId, found[0].Id, younger.Id);
        foreach (var younger in found.Skip(1))
            await ExecuteAsync(connection, "DELETE FROM conversions WHERE workspace_id = $1 AND id = $2", cancel, source.WorkspaceId, younger.Id);
        if (found.Count < 2)
            return found.FirstOrDefault();
        // each is sealed for its own id: what the older lacks is sealed anew
        var person = found.Select(c => OpenPerson(source.WorkspaceId, c.Id, c.Personal)).Aggregate((older, younger) => new StoredPerson(
            Filled(older.Customer ?? new InboundCustomer(), younger.Customer ?? new InboundCustomer()), older.Ip ?? younger.Ip, older.UserAgent ?? younger.UserAgent));
        return found[0] with { Personal = protector.Seal(Purpose, source.WorkspaceId, found[0].Id, JsonSerializer.SerializeToUtf8Bytes(person, Shape)) };
    }

    /// <summary>Of two accounts of a customer the first, field by field, and what it leaves out from the second.</summary>
    private static InboundCustomer Filled(InboundCustomer wins, InboundCustomer fills) => new()
    {
        ExternalId = wins.ExternalId ?? fills.ExternalId,
        Email = wins.Email ?? fills.Email,
        Phone = wins.Phone ?? fills.Phone,
        FirstName = wins.FirstName ?? fills.FirstName,
        LastName = wins.LastName ?? fills.LastName,
        City = wins.City ?? fills.City,
        Region = wins.Region ?? fills.Region,
        PostalCode = wins.PostalCode ?? fills.PostalCode,
        Country = wins.Country ?? fills.Country,
    };

    private static async Task<List<ConversionChange>> ChangesAsync(NpgsqlConnection connection, SourceConnection source, Guid conversionId, CancellationToken cancel)
    {
        await using var command = Command(connection, """
            SELECT key, action, occurred_at, version, sender_status, value, currency, refunded_total, starts_at
              FROM conversion_changes WHERE workspace_id = $1 AND conversion_id = $2
            """, source.WorkspaceId, conversionId);
        var changes = new List<ConversionChange>();
        await using var row = await command.ExecuteReaderAsync(cancel);
        while (await row.ReadAsync(cancel))
            changes.Add(new ConversionChange(row.GetString(0), EnumText.Parse<InboundAction>(row.GetString(1)) ?? InboundAction.Ignored,
                row.GetFieldValue<DateTimeOffset>(2), row.IsDBNull(3) ? null : row.GetInt64(3), row.IsDBNull(4) ? null : row.GetString(4),
                row.IsDBNull(5) ? null : row.GetDecimal(5), row.IsDBNull(6) ? null : row.GetString(6), row.IsDBNull(7) ? null : row.GetDecimal(7),
                row.IsDBNull(8) ? null : row.GetFieldValue<DateTimeOffset>(8)));
        return changes;
    }

    /// <summary>The newest notification wins field by field; what it leaves out stays.</summary>
    private InboundRecord Merged(SourceConnection source, StoredConversion stored, InboundRecord record)
    {
        var before = OpenPerson(source.WorkspaceId, stored.Id, stored.Personal);
        var attribution = stored.Attribution is null ? [] : JsonSerializer.Deserialize<Dictionary<string, string>>(stored.Attribution, Shape) ?? [];
        var isNewer = record.EventTime is not { } at || at >= stored.ToldAt;
        var (customer, old) = (record.Customer ?? new InboundCustomer(), before.Customer ?? new InboundCustomer());
        var (wins, fills) = isNewer ? (customer, old) : (old, customer);
        foreach (var (name, value) in (record.Attribution ?? new Dictionary<string, string>()).Concat(MadeOn(record)))
            if (isNewer)
                attribution[name] = value;
            else
                attribution.TryAdd(name, value);
        return record with
        {
            Customer = Filled(wins, fills),
            Attribution = attribution,
            Ip = record.Ip ?? before.Ip,
            UserAgent = record.UserAgent ?? before.UserAgent,
        };
    }

    /// <summary>How and on what it was made, kept beside what was passed through.</summary>
    private static IEnumerable<KeyValuePair<string, string>> MadeOn(InboundRecord record)
    {
        foreach (var (name, value) in new[] { ("channel", record.Channel), ("device", record.Device?.Device), ("os", record.Device?.Os), ("browser", record.Device?.Browser) })
            if (value is { Length: > 0 and <= LongestId })
                yield return new(name, value);
    }

    private async Task WriteAsync(NpgsqlConnection connection, SourceConnection source, StoredConversion stored, InboundRecord merged, ConversionState state,
        DateTimeOffset toldAt, DateTimeOffset now, CancellationToken cancel)
    {
        var user = PersonOf(merged);
        var keys = user.IsEmpty ? null : JsonSerializer.Serialize(MatchKeyHasher.Hash(user, source.Owner.DefaultCountry).Values, Shape);
        var person = source.Owner.PrivacyMode ? null
            : SealPerson(source.WorkspaceId, stored.Id, merged.Customer, merged.Ip, merged.UserAgent);
        await using var command = Command(connection, """
            INSERT INTO conversions AS c (workspace_id, website_id, id, connection_id, source, kind, sender_id, number, status, sender_status, is_test, occurred_at,
                starts_at, paid_at, value, currency, refunded, location, visitor_id, attribution, items, match_keys, personal_sealed, told_at, updated_at)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24, $25)
            ON CONFLICT (workspace_id, id) DO UPDATE SET kind = excluded.kind, number = coalesce(excluded.number, c.number), status = excluded.status,
                sender_status = excluded.sender_status, is_test = c.is_test OR excluded.is_test, occurred_at = excluded.occurred_at, starts_at = excluded.starts_at,
                paid_at = excluded.paid_at, value = excluded.value, currency = excluded.currency, refunded = excluded.refunded,
                location = coalesce(excluded.location, c.location), visitor_id = coalesce(excluded.visitor_id, c.visitor_id), attribution = excluded.attribution,
                items = coalesce(excluded.items, c.items), match_keys = coalesce(excluded.match_keys, c.match_keys), personal_sealed = excluded.personal_sealed,
                told_at = excluded.told_at, updated_at = excluded.updated_at
            """, source.WorkspaceId, source.WebsiteId, stored.Id, source.ConnectionId, source.Platform, state.Kind.Word(), stored.SenderId, merged.EntityNumber,
            state.Status.Word(), state.SenderStatus, merged.Test == true || source.IsTest, state.OccurredAt, state.StartsAt, state.PaidAt, state.Value, state.Currency,
            state.Refunded, merged.Location, merged.Attribution?.GetValueOrDefault("visitor_id"), Json(merged.Attribution is { Count: > 0 } told ? Cleaned(told, source.Owner.PrivacyMode) : null),
            Json(merged.Items), new NpgsqlParameter { Value = keys ?? (object)DBNull.Value, NpgsqlDbType = NpgsqlDbType.Jsonb }, person, toldAt, now);
        await command.ExecuteNonQueryAsync(cancel);
    }

    private static async Task InsertAsync(NpgsqlConnection connection, SourceConnection source, Guid conversionId, ConversionChange change, Guid? webhookId,
        DateTimeOffset now, CancellationToken cancel) =>
        await ExecuteAsync(connection, """
            INSERT INTO conversion_changes (workspace_id, website_id, conversion_id, id, key, action, occurred_at, version, sender_status, value, currency,
                                            refunded_total, starts_at, webhook_id, recorded_at)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)
            ON CONFLICT (workspace_id, conversion_id, key) DO UPDATE SET value = excluded.value, currency = excluded.currency
            """, cancel, source.WorkspaceId, source.WebsiteId, conversionId, Guid.CreateVersion7(now), change.Key, change.Action.Word(), change.OccurredAt,
            change.Version, change.SenderStatus, change.Value, change.Currency, change.RefundedTotal, change.StartsAt, webhookId, now);

    /// <summary>Notes the events that are new and gives back all that intake has not acknowledged.</summary>
    private static async Task<IReadOnlyList<ConversionEvent>> NoteEventsAsync(NpgsqlConnection connection, SourceConnection source, Guid conversionId,
        List<ConversionEvent> events, Guid? webhookId, CancellationToken cancel)
    {
        if (events.Count == 0)
            return [];
        // A refund that is known by the total so far was told already with a larger total, when that arrived first.
        await using var command = Command(connection, """
            WITH noted AS (
                INSERT INTO conversion_events (workspace_id, website_id, conversion_id, name, event_id, webhook_id)
                SELECT $1, $2, $3, name, event_id, $4 FROM unnest($5, $6, $7) AS t(name, event_id, superseded_by)
                 WHERE NOT EXISTS (SELECT FROM conversion_events e WHERE e.workspace_id = $1 AND e.conversion_id = $3 AND e.event_id = ANY (string_to_array(t.superseded_by, ' ')))
                   AND (name = ANY ($8) OR NOT EXISTS ( -- two conversions that turned out to be one have told it already, under the other's id
                        SELECT FROM conversion_events x WHERE x.workspace_id = $1 AND x.conversion_id = $3 AND x.name = t.name))
                ON CONFLICT DO NOTHING
                RETURNING event_id)
            SELECT event_id FROM noted
            UNION SELECT event_id FROM conversion_events WHERE workspace_id = $1 AND conversion_id = $3 AND taken_in_at IS NULL
            """, source.WorkspaceId, source.WebsiteId, conversionId, webhookId, events.Select(e => e.Name).ToArray(), events.Select(e => e.EventId).ToArray(),
            events.Select(e => string.Join(' ', events.Where(o => o.Total > e.Total).Select(o => o.EventId))).ToArray(),
            ConversionEvent.Repeating);
        var owed = new HashSet<string>(StringComparer.Ordinal);
        await using var reader = await command.ExecuteReaderAsync(cancel);
        while (await reader.ReadAsync(cancel))
            owed.Add(reader.GetString(0));
        return events.FindAll(e => owed.Contains(e.EventId));
    }

    /// <summary>Addresses without what looks personal; in privacy mode without their queries, since what is known of those stands beside them.</summary>
    private static Dictionary<string, string> Cleaned(IReadOnlyDictionary<string, string> told, bool privacyMode) => told.ToDictionary(t => t.Key, t =>
        t.Key is not ("landing_url" or "referrer") ? t.Value : privacyMode ? t.Value.Split('?', '#')[0] : PersonalText.WithoutPersonalData(t.Value));

    /// <summary>The customer as intake describes a person.</summary>
    internal static UserData PersonOf(InboundRecord record) => record.Customer is not { } c ? UserData.Nothing : new UserData
    {
        Email = c.Email is null ? [] : [c.Email],
        Phone = c.Phone is null ? [] : [c.Phone],
        ExternalId = c.ExternalId is null ? [] : [c.ExternalId],
        FirstName = c.FirstName,
        LastName = c.LastName,
        City = c.City,
        State = c.Region,
        Zip = c.PostalCode,
        Country = c.Country,
    };

    private static async Task ExecuteAsync(NpgsqlConnection connection, string sql, CancellationToken cancel, params object?[] values)
    {
        await using var command = Command(connection, sql, values);
        await command.ExecuteNonQueryAsync(cancel);
    }

    private static NpgsqlCommand Command(NpgsqlConnection connection, string sql, params object?[] values)
    {
        var command = new NpgsqlCommand(sql, connection);
        foreach (var value in values)
            command.Parameters.Add(value as NpgsqlParameter ?? new NpgsqlParameter { Value = value ?? DBNull.Value });
        return command;
    }

    private static NpgsqlParameter Json<T>(T? value) where T : class =>
        new() { Value = value is null ? DBNull.Value : JsonSerializer.Serialize(value, Shape), NpgsqlDbType = NpgsqlDbType.Jsonb };

    internal static readonly JsonSerializerOptions Shape = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        DefaultIgnoreCondition = System.Text.Json.Serialization.JsonIgnoreCondition.WhenWritingNull,
    };

    private sealed record StoredConversion(Guid Id, string SenderId, DateTimeOffset ToldAt, string? Attribution, byte[]? Personal);

    /// <summary>Who made a conversion, as it is stored.</summary>
    internal byte[] SealPerson(Guid workspaceId, Guid conversionId, InboundCustomer? customer, string? ip, string? userAgent) =>
        protector.Seal(Purpose, workspaceId, conversionId, JsonSerializer.SerializeToUtf8Bytes(new StoredPerson(customer, ip, userAgent), Shape));

    /// <summary>The readable form; nothing of NULL.</summary>
    /// <exception cref="System.Security.Cryptography.CryptographicException">Sealed with another master key or for another conversion.</exception>
    internal StoredPerson OpenPerson(Guid workspaceId, Guid conversionId, byte[]? personal) => personal is null ? StoredPerson.Nothing
        : JsonSerializer.Deserialize<StoredPerson>(protector.Open(Purpose, workspaceId, conversionId, personal), Shape) ?? StoredPerson.Nothing;

    /// <summary>Who made a conversion.</summary>
    internal sealed record StoredPerson(InboundCustomer? Customer, string? Ip, string? UserAgent)
    {
        public static readonly StoredPerson Nothing = new(null, null, null);
    }
}
