using System.Text.Json;
using ClarityTracking.Core.Data;
using ClarityTracking.Core.Links;
using ClarityTracking.Core.Tenancy;
using Npgsql;

namespace ClarityTracking.Core.Conversions;

/// <summary>What a click led to.</summary>
/// <param name="TrackingId">The click.</param>
/// <param name="CampaignLinkId">Its link.</param>
/// <param name="FirstClick">When it was (UTC).</param>
/// <param name="WindowDays">The link's window.</param>
/// <param name="WindowEndsAt">The first moment outside the window (UTC).</param>
/// <param name="WindowValid">A conversion now would still count.</param>
/// <param name="Conversions">Newest first.</param>
/// <param name="TotalRevenue">Of those in the website's currency, in its major units.</param>
/// <param name="Currency">The website's currency (ISO 4217).</param>
/// <param name="OtherCurrencies">What came in other currencies; it is in no total.</param>
public sealed record ClickAttribution(Guid TrackingId, Guid CampaignLinkId, DateTimeOffset FirstClick, int WindowDays, DateTimeOffset WindowEndsAt, bool WindowValid,
    IReadOnlyList<AttributedConversion> Conversions, decimal TotalRevenue, string Currency, IReadOnlyList<CurrencySum> OtherCurrencies);

/// <summary>Conversions in a currency that is not the website's.</summary>
/// <param name="Currency">ISO 4217.</param>
/// <param name="Revenue">In major units of it.</param>
/// <param name="Conversions">How many.</param>
public sealed record CurrencySum(string Currency, decimal Revenue, long Conversions);

/// <summary>One conversion of a click.</summary>
public sealed record AttributedConversion(Guid Id, string EventType, decimal? RevenueAmount, string? Currency, DateTimeOffset ConvertedAt);

/// <summary>From click to conversion, of one link.</summary>
/// <param name="CampaignLinkId">The link.</param>
/// <param name="Clicks">All clicks that are kept; bots are never counted.</param>
/// <param name="Visits">Clicks after which the snippet saw the visitor arrive.</param>
/// <param name="Converted">Clicks with at least one conversion.</param>
/// <param name="Conversions">Conversions, whatever their currency.</param>
/// <param name="Revenue">Value of those in the website's currency, in its major units.</param>
/// <param name="ConversionRate">Converted of clicks, 0..1.</param>
/// <param name="Currency">The website's currency (ISO 4217).</param>
/// <param name="OtherCurrencies">What came in other currencies; it is not in <paramref name="Revenue"/>.</param>
public sealed record LinkFunnel(Guid CampaignLinkId, long Clicks, long Visits, long Converted, long Conversions, decimal Revenue, decimal ConversionRate, string Currency,
    IReadOnlyList<CurrencySum> OtherCurrencies);

/// <summary>Conversions of one type; <paramref name="Revenue"/> is of those in the website's currency.</summary>
public sealed record TypeSum(string EventType, long Conversions, decimal Revenue);

/// <summary>What clicks on campaign links led to, for who owns the website: the reading half of the conversions API.</summary>
public sealed class LinkConversions(NpgsqlDataSource database, ClarityDb tenants, LinkDirectory links, TimeProvider clock)
{
    /// <summary>What a click led to.</summary>
    public async Task<Result<ClickAttribution>> AttributionAsync(Caller caller, string trackingId, CancellationToken cancel)
    {
        if (!Guid.TryParse(trackingId, out var id))
            return Error.NotFound("click");
        await using var db = tenants.For(caller);
        var websites = db.Websites.Select(w => new { w.WorkspaceId, w.Id, w.Currency });
        await foreach (var website in Microsoft.EntityFrameworkCore.EntityFrameworkQueryableExtensions.AsAsyncEnumerable(websites).WithCancellation(cancel))
            if (await LinkClick.FindAsync(database, website.WorkspaceId, website.Id, id, clock.GetUtcNow(), cancel) is { LinkId: { } linkId } click && await links.GetAsync(linkId, cancel) is { } link)
            {
                var conversions = await ConversionsAsync(website.WorkspaceId, website.Id, id, cancel);
                return new ClickAttribution(id, linkId, click.At, link.WindowDays, click.At.AddDays(link.WindowDays + 1), CampaignLink.IsInside(click.At, clock.GetUtcNow(), link.WindowDays),
                    conversions, conversions.Sum(c => c.Currency == website.Currency ? c.RevenueAmount ?? 0 : 0), website.Currency,
                    [.. conversions.Where(c => c.Currency is not null && c.Currency != website.Currency).GroupBy(c => c.Currency!)
                        .Select(c => new CurrencySum(c.Key, c.Sum(o => o.RevenueAmount ?? 0), c.Count())).OrderBy(c => c.Currency, StringComparer.Ordinal)]);
            }
        return Error.NotFound("click");
    }

    /// <summary>From click to conversion, of one link.</summary>
    public async Task<Result<LinkFunnel>> FunnelAsync(Caller caller, Guid linkId, CancellationToken cancel)
    {
        if (await OwnedAsync(caller, linkId, cancel) is not { } link)
            return Error.NotFound("campaign link");
        await using var command = database.CreateCommand("""
            WITH clicks AS (
                SELECT event_id, bool_or(source = 'link') AS clicked, bool_or(source = 'browser') AS visited FROM (
                    SELECT click_ids -> 'ct_tracking_id' ->> 'value' AS event_id, source FROM events
                     WHERE workspace_id = $1 AND website_id = $2 AND click_ids ? 'ct_campaign_link_id' AND click_ids -> 'ct_campaign_link_id' ->> 'value' = $3::text AND bot_reason IS NULL
                       AND (source = 'link' AND name = 'link_click' OR source = 'browser')) seen
                 GROUP BY event_id),
            told AS (SELECT tracking_id, value, currency FROM conversions WHERE workspace_id = $1 AND website_id = $2 AND link_id = $3 AND NOT is_test)
            SELECT (SELECT count(*) FROM clicks WHERE clicked), (SELECT count(*) FROM clicks WHERE clicked AND visited), (SELECT count(DISTINCT tracking_id) FROM told),
                   (SELECT count(*) FROM told), coalesce((SELECT sum(value) FROM told WHERE currency = $4), 0),
                   (SELECT jsonb_agg(jsonb_build_object('Currency', currency, 'Revenue', revenue, 'Conversions', conversions) ORDER BY currency)::text
                      FROM (SELECT currency, coalesce(sum(value), 0) AS revenue, count(*) AS conversions FROM told WHERE currency <> $4 GROUP BY currency) others)
            """);
        foreach (var value in new object[] { link.Owner.WorkspaceId, link.Owner.WebsiteId, linkId, link.Owner.Currency })
            command.Parameters.Add(new NpgsqlParameter { Value = value });
        await using var row = await command.ExecuteReaderAsync(cancel);
        await row.ReadAsync(cancel);
        var (clicks, converted) = (row.GetInt64(0), row.GetInt64(2));
        return new LinkFunnel(linkId, clicks, row.GetInt64(1), converted, row.GetInt64(3), row.GetDecimal(4), clicks == 0 ? 0 : Math.Round((decimal)converted / clicks, 4),
            link.Owner.Currency, row.IsDBNull(5) ? [] : JsonSerializer.Deserialize<List<CurrencySum>>(row.GetString(5))!);
    }

    /// <summary>Conversions of one link by type, most first.</summary>
    public async Task<Result<IReadOnlyList<TypeSum>>> TypesAsync(Caller caller, Guid linkId, CancellationToken cancel)
    {
        if (await OwnedAsync(caller, linkId, cancel) is not { } link)
            return Error.NotFound("campaign link");
        await using var command = database.CreateCommand("""
            SELECT event_name, count(*), coalesce(sum(value) FILTER (WHERE currency = $4), 0) FROM conversions
             WHERE workspace_id = $1 AND website_id = $2 AND link_id = $3 AND NOT is_test GROUP BY event_name ORDER BY count(*) DESC, event_name
            """);
        foreach (var value in new object[] { link.Owner.WorkspaceId, link.Owner.WebsiteId, linkId, link.Owner.Currency })
            command.Parameters.Add(new NpgsqlParameter { Value = value });
        var sums = new List<TypeSum>();
        await using var row = await command.ExecuteReaderAsync(cancel);
        while (await row.ReadAsync(cancel))
            sums.Add(new TypeSum(row.GetString(0), row.GetInt64(1), row.GetDecimal(2)));
        return sums;
    }

    private async Task<CampaignLink?> OwnedAsync(Caller caller, Guid linkId, CancellationToken cancel) =>
        await links.GetAsync(linkId, cancel) is { } link && caller.Can(link.Owner.WorkspaceId, Role.Viewer)
        && (caller.WebsiteId is null || caller.WebsiteId == link.Owner.WebsiteId) ? link : null;

    private async Task<List<AttributedConversion>> ConversionsAsync(Guid workspaceId, Guid websiteId, Guid trackingId, CancellationToken cancel)
    {
        await using var command = database.CreateCommand("""
            SELECT id, event_name, value, currency, occurred_at FROM conversions
             WHERE workspace_id = $1 AND website_id = $2 AND tracking_id = $3 AND NOT is_test ORDER BY occurred_at DESC, id DESC
            """);
        foreach (var value in new object[] { workspaceId, websiteId, trackingId })
            command.Parameters.Add(new NpgsqlParameter { Value = value });
        var found = new List<AttributedConversion>();
        await using var row = await command.ExecuteReaderAsync(cancel);
        while (await row.ReadAsync(cancel))
            found.Add(new AttributedConversion(row.GetGuid(0), row.GetString(1), row.IsDBNull(2) ? null : row.GetDecimal(2), row.IsDBNull(3) ? null : row.GetString(3), row.GetFieldValue<DateTimeOffset>(4)));
        return found;
    }
}
