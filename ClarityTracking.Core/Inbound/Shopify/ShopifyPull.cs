using System.Text.Json;
using System.Text.RegularExpressions;
using ClarityTracking.Core.Inbound.Pulls;

namespace ClarityTracking.Core.Inbound.Shopify;

/// <summary>
/// Shopify lists orders with their refunds, by the time they were made; where to go on stands in the Link header. Orders that are older than 60
/// days come only with the scope read_all_orders. Source: Admin REST resources, Order, and "paginated REST requests" (November 2026).
/// </summary>
static partial class ShopifyPull
{
    /// <summary>Some 10 KiB each: more would not fit into one answer.</summary>
    private const int PerPage = 50;

    internal static string PathOf(PullPosition at) => $"admin/api/{ShopifySource.ApiVersion}/orders.json?limit={PerPage}" + (at.Cursor is { } page
        // beside it Shopify takes no filters: they are in it
        ? $"&page_info={Uri.EscapeDataString(page)}"
        : $"&status=any&created_at_min={Uri.EscapeDataString(PullPosition.Text(at.Since))}&created_at_max={Uri.EscapeDataString(PullPosition.Text(at.Until))}");

    internal static PulledPage Read(PullAnswer answer)
    {
        if (answer.Json.At("orders").ValueKind != JsonValueKind.Array)
            return PulledPage.Strange("no orders");
        var next = answer.Paging.GetValueOrDefault("Link") is { } link && NextPage().Match(link) is { Success: true } match ? Uri.UnescapeDataString(match.Groups[1].Value) : null;
        return new PulledPage([.. answer.Json.List("orders").Where(o => o.Text("id") is not null).SelectMany(RecordsOf)], next);
    }

    /// <summary>What webhooks would have told of an order: that it was placed or paid, and then what became of it.</summary>
    private static IEnumerable<InboundRecord> RecordsOf(JsonElement order)
    {
        var isPaid = order.Text("financial_status") is "paid" or "partially_refunded" or "refunded";
        var made = ShopifyPayload.Order(Told(isPaid ? "orders/paid" : "orders/create"), order, isPaid ? InboundAction.OrderPaid : InboundAction.OrderCreated).Records[0];
        yield return isPaid ? made with { Status = "paid" } : made;
        var changed = ShopifyPayload.ChangedOrder(Told("orders/updated"), order).Records[0];
        if (changed.Refunds is not null || changed.Status is "cancelled" or "voided" or "partially_refunded" or "refunded")
            yield return changed;
    }

    private static InboundRecord Told(string topic) => new() { Source = "shopify", SourceEvent = topic, Action = InboundAction.Ignored };

    [GeneratedRegex("""<[^>]*[?&]page_info=([^&>]+)[^>]*>;\s*rel="?next"?""")]
    private static partial Regex NextPage();
}
