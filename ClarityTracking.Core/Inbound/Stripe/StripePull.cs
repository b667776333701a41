using System.Globalization;
using System.Text.Json;
using ClarityTracking.Core.Inbound.Pulls;

namespace ClarityTracking.Core.Inbound.Stripe;

/// <summary>
/// Stripe is asked for checkout sessions, then for payment intents, then for charges with their refunds: sessions know the visit, intents the
/// payments of one's own forms, charges what was given back. Lists go from the newest back, on from the last id. Source: API 2026-10-28, List all
/// checkout sessions, payment intents, charges; Expanding responses; Pagination.
/// </summary>
static class StripePull
{
    private const int PerPage = 100;

    /// <summary>The lists in the order they are asked for, and what they must spell out: the moment of payment, and single refunds.</summary>
    private static readonly (string Path, string Expand)[] Lists =
    [
        ("checkout/sessions", "data.payment_intent.latest_charge"),
        ("payment_intents", "data.latest_charge"),
        ("charges", "data.refunds"),
    ];

    /// <summary>Where it stands.</summary>
    /// <param name="List">Index of the list.</param>
    /// <param name="After">The last id that was read; null = the beginning.</param>
    private sealed record Place(int List, string? After);

    internal static string PathOf(PullPosition at)
    {
        var place = Parse(at);
        var (path, expand) = Lists[place.List];
        return $"v1/{path}?limit={PerPage}&created%5Bgte%5D={at.Since.ToUnixTimeSeconds()}&created%5Blt%5D={at.Until.ToUnixTimeSeconds()}&expand%5B%5D={expand}"
            + (place.After is { } id ? $"&starting_after={Uri.EscapeDataString(id)}" : "");
    }

    internal static PulledPage Read(PullPosition at, JsonElement answer, bool checkoutOnly)
    {
        if (answer.At("data").ValueKind != JsonValueKind.Array)
            return PulledPage.Strange("no data");
        var place = Parse(at);
        var things = answer.List("data").Where(t => t.Text("id") is not null).ToList();
        // oldest first, as webhooks would have come
        List<InboundRecord> records = [.. things.AsEnumerable().Reverse().SelectMany(t => place.List switch { 0 => Session(t), 1 => Intent(t), _ => Refunds(t) })];
        if (answer.Flag("has_more") == true && things.Count > 0)
            return new PulledPage(records, JsonSerializer.Serialize(place with { After = things[^1].Text("id") }));
        var next = place.List == 0 && checkoutOnly ? 2 : place.List + 1;
        return new PulledPage(records, next < Lists.Length ? JsonSerializer.Serialize(new Place(next, null)) : null);
    }

    private static IEnumerable<InboundRecord> Session(JsonElement session)
    {
        const string Type = "checkout.session.completed";
        if (session.Text("status") == "complete" && StripePayload.ActionOf(Type, session) is var action and not InboundAction.Ignored)
            yield return StripePayload.Session(Told(Type, session, action, PaidAt(session.At("payment_intent", "latest_charge")) ?? session.Whole("created")), session);
    }

    private static IEnumerable<InboundRecord> Intent(JsonElement intent)
    {
        var type = intent.Text("status") switch
        {
            "succeeded" => "payment_intent.succeeded",
            "processing" => "payment_intent.processing",
            "requires_payment_method" when intent.At("last_payment_error").ValueKind == JsonValueKind.Object => "payment_intent.payment_failed",
            _ => null,
        };
        if (type is not null)
            yield return StripePayload.Intent(Told(type, intent, StripePayload.ActionOf(type, intent), PaidAt(intent.At("latest_charge")) ?? intent.Whole("created")), intent);
    }

    /// <summary>Each refund by the total after it, as webhooks tell it. Where the list does not add up to the charge's total, the rest is one refund.</summary>
    private static IEnumerable<InboundRecord> Refunds(JsonElement charge)
    {
        if (charge.Whole("amount_refunded") is not ({ } refunded and > 0))
            yield break;
        long total = 0;
        foreach (var refund in charge.List("refunds", "data").Where(r => r.Text("status") is not ("failed" or "canceled") && r.Whole("amount") > 0).OrderBy(r => r.Whole("created")))
        {
            var before = total;
            total += refund.Whole("amount")!.Value;
            if (total > refunded)
                yield break;
            yield return Refund(charge, before, total, refund.Whole("created"));
        }
        if (total < refunded)
            yield return Refund(charge, total, refunded, charge.Whole("created"));
    }

    private static InboundRecord Refund(JsonElement charge, long before, long total, long? at) =>
        StripePayload.Refunded(Told("charge.refunded", charge, InboundAction.Refund, at), charge, before, total, isWhole: total >= charge.Whole("amount"));

    private static InboundRecord Told(string type, JsonElement thing, InboundAction action, long? at) => new()
    {
        Source = "stripe",
        SourceEvent = type,
        Action = action,
        EntityId = thing.Text("id"),
        EventTime = SenderJson.FromSeconds(at),
        Test = thing.Flag("livemode") is { } live ? !live : null,
    };

    private static long? PaidAt(JsonElement charge) => charge.Whole("created");

    private static Place Parse(PullPosition at) => at.Cursor is null ? new Place(0, null) : JsonSerializer.Deserialize<Place>(at.Cursor)!;
}
