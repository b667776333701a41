using ClarityTracking.Core.Data;
using ClarityTracking.Core.Destinations;
using ClarityTracking.Core.Ingestion.Store;
using ClarityTracking.Core.Tenancy;
using Microsoft.EntityFrameworkCore;
using Npgsql;

namespace ClarityTracking.Core.Reports;

/// <summary>What happened on a website; tests and bots left out.</summary>
/// <param name="PageViews">Pages seen.</param>
/// <param name="Visitors">Different visitors.</param>
/// <param name="Sessions">Different visits.</param>
/// <param name="Conversions">Conversions made, and purchases that pages tell of which no conversion stands for the same order.</param>
/// <param name="Revenue">Of those, less refunds, in the website's currency; cancelled and missed ones bring nothing.</param>
public sealed record AnalyticsSum(long PageViews, long Visitors, long Sessions, long Conversions, decimal Revenue);

/// <summary>A period of a website and the one before it.</summary>
/// <param name="From">First moment (UTC).</param>
/// <param name="To">The moment after the last (UTC).</param>
/// <param name="Currency">Of the revenue.</param>
/// <param name="PageViews">Pages seen.</param>
/// <param name="Visitors">Different visitors.</param>
/// <param name="Sessions">Different visits.</param>
/// <param name="Conversions">See <see cref="AnalyticsSum"/>.</param>
/// <param name="Revenue">See <see cref="AnalyticsSum"/>.</param>
/// <param name="OtherCurrencies">Conversions in other currencies: they count, their money stands apart.</param>
/// <param name="Previous">The same of as long a time before.</param>
/// <param name="Deliveries">How deliveries ended in the period, out of the hourly sums.</param>
public sealed record AnalyticsOverview(DateTimeOffset From, DateTimeOffset To, string Currency, long PageViews, long Visitors, long Sessions, long Conversions, decimal Revenue,
    IReadOnlyList<CurrencySum> OtherCurrencies, AnalyticsSum Previous, DeliverySum Deliveries);

/// <summary>Deliveries that ended.</summary>
/// <param name="Delivered">Taken by the platform.</param>
/// <param name="Skipped">Not sent on purpose.</param>
/// <param name="Dead">Given up.</param>
public sealed record DeliverySum(long Delivered, long Skipped, long Dead)
{
    /// <summary>Delivered of delivered and dead, 0 to 1; null when there was neither.</summary>
    public double? SuccessRate => Delivered + Dead > 0 ? (double)Delivered / (Delivered + Dead) : null;
}

/// <summary>Money that is not converted.</summary>
public sealed record CurrencySum(string Currency, long Conversions, decimal Revenue);

/// <summary>A day or an hour.</summary>
/// <param name="At">When it begins (UTC); days are the website's.</param>
/// <param name="PageViews">Pages seen.</param>
/// <param name="Visitors">Different visitors of this day or hour.</param>
/// <param name="Sessions">Different visits.</param>
/// <param name="Conversions">See <see cref="AnalyticsSum"/>.</param>
/// <param name="Revenue">See <see cref="AnalyticsSum"/>.</param>
public sealed record AnalyticsPoint(DateTimeOffset At, long PageViews, long Visitors, long Sessions, long Conversions, decimal Revenue);

/// <summary>A website over time.</summary>
/// <param name="From">First moment (UTC).</param>
/// <param name="To">The moment after the last (UTC).</param>
/// <param name="Currency">Of the revenue.</param>
/// <param name="Interval"><c>day</c> or <c>hour</c>.</param>
/// <param name="Items">Oldest first, without gaps.</param>
/// <param name="NextCursor">Always null: it comes whole.</param>
public sealed record AnalyticsSeries(DateTimeOffset From, DateTimeOffset To, string Currency, string Interval, IReadOnlyList<AnalyticsPoint> Items, Guid? NextCursor = null);

/// <summary>What one key had.</summary>
/// <param name="Key">Page, host, channel, campaign word, device or event; empty = none was told.</param>
/// <param name="Events">Events; by channel: touches.</param>
/// <param name="PageViews">Pages seen; 0 by channel.</param>
/// <param name="Visitors">Different visitors.</param>
/// <param name="Sessions">Different visits.</param>
public sealed record AnalyticsRow(string Key, long Events, long PageViews, long Visitors, long Sessions);

/// <summary>A website by something.</summary>
/// <param name="From">First moment (UTC).</param>
/// <param name="To">The moment after the last (UTC).</param>
/// <param name="By">What rows are.</param>
/// <param name="Items">Most visitors first (events first, by event).</param>
/// <param name="NextCursor">Always null: the list ends where it was asked to.</param>
public sealed record AnalyticsBreakdown(DateTimeOffset From, DateTimeOffset To, string By, IReadOnlyList<AnalyticsRow> Items, Guid? NextCursor = null);

/// <summary>
/// Page views, visitors, visits, conversions and revenue, by when they happened. Different visitors cannot be added up hour by hour, so they are
/// counted in the log: of the partitions that can hold the period, and for at most <see cref="LongestRead"/>.
/// </summary>
public sealed class AnalyticsQueries(ClarityDb database, TimeProvider clock)
{
    /// <summary>Longest period.</summary>
    public const int MostDays = 400;

    private const int DefaultDays = 30, MostRows = 200, MostHours = 24 * 14;

    /// <summary>A read that takes longer is given up.</summary>
    public static readonly TimeSpan LongestRead = TimeSpan.FromSeconds(30);

    /// <summary>Sensible clocks differ by less: what arrives may say that it happened a little later.</summary>
    private static readonly TimeSpan Skew = TimeSpan.FromDays(1);

    private const string PagePath = "coalesce(nullif(substring(e.url from '^[A-Za-z]+://[^/?#]+([^?#]*)'), ''), CASE WHEN e.url IS NOT NULL THEN '/' ELSE '' END)";

    /// <summary>Columns by what may be asked for.</summary>
    private static readonly Dictionary<string, string> Columns = new()
    {
        ["page"] = PagePath,
        ["referrer"] = "coalesce(substring(lower(e.referrer) from '^[a-z]+://(?:www[.])?([^/:?#]+)'), '')",
        ["utm_source"] = "coalesce(e.utm ->> 'source', '')",
        ["utm_medium"] = "coalesce(e.utm ->> 'medium', '')",
        ["utm_campaign"] = "coalesce(e.utm ->> 'campaign', '')",
        ["utm_content"] = "coalesce(e.utm ->> 'content', '')",
        ["utm_term"] = "coalesce(e.utm ->> 'term', '')",
        ["device"] = "CASE WHEN e.user_agent IS NULL THEN '' WHEN e.user_agent ~ 'iPad|Tablet' OR (e.user_agent ~ 'Android' AND e.user_agent !~ 'Mobile') THEN 'tablet' WHEN e.user_agent ~ 'Mobi|iPhone|Android' THEN 'mobile' ELSE 'desktop' END",
        ["event"] = "e.name",
        ["channel"] = "e.channel",
    };

    /// <summary>A period and the one before it.</summary>
    public Task<Result<AnalyticsOverview>> OverviewAsync(Caller caller, Guid websiteId, string? from, string? to, CancellationToken cancel) =>
        WithPeriodAsync(caller, websiteId, from, to, async (connection, website, period) =>
        {
            var before = new ReportPeriod(period.From - (period.To - period.From), period.From);
            var (now, money) = (await CountsAsync(connection, website, period, cancel), await MoneyAsync(connection, website, period, null, cancel));
            var (earlier, earned) = (await CountsAsync(connection, website, before, cancel), await MoneyAsync(connection, website, before, null, cancel));
            var (own, past) = (Own(money, website), Own(earned, website));
            return new AnalyticsOverview(period.From, period.To, website.Currency, now.PageViews, now.Visitors, now.Sessions, own.Conversions, own.Revenue,
                [.. money.Where(m => m.Currency != website.Currency).Select(m => new CurrencySum(m.Currency, m.Conversions, m.Revenue)).OrderByDescending(m => m.Conversions)],
                new AnalyticsSum(earlier.PageViews, earlier.Visitors, earlier.Sessions, past.Conversions, past.Revenue), await DeliveriesAsync(connection, website, period, cancel));
        }, cancel);

    /// <summary>Day by day, or hour by hour.</summary>
    /// <param name="caller">Who asks.</param>
    /// <param name="websiteId">The website.</param>
    /// <param name="from">See <see cref="ReportPeriod"/>.</param>
    /// <param name="to">See <see cref="ReportPeriod"/>.</param>
    /// <param name="interval"><c>day</c> or <c>hour</c>; null = hours of up to two days.</param>
    /// <param name="cancel">Cancels.</param>
    public Task<Result<AnalyticsSeries>> SeriesAsync(Caller caller, Guid websiteId, string? from, string? to, string? interval, CancellationToken cancel) =>
        WithPeriodAsync<AnalyticsSeries>(caller, websiteId, from, to, async (connection, website, period) =>
        {
            interval ??= period.To - period.From <= TimeSpan.FromDays(2) ? "hour" : "day";
            if (interval is not ("day" or "hour") || (interval == "hour" && (period.To - period.From).TotalHours > MostHours))
                return Refused("unknown_interval", $"interval must be day or hour; hours of at most {MostHours / 24} days.", "interval");
            var zone = interval == "day" ? website.TimeZone : "UTC";
            var points = Starts(period, interval, ReportPeriod.Zone(zone)).ToDictionary(at => at, at => new AnalyticsPoint(at, 0, 0, 0, 0, 0));
            await using (var command = Command(connection, """
                SELECT date_trunc($5, e.occurred_at, $6), count(*) FILTER (WHERE e.name = 'page_view'), count(DISTINCT e.visitor_id), count(DISTINCT e.session_id)
                  FROM events e WHERE e.workspace_id = $1 AND e.website_id = $2 AND e.id >= $7 AND e.occurred_at >= $3 AND e.occurred_at < $4 AND NOT e.is_test AND e.bot_reason IS NULL
                 GROUP BY 1
                """, website.WorkspaceId, website.Id, period.From, period.To, interval, zone, Lowest(period)))
            await using (var row = await command.ExecuteReaderAsync(cancel))
                while (await row.ReadAsync(cancel))
                    if (points.TryGetValue(row.GetFieldValue<DateTimeOffset>(0), out var point))
                        points[point.At] = point with { PageViews = row.GetInt64(1), Visitors = row.GetInt64(2), Sessions = row.GetInt64(3) };
            foreach (var money in await MoneyAsync(connection, website, period, (interval, zone), cancel))
                if (money.At is { } at && points.TryGetValue(at, out var point))
                    points[at] = point with { Conversions = point.Conversions + money.Conversions, Revenue = point.Revenue + (money.Currency == website.Currency ? money.Revenue : 0) };
            return new AnalyticsSeries(period.From, period.To, website.Currency, interval, [.. points.Values.OrderBy(p => p.At)]);
        }, cancel);

    /// <summary>By page, referrer, channel, campaign word, device or event.</summary>
    public Task<Result<AnalyticsBreakdown>> BreakdownAsync(Caller caller, Guid websiteId, string? from, string? to, string? by, int limit, CancellationToken cancel) =>
        WithPeriodAsync<AnalyticsBreakdown>(caller, websiteId, from, to, async (connection, website, period) =>
        {
            by ??= "page";
            if (!Columns.TryGetValue(by, out var column))
                return Refused("unknown_by", $"by must be one of {string.Join(", ", Columns.Keys)}.", "by");
            // a channel belongs to a visit, everything else to the event; of a page and a referrer only page views tell
            var table = by == "channel"
                ? "touchpoints e WHERE e.workspace_id = $1 AND e.website_id = $2 AND e.occurred_at >= $3 AND e.occurred_at < $4 AND NOT e.is_test AND e.channel IS NOT NULL AND $6::uuid IS NOT NULL"
                : $"events e WHERE e.workspace_id = $1 AND e.website_id = $2 AND e.id >= $6 AND e.occurred_at >= $3 AND e.occurred_at < $4 AND NOT e.is_test AND e.bot_reason IS NULL{(by == "event" ? "" : " AND e.name = 'page_view'")}";
            var views = by == "channel" ? "0::bigint" : "count(*) FILTER (WHERE e.name = 'page_view')";
            var own = website.Domain.StartsWith("www.", StringComparison.Ordinal) ? website.Domain[4..] : website.Domain;
            await using var command = Command(connection, $"""
                SELECT key, sum(events)::bigint, sum(views)::bigint, sum(visitors)::bigint, sum(sessions)::bigint FROM (
                    SELECT {column} AS key, count(*) AS events, {views} AS views, count(DISTINCT e.visitor_id) AS visitors, count(DISTINCT e.session_id) AS sessions FROM {table} GROUP BY 1) k
                 WHERE $7::text IS NULL OR (key <> $7 AND key NOT LIKE '%.' || $7)
                 GROUP BY key ORDER BY {(by == "event" ? "2" : "4")} DESC, 2 DESC, 1 LIMIT $5
                """, website.WorkspaceId, website.Id, period.From, period.To, Math.Clamp(limit, 1, MostRows), Lowest(period), by == "referrer" ? own : null);
            var rows = new List<AnalyticsRow>();
            await using var row = await command.ExecuteReaderAsync(cancel);
            while (await row.ReadAsync(cancel))
                rows.Add(new AnalyticsRow(row.GetString(0), row.GetInt64(1), row.GetInt64(2), row.GetInt64(3), row.GetInt64(4)));
            return new AnalyticsBreakdown(period.From, period.To, by, rows);
        }, cancel);

    private Task<Result<T>> WithPeriodAsync<T>(Caller caller, Guid websiteId, string? from, string? to, Func<NpgsqlConnection, Website, ReportPeriod, Task<T>> make, CancellationToken cancel) =>
        WithPeriodAsync<T>(caller, websiteId, from, to, async (connection, website, period) => (Result<T>)await make(connection, website, period), cancel);

    private async Task<Result<T>> WithPeriodAsync<T>(Caller caller, Guid websiteId, string? from, string? to, Func<NpgsqlConnection, Website, ReportPeriod, Task<Result<T>>> make, CancellationToken cancel)
    {
        await using var db = database.For(caller);
        var website = await db.WebsiteAsync(caller, websiteId, Role.Viewer, cancel);
        if (!website.IsOk)
            return website.Error;
        var period = ReportPeriod.Of(from, to, website.Value.TimeZone, clock.GetUtcNow(), DefaultDays, MostDays);
        if (!period.IsOk)
            return period.Error;
        await db.Database.OpenConnectionAsync(cancel);
        try
        {
            return await make((NpgsqlConnection)db.Database.GetDbConnection(), website.Value, period.Value);
        }
        catch (NpgsqlException slow) when (slow.InnerException is TimeoutException)
        {
            return new Error(ErrorKind.Invalid, "report_too_large", $"Reading this period takes longer than {LongestRead.TotalSeconds:0} s; ask for a shorter one.", []);
        }
    }

    private sealed record Money(DateTimeOffset? At, string Currency, long Conversions, decimal Revenue);

    private static async Task<AnalyticsSum> CountsAsync(NpgsqlConnection connection, Website website, ReportPeriod period, CancellationToken cancel)
    {
        await using var command = Command(connection, """
            SELECT count(*) FILTER (WHERE name = 'page_view'), count(DISTINCT visitor_id), count(DISTINCT session_id) FROM events
             WHERE workspace_id = $1 AND website_id = $2 AND id >= $5 AND occurred_at >= $3 AND occurred_at < $4 AND NOT is_test AND bot_reason IS NULL
            """, website.WorkspaceId, website.Id, period.From, period.To, Lowest(period));
        await using var row = await command.ExecuteReaderAsync(cancel);
        await row.ReadAsync(cancel);
        return new AnalyticsSum(row.GetInt64(0), row.GetInt64(1), row.GetInt64(2), 0, 0);
    }

    /// <summary>Conversions by currency, and by time where asked for. What pages tell is among them until a source tells the same order (<see cref="Conversions.TrackedConversions"/>).</summary>
    private static async Task<List<Money>> MoneyAsync(NpgsqlConnection connection, Website website, ReportPeriod period, (string Interval, string Zone)? by, CancellationToken cancel)
    {
        await using var command = Command(connection, """
            SELECT CASE WHEN $5::text IS NOT NULL THEN date_trunc($5, occurred_at, $6) END, currency, count(*), sum(revenue) FROM (
                SELECT c.occurred_at, coalesce(c.currency, $7) AS currency,
                       CASE WHEN c.status IN ('cancelled', 'no_show') THEN 0 ELSE greatest(coalesce(c.value, 0) - c.refunded, 0) END AS revenue
                  FROM conversions c
                 WHERE c.workspace_id = $1 AND c.website_id = $2 AND c.occurred_at >= $3 AND c.occurred_at < $4 AND NOT c.is_test AND c.status <> 'failed') m
             GROUP BY 1, 2
            """, website.WorkspaceId, website.Id, period.From, period.To, by?.Interval, by?.Zone ?? "UTC", website.Currency);
        var rows = new List<Money>();
        await using var row = await command.ExecuteReaderAsync(cancel);
        while (await row.ReadAsync(cancel))
            rows.Add(new Money(row.IsDBNull(0) ? null : row.GetFieldValue<DateTimeOffset>(0), row.GetString(1), row.GetInt64(2), row.GetDecimal(3)));
        return rows;
    }

    private static async Task<DeliverySum> DeliveriesAsync(NpgsqlConnection connection, Website website, ReportPeriod period, CancellationToken cancel)
    {
        await using var command = Command(connection, """
            SELECT coalesce(sum(deliveries) FILTER (WHERE status = 'delivered'), 0)::bigint, coalesce(sum(deliveries) FILTER (WHERE status = 'skipped'), 0)::bigint,
                   coalesce(sum(deliveries) FILTER (WHERE status = 'dead'), 0)::bigint
              FROM delivery_rollups WHERE workspace_id = $1 AND website_id = $2 AND hour >= $3 AND hour < $4
            """, website.WorkspaceId, website.Id, RollupWriter.HourOf(period.From), period.To);
        await using var row = await command.ExecuteReaderAsync(cancel);
        await row.ReadAsync(cancel);
        return new DeliverySum(row.GetInt64(0), row.GetInt64(1), row.GetInt64(2));
    }

    /// <summary>All conversions, and the money of the website's own currency.</summary>
    private static (long Conversions, decimal Revenue) Own(List<Money> all, Website website) =>
        (all.Sum(m => m.Conversions), all.Where(m => m.Currency == website.Currency).Sum(m => m.Revenue));

    private static IEnumerable<DateTimeOffset> Starts(ReportPeriod period, string interval, TimeZoneInfo zone)
    {
        if (interval == "hour")
        {
            for (var at = RollupWriter.HourOf(period.From); at < period.To; at = at.AddHours(1))
                yield return at;
            yield break;
        }
        for (var day = DateOnly.FromDateTime(TimeZoneInfo.ConvertTime(period.From, zone).DateTime); ReportPeriod.StartOf(day, zone) is var at && at < period.To; day = day.AddDays(1))
            yield return at;
    }

    private static Guid Lowest(ReportPeriod period) => Partitions.LowestId(period.From - Skew);

    private static NpgsqlCommand Command(NpgsqlConnection connection, string sql, params object?[] values) =>
        new NpgsqlCommand(sql, connection) { CommandTimeout = (int)LongestRead.TotalSeconds }.With(values);

    private static Error Refused(string code, string message, string field) => new(ErrorKind.Invalid, code, message, [new FieldError(field, message)]);
}
