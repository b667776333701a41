using System.Globalization;
using System.Text.Json;
using ClarityTracking.Core.Inbound.Pulls;

namespace ClarityTracking.Core.Inbound.WooCommerce;

/// <summary>
/// WooCommerce lists orders page by page, oldest first; how many pages there are tells a header. Source: WooCommerce REST API v3, List all orders,
/// and Pagination (November 2026).
/// </summary>
static class WooCommercePull
{
    private const int PerPage = 100;

    internal static string PathOf(PullPosition at) =>
        $"wp-json/wc/v3/orders?after={Text(at.Since)}&before={Text(at.Until)}&dates_are_gmt=true&orderby=date&order=asc&per_page={PerPage}&page={at.Cursor ?? "1"}";

    internal static PulledPage Read(PullPosition at, PullAnswer answer, Func<InboundRecord, JsonElement, InboundRecord> order)
    {
        if (answer.Json.ValueKind != JsonValueKind.Array)
            return PulledPage.Strange("no list of orders");
        var page = int.Parse(at.Cursor ?? "1", CultureInfo.InvariantCulture);
        // a proxy may drop the header: then the last page is the one that is not full
        var isLast = int.TryParse(answer.Paging.GetValueOrDefault("X-WP-TotalPages"), CultureInfo.InvariantCulture, out var pages)
            ? page >= pages : answer.Json.GetArrayLength() < PerPage;
        return new PulledPage([.. answer.Json.EnumerateArray().Where(o => o.Text("id") is not null && o.Text("status") is not (null or "checkout-draft" or "auto-draft")).SelectMany(o => RecordsOf(o, order))],
            isLast ? null : (page + 1).ToString(CultureInfo.InvariantCulture));
    }

    /// <summary>What webhooks would have told of an order: that it was placed or paid, and then what became of it.</summary>
    private static IEnumerable<InboundRecord> RecordsOf(JsonElement json, Func<InboundRecord, JsonElement, InboundRecord> order)
    {
        var now = order(new InboundRecord { Source = "woocommerce", SourceEvent = "order.updated", Action = InboundAction.Ignored, EntityId = json.Text("id") }, json);
        if (now.Action == InboundAction.OrderUpdated)
            yield return now with
            {
                SourceEvent = "order.created",
                Action = json.Time("date_paid_gmt") is null ? InboundAction.OrderCreated : InboundAction.OrderPaid,
                EntityVersion = null,
                EventTime = json.Time("date_paid_gmt") ?? json.Time("date_created_gmt"),
                Status = json.Time("date_paid_gmt") is null ? "pending" : "processing",
                Refunds = null,
            };
        yield return now;
    }

    private static string Text(DateTimeOffset time) => Uri.EscapeDataString(time.UtcDateTime.ToString("yyyy-MM-ddTHH:mm:ss", CultureInfo.InvariantCulture));
}
