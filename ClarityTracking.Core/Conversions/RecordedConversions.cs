using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using ClarityTracking.Core.Data;
using ClarityTracking.Core.Destinations;
using ClarityTracking.Core.Ingestion;
using ClarityTracking.Core.Ingestion.Store;
using ClarityTracking.Core.Ingestion.Validate;
using ClarityTracking.Core.Links;
using ClarityTracking.Core.Tenancy;
using Microsoft.Extensions.Options;
using Npgsql;

namespace ClarityTracking.Core.Conversions;

/// <summary>A conversion that a page records for a click.</summary>
/// <param name="TrackingId">The click (<c>ct_tracking_id</c>).</param>
/// <param name="CampaignLinkId">Its link (<c>ct_campaign_link_id</c>).</param>
/// <param name="EventType">An event type of the intake contract.</param>
/// <param name="RevenueAmount">In major units of the website's currency, or of <c>event_data.currency</c>.</param>
/// <param name="EventData">
/// Anything more. <c>event_id</c> or <c>order_id</c> in it makes a repetition harmless: the click's conversion of that type is recorded once. Without
/// either nothing tells a repetition from a second conversion, so sending again after an answer records another one.
/// </param>
public sealed record ConversionOrder(string? TrackingId, string? CampaignLinkId, string? EventType, JsonElement? RevenueAmount, JsonElement? EventData);

/// <summary>A recorded conversion.</summary>
/// <param name="Id">Our id.</param>
/// <param name="TrackingId">Its click.</param>
/// <param name="CampaignLinkId">Its link.</param>
/// <param name="EventType">What happened.</param>
/// <param name="RevenueAmount">In major units of <paramref name="Currency"/>; null = none.</param>
/// <param name="Currency">ISO 4217.</param>
/// <param name="ClickedAt">UTC.</param>
/// <param name="ConvertedAt">UTC.</param>
/// <param name="DaysSinceClick">Whole days.</param>
/// <param name="WindowDays">The link's window.</param>
/// <param name="Duplicate">It was recorded before.</param>
/// <param name="Warnings">What the sender should look at; it was recorded all the same.</param>
public sealed record RecordedConversion(Guid Id, Guid TrackingId, Guid CampaignLinkId, string EventType, decimal? RevenueAmount, string? Currency, DateTimeOffset ClickedAt,
    DateTimeOffset ConvertedAt, int DaysSinceClick, int WindowDays, bool Duplicate, IReadOnlyList<string> Warnings);

/// <summary>What a cleanup removed.</summary>
/// <param name="Removed">Rows.</param>
/// <param name="More">There is more; call again.</param>
public sealed record CleanupResult(long Removed, bool More);

/// <summary>
/// The writing half of the conversions API: a page (or a server) says what a click led to. The link names the website, so a page needs no key.
/// <see cref="LinkConversions"/> reads.
/// </summary>
public sealed class RecordedConversions(NpgsqlDataSource database, LinkDirectory links, IngestPipeline pipeline,
    IOptions<RetentionOptions> retention, TimeProvider clock)
{
    /// <summary>Most rows of one cleanup.</summary>
    public const int CleanupBatch = 10_000;

    /// <summary>The source of these rows.</summary>
    internal const string Source = "api";

    private const int LongestOwnId = 128;
    private const decimal Unusual = 10_000m;
    private const decimal Largest = 1_000_000_000m;

    /// <summary>Records a conversion of a click.</summary>
    /// <param name="order">What happened.</param>
    /// <param name="owner">Of the key that was sent; null = none was. A key of another website finds no link.</param>
    /// <param name="privacySignal"><c>gpc</c> or <c>dnt</c> when the browser asks not to be tracked; the click's own signal counts too.</param>
    /// <param name="cancel">Cancels before it is stored.</param>
    /// <exception cref="IntakeUnavailableException">No conversion was recorded; send it again.</exception>
    public async Task<Result<RecordedConversion>> RecordAsync(ConversionOrder order, KeyOwner? owner, string? privacySignal, CancellationToken cancel)
    {
        var (errors, warnings) = (new List<FieldError>(), new List<string>());
        var revenue = Revenue(order, errors, warnings);
        if (!Guid.TryParse(order.TrackingId, out var trackingId))
            errors.Add(new("tracking_id", order.TrackingId is null ? "tracking_id is missing." : "tracking_id is no id of a click; take ct_tracking_id from the landing page's address."));
        if (!Guid.TryParse(order.CampaignLinkId, out var linkId))
            errors.Add(new("campaign_link_id", order.CampaignLinkId is null ? "campaign_link_id is missing." : "campaign_link_id is no id of a link; take ct_campaign_link_id from the landing page's address."));
        if (order.EventType is null || !EnvelopeStep.EventTypes.Contains(order.EventType))
            errors.Add(new("event_type", order.EventType is null ? "event_type is missing." : $"event_type is not known; known are {string.Join(", ", EnvelopeStep.EventTypes.Order(StringComparer.Ordinal))}."));
        if (order.EventData is { ValueKind: not (JsonValueKind.Object or JsonValueKind.Null or JsonValueKind.Undefined) })
            errors.Add(new("event_data", "event_data must be an object."));
        else if (order.EventData is { } named && Inbound.SenderJson.Text(named, "event_name") == LinkRedirect.ClickName)
            errors.Add(new("event_data.event_name", $"{LinkRedirect.ClickName} is the name of clicks; choose another one."));
        if (errors.Count > 0)
            return Error.Invalid(errors);
        if (await links.GetAsync(linkId, cancel) is not { } link || (owner is not null && owner.WebsiteId != link.Owner.WebsiteId))
            return Error.NotFound("campaign link");
        var now = clock.GetUtcNow();
        if (await LinkClick.FindAsync(database, link.Owner.WorkspaceId, link.Owner.WebsiteId, trackingId, now, cancel) is not { } click || click.LinkId != link.Id)
            return Error.NotFound("click");
        if (!CampaignLink.IsInside(click.At, now, link.WindowDays))
            return new Error(ErrorKind.Invalid, "attribution_window_expired", click.At > now
                ? "The click is later than the conversion; check the clocks."
                : string.Create(CultureInfo.InvariantCulture, $"The click is {(now - click.At).Days} days old; the link's window is {link.WindowDays} days."), []);
        return await StoreAsync(order, owner, link, trackingId, click, revenue, warnings, privacySignal, now, cancel);
    }

    private async Task<Result<RecordedConversion>> StoreAsync(ConversionOrder order, KeyOwner? owner, CampaignLink link, Guid trackingId, LinkClick click, decimal? revenue,
        List<string> warnings, string? privacySignal, DateTimeOffset now, CancellationToken cancel)
    {
        var data = order.EventData ?? default;
        var currency = Inbound.Money.Currency(Inbound.SenderJson.Text(data, "currency")) ?? link.Owner.Currency;
        var id = Guid.CreateVersion7(now);
        var number = Inbound.SenderJson.Text(data, "order_id");
        var own = Inbound.SenderJson.Text(data, "event_id") ?? number;
        var senderId = own is null ? id.ToString() : IsKept(own) ? own : $"sha256:{Sha256(own)}";
        var recorded = new RecordedConversion(id, trackingId, link.Id, order.EventType!, revenue, revenue is null ? null : currency, click.At, now, (now - click.At).Days, link.WindowDays, false, warnings);
        if (own is not null && await KnownAsync(recorded, link.Owner, senderId, cancel) is { } known)
            return known;

        // The event first: what intake refuses or cannot take leaves no row. Its id is made of the sender's own, so that a repetition after a failure
        // between the two finds the event and adds the row.
        var eventId = EventIdOf(id, trackingId, order.EventType!, senderId);
        var visitor = await VisitorAsync(link.Owner, trackingId, cancel);
        var context = new IngestContext
        {
            Owner = link.Owner with { IsTest = owner?.IsTest == true },
            Source = EventSource.Link,
            ReceivedAt = now,
            PrivacySignal = privacySignal ?? click.Consent?.Signal,
        };
        var result = await pipeline.TakeInAsync([EventOf(order, recorded, eventId, visitor, click)], context);
        if (result.Rejected is [var refused, ..])
            return Error.Invalid(new FieldError("event_data", $"event_data: {refused.Drop.Detail}"));
        // not cancelled any more: the event is stored
        return await AddAsync(recorded, link.Owner, senderId, number is not null && IsKept(number) ? number : null, visitor, isTest: context.Owner.IsTest)
            ? recorded : await KnownAsync(recorded, link.Owner, senderId, CancellationToken.None) ?? recorded;
    }

    /// <summary>The id of the event that such a conversion goes out as.</summary>
    internal static string EventIdOf(Guid id, Guid trackingId, string eventType, string senderId) =>
        $"conversion_{(senderId == id.ToString() ? senderId : Sha256($"{trackingId}\n{eventType}\n{senderId}")[..32])}";

    private static bool IsKept(string own) => own.Length <= LongestOwnId && FieldRules.IsStorable(own);

    private static string Sha256(string text) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text)));

    /// <summary>The same conversion as it was recorded before; null = it was not.</summary>
    private async Task<RecordedConversion?> KnownAsync(RecordedConversion told, KeyOwner owner, string senderId, CancellationToken cancel)
    {
        await using var command = database.CreateCommand("""
            SELECT id, occurred_at, value, currency FROM conversions
             WHERE workspace_id = $1 AND website_id = $2 AND tracking_id = $3 AND event_name = $4 AND sender_id = $5
            """);
        foreach (var value in new object[] { owner.WorkspaceId, owner.WebsiteId, told.TrackingId, told.EventType, senderId })
            command.Parameters.Add(new NpgsqlParameter { Value = value });
        await using var row = await command.ExecuteReaderAsync(cancel);
        return !await row.ReadAsync(cancel) ? null : told with
        {
            Id = row.GetGuid(0),
            ConvertedAt = row.GetFieldValue<DateTimeOffset>(1),
            DaysSinceClick = (row.GetFieldValue<DateTimeOffset>(1) - told.ClickedAt).Days,
            RevenueAmount = row.IsDBNull(2) ? null : row.GetDecimal(2),
            Currency = row.IsDBNull(3) ? null : row.GetString(3),
            Duplicate = true,
        };
    }

    /// <summary>Adds the row; false = a repetition at the same time was faster.</summary>
    private async Task<bool> AddAsync(RecordedConversion told, KeyOwner owner, string senderId, string? number, string? visitor, bool isTest)
    {
        await using var command = database.CreateCommand($"""
            WITH added AS (
                INSERT INTO conversions (workspace_id, website_id, id, source, kind, sender_id, status, is_test, occurred_at, paid_at, value, currency, visitor_id, told_at, updated_at,
                                         tracking_id, link_id, event_name, number)
                VALUES ($1, $2, $3, '{Source}', 'manual', $4, 'paid', $5, $6, $6, $7, $8, $9, $6, $6, $10, $11, $12, $13)
                ON CONFLICT (workspace_id, website_id, tracking_id, event_name, sender_id) WHERE tracking_id IS NOT NULL DO NOTHING
                RETURNING id)
            INSERT INTO event_feed (follower, id, workspace_id, website_id, event_ids) SELECT 'conversions', id, $1, $2, ARRAY[id] FROM added
            """);
        foreach (var value in new object?[] { owner.WorkspaceId, owner.WebsiteId, told.Id, senderId, isTest, told.ConvertedAt, told.RevenueAmount, told.Currency, visitor, told.TrackingId, told.CampaignLinkId, told.EventType, number })
            command.Parameters.Add(new NpgsqlParameter { Value = value ?? DBNull.Value });
        command.Parameters[6].NpgsqlDbType = NpgsqlTypes.NpgsqlDbType.Numeric;
        command.Parameters[7].NpgsqlDbType = command.Parameters[8].NpgsqlDbType = command.Parameters[12].NpgsqlDbType = NpgsqlTypes.NpgsqlDbType.Text;
        return await command.ExecuteNonQueryAsync(CancellationToken.None) == 1;
    }

    private static JsonElement EventOf(ConversionOrder order, RecordedConversion recorded, string eventId, string? visitor, LinkClick click)
    {
        var properties = order.EventData is { ValueKind: JsonValueKind.Object } data
            ? data.EnumerateObject().Where(p => p.Name is not ("user" or "event_id")).ToDictionary(p => p.Name, p => (object?)p.Value) : [];
        if (recorded.RevenueAmount is not null)
            (properties["value"], properties["currency"]) = (recorded.RevenueAmount, recorded.Currency);
        properties.TryAdd("url", click.Url);
        if (order.EventType == "custom")
            properties.TryAdd("event_name", "conversion");
        static string? Word(bool? granted) => granted switch { true => "granted", false => "denied", null => null };
        return JsonSerializer.SerializeToElement(new
        {
            event_id = eventId,
            event_type = recorded.EventType,
            timestamp = recorded.ConvertedAt.ToUnixTimeMilliseconds(),
            visitor_id = visitor,
            properties,
            user = order.EventData is { ValueKind: JsonValueKind.Object } more && more.TryGetProperty("user", out var user) ? user : (object)new { user_agent = click.UserAgent },
            click_ids = new { ct_tracking_id = recorded.TrackingId.ToString(), ct_campaign_link_id = recorded.CampaignLinkId.ToString() },
            consent = click.Consent is { } given
                ? new { ad_user_data = Word(given.AdUserData), ad_personalization = Word(given.AdPersonalization), ad_storage = Word(given.AdStorage), analytics_storage = Word(given.AnalyticsStorage) }
                : null,
        });
    }

    /// <summary>Revenue by the rules of the contract.</summary>
    private static decimal? Revenue(ConversionOrder order, List<FieldError> errors, List<string> warnings)
    {
        decimal? amount = null;
        if (order.RevenueAmount is { ValueKind: not (JsonValueKind.Null or JsonValueKind.Undefined) } given)
        {
            if (Inbound.Money.Read(given.ValueKind is JsonValueKind.Number ? given.GetRawText() : given.ValueKind == JsonValueKind.String ? given.GetString() : null) is not { } value)
                errors.Add(new("revenue_amount", "revenue_amount must be a number such as 149.90."));
            else if (value != Math.Round(value, 2))
                errors.Add(new("revenue_amount", "revenue_amount may have at most 2 decimals."));
            else if (value < 0)
                errors.Add(new("revenue_amount", "revenue_amount must not be negative."));
            else if (value > Largest)
                errors.Add(new("revenue_amount", "revenue_amount is larger than 1,000,000,000."));
            else
                amount = value;
        }
        if (errors.Count > 0)
            return null;
        switch (order.EventType)
        {
            case "purchase" when amount is null or 0:
                errors.Add(new("revenue_amount", "A purchase needs a positive revenue_amount."));
                break;
            case "course_enrollment" when amount == 0:
                errors.Add(new("revenue_amount", "The revenue_amount of a course_enrollment must be positive when it is given."));
                break;
            case "newsletter_signup" when amount > 0:
                warnings.Add("A newsletter_signup usually has no revenue_amount; it was recorded with it.");
                break;
        }
        if (amount > Unusual)
            warnings.Add("revenue_amount is above 10,000; check that it is in major units (149.90, not 14990).");
        return amount;
    }

    /// <summary>
    /// Removes clicks of the caller's websites that are older than they are kept (<c>Clarity:Retention:ClickDays</c>) and outside their link's window, at most
    /// <see cref="CleanupBatch"/> of them. Conversions stay.
    /// </summary>
    public async Task<Result<CleanupResult>> CleanupAsync(Caller caller, CancellationToken cancel)
    {
        var workspaces = caller.Workspaces.Where(w => w.Value >= Role.Admin).Select(w => w.Key).ToArray();
        if (workspaces.Length == 0)
            return Error.Forbidden("the role Admin or a higher one");
        var now = clock.GetUtcNow();
        await using var command = database.CreateCommand($"""
            WITH old AS (
                SELECT e.workspace_id, e.website_id, e.id FROM events e
                  LEFT JOIN campaign_links l ON l.workspace_id = e.workspace_id AND l.id::text = e.click_ids -> 'ct_campaign_link_id' ->> 'value'
                 WHERE e.workspace_id = ANY ($1) AND ($2::uuid IS NULL OR e.website_id = $2) AND e.id < $3 AND e.name = 'link_click' AND e.click_ids ? 'ct_campaign_link_id'
                   AND e.occurred_at + make_interval(days => coalesce(l.window_days, 0) + 1) <= $4
                 LIMIT {CleanupBatch})
            DELETE FROM events e USING old WHERE e.workspace_id = old.workspace_id AND e.website_id = old.website_id AND e.id = old.id
            """);
        command.Parameters.Add(new NpgsqlParameter { Value = workspaces });
        command.Parameters.Add(new NpgsqlParameter { Value = caller.WebsiteId ?? (object)DBNull.Value, NpgsqlDbType = NpgsqlTypes.NpgsqlDbType.Uuid });
        command.Parameters.Add(new NpgsqlParameter { Value = Partitions.LowestId(now.AddDays(-retention.Value.ClickDays)) });
        command.Parameters.Add(new NpgsqlParameter { Value = now });
        var removed = await command.ExecuteNonQueryAsync(cancel);
        return new CleanupResult(removed, removed == CleanupBatch);
    }

    /// <summary>The visitor who arrived by the click, when the snippet saw them.</summary>
    private async Task<string?> VisitorAsync(KeyOwner owner, Guid trackingId, CancellationToken cancel)
    {
        await using var command = database.CreateCommand("""
            SELECT visitor_id FROM (
                -- OFFSET 0: by the click, not through all of the website's events since (docs/decisions/0017)
                SELECT id, visitor_id FROM events
                 WHERE workspace_id = $1 AND website_id = $2 AND id >= $3 AND click_ids ? 'ct_tracking_id' AND click_ids -> 'ct_tracking_id' ->> 'value' = $4
                   AND visitor_id IS NOT NULL AND source = 'browser' OFFSET 0) seen
             ORDER BY id LIMIT 1
            """);
        foreach (var value in new object[] { owner.WorkspaceId, owner.WebsiteId, Partitions.LowestId(Reports.EventQueries.TimeOf(trackingId)), trackingId.ToString() })
            command.Parameters.Add(new NpgsqlParameter { Value = value });
        return await command.ExecuteScalarAsync(cancel) as string;
    }
}
