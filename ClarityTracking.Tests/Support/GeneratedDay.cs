using System.Globalization;
using System.Text.Json;
using ClarityTracking.Core.Ingestion.Store;

namespace ClarityTracking.Tests.Support;

/// <summary>What was planted in a <see cref="GeneratedDay"/>.</summary>
public enum PlantedKind
{
    /// <summary>Told once, or twice for good reason: nothing to find.</summary>
    Real,
    /// <summary>Kind (a): sent again under its id; intake ends it.</summary>
    Repeat,
    /// <summary>Kind (a): sent again under its id after more than 7 days; intake takes it in.</summary>
    LateRepeat,
    /// <summary>Kind (b): told twice by one side under different ids.</summary>
    DifferentIds,
    /// <summary>Kind (c): told by browser and server under one id, as it should be; intake ends the second.</summary>
    Paired,
    /// <summary>Kind (c): told by browser and server under different ids.</summary>
    Unpaired,
}

/// <summary>One thing that happened, and the events that tell it.</summary>
/// <param name="Kind">What is to be found of it.</param>
/// <param name="Story">Which of the day's stories it is.</param>
/// <param name="EventIds">Of all events that tell it, an id as often as it is sent.</param>
/// <param name="IsDecidable">False: it looks exactly like something else, so nobody could tell; it is counted all the same.</param>
public sealed record PlannedAction(PlantedKind Kind, string Story, IReadOnlyList<string> EventIds, bool IsDecidable = true);

/// <summary>An event as a browser, server or sender tells it.</summary>
public sealed record DayEvent(string EventId, string Type, EventSource Source, DateTimeOffset OccurredAt, DateTimeOffset ReceivedAt)
{
    public string? Visitor { get; init; }

    public string? Email { get; init; }

    public string? Phone { get; init; }

    public string? Fbp { get; init; }

    public string? Order { get; init; }

    public decimal? Value { get; init; }

    public string? Item { get; init; }

    public string? Sender { get; init; }

    public string Path { get; init; } = "/";

    public bool IsTest { get; init; }

    /// <summary>As an element of <c>events</c> of the intake contract.</summary>
    public JsonElement ToJson() => JsonSerializer.SerializeToElement(new
    {
        event_id = EventId,
        event_type = Type == "refund" ? "custom" : Type,
        timestamp = OccurredAt,
        test = IsTest,
        visitor_id = Visitor,
        session_id = Visitor is null ? null : $"s-{Visitor}",
        properties = new
        {
            event_name = Type == "refund" ? "refund" : null,
            url = $"https://shop.example.com{Path}",
            value = Value,
            currency = Value is null ? null : "EUR",
            order_id = Order,
            source_platform = Sender,
            items = Item is null ? null : new[] { new { id = Item, quantity = 1 } },
        },
        user = Email is null && Phone is null ? null : new { email = Email, phone = Phone },
        cookies = Fbp is null ? null : new { fbp = Fbp },
    });
}

/// <summary>
/// A shop's day with what is planted in it: visits and reloads, orders that browser and server tell under one id, retries, renewals, second orders, tills,
/// families, and among them conversions that are told twice in all the ways there are. The same seed gives the same day.
/// </summary>
public sealed class GeneratedDay
{
    private static readonly decimal[] Prices = [.. Enumerable.Range(0, 40).Select(i => 9.9m + (i * 5))];

    private readonly Random _random;
    private readonly DateTimeOffset _start;
    private readonly List<DayEvent> _events = [];
    private readonly List<PlannedAction> _plan = [];
    private int _people, _orders = 100_000, _ids;

    /// <summary>A day of about <paramref name="events"/> events that ends at <paramref name="end"/>.</summary>
    public GeneratedDay(int events, DateTimeOffset end, int seed = 7)
    {
        _random = new Random(seed);
        _start = end.AddHours(-24);
        // of a thousand events some seventy are of conversions; the rest is the visits around them
        var stories = Stories();
        var total = stories.Sum(s => s.Weight);
        while (_events.Count < events * 0.08)
        {
            var pick = _random.Next(total);
            foreach (var (weight, _, story) in stories)
                if ((pick -= weight) < 0)
                {
                    story();
                    break;
                }
        }
        while (_events.Count < events)
            Visit();
        for (var i = 0; i < _events.Count; i++)
            // a phone that was without a network tells it later, in any order
            if (_events[i] is { Source: EventSource.Browser, Type: not "page_view" } told && _random.Next(50) == 0)
                _events[i] = told with { ReceivedAt = Earlier(end, told.ReceivedAt.AddMinutes(_random.Next(1, 180))) };
        Events = [.. _events.OrderBy(e => e.ReceivedAt)];
    }

    /// <summary>All events of the day in the order in which they arrive.</summary>
    public IReadOnlyList<DayEvent> Events { get; }

    /// <summary>Events of days before that the day goes back to; they are to be taken in first, and intake must have forgotten their ids.</summary>
    public IReadOnlyList<DayEvent> Before => _before;

    private readonly List<DayEvent> _before = [];

    /// <summary>What was planted, and the conversions that are real.</summary>
    public IReadOnlyList<PlannedAction> Plan => _plan;

    private (int Weight, string Name, Action Story)[] Stories() =>
    [
        (200, "order", Order), (120, "paired order", PairedOrder), (30, "retry", Retry), (20, "second order", SecondOrder), (20, "renewals", Renewals),
        (30, "lead", Lead), (10, "two forms", TwoForms), (10, "till", Till), (10, "family", Family), (10, "two things", TwoThings), (20, "again later", AgainLater),
        (5, "two shops", TwoShops), (10, "placeholder", Placeholder), (10, "refunds", Refunds), (10, "tests", Tests),
        (40, "reload", Reload), (30, "two integrations", TwoIntegrations), (30, "double submit", DoubleSubmit), (20, "server twice", ServerTwice),
        (40, "own ids", OwnIds), (30, "other amount", OtherAmount), (20, "by cookie", ByCookie), (15, "crossing orders", CrossingOrders),
        (10, "late repeat", LateRepeat), (1, "reload much later", ReloadMuchLater), (1, "the same again at once", SameAgainAtOnce),
    ];

    // --- real ---

    private void Order()
    {
        var (p, at, order) = (Person(), At(), NextOrder());
        Tell(PlantedKind.Real, "order", Browser(p, at, $"purchase_{order}") with { Order = order, Value = Price() });
    }

    private void PairedOrder()
    {
        var (p, at, order, value) = (Person(), At(), NextOrder(), Price());
        Tell(PlantedKind.Paired, "paired order", Browser(p, at, $"purchase_{order}") with { Order = order, Value = value },
            Server(p, at, Seconds(1, 1800), $"purchase_{order}", _random.Next(2) == 0 ? EventSource.Webhook : EventSource.Server) with { Order = order, Value = value });
    }

    private void Retry()
    {
        var (p, at, order) = (Person(), At(), NextOrder());
        var first = (_random.Next(2) == 0 ? Browser(p, at, $"purchase_{order}") : Server(p, at, TimeSpan.Zero, $"purchase_{order}")) with { Order = order, Value = Price() };
        Tell(PlantedKind.Repeat, "retry", [first, .. Enumerable.Range(1, _random.Next(1, 4)).Select(i => first with { ReceivedAt = first.ReceivedAt.AddSeconds(i * _random.Next(5, 600)) })]);
    }

    private void SecondOrder()
    {
        var (p, at, value) = (Person(), At(), Price());
        for (var i = 0; i < 2; i++)
        {
            var order = NextOrder();
            var moment = at.AddSeconds(i * _random.Next(60, 540));
            Tell(PlantedKind.Paired, "second order", Browser(p, moment, $"purchase_{order}") with { Order = order, Value = value },
                Server(p, moment, Seconds(1, 60), $"purchase_{order}") with { Order = order, Value = value });
        }
    }

    private void Renewals()
    {
        var (p, at, value) = (Person(), At(), Price());
        for (var i = 0; i < 3; i++)
            Tell(PlantedKind.Real, "renewals", Server(p, at.AddSeconds(i * 2), TimeSpan.Zero, NextId(), EventSource.Webhook) with { Visitor = null, Fbp = null, Order = $"in_{NextOrder()}", Value = value, Sender = "stripe" });
    }

    private void Lead()
    {
        var p = Person();
        Tell(PlantedKind.Real, "lead", Browser(p, At(), NextId(), "lead") with { Path = "/contact", Email = p.Email });
    }

    private void TwoForms()
    {
        var (p, at) = (Person(), At());
        Tell(PlantedKind.Real, "two forms", Browser(p, at, NextId(), "lead") with { Path = "/contact" });
        Tell(PlantedKind.Real, "two forms", Browser(p, at.AddSeconds(_random.Next(30, 400)), NextId(), "lead") with { Path = "/quote" });
    }

    private void Till()
    {
        var (till, at, value) = (Person(), At(), Price());
        for (var i = 0; i < 4; i++)
        {
            var order = NextOrder();
            Tell(PlantedKind.Real, "till", Browser(till, at.AddSeconds(i * _random.Next(40, 200)), NextId()) with { Visitor = "till-1", Fbp = null, Email = Person().Email, Order = order, Value = value });
        }
    }

    private void Family()
    {
        var (p, at, value) = (Person(), At(), Price());
        for (var i = 0; i < 2; i++)
            Tell(PlantedKind.Real, "family", Browser(p, at.AddSeconds(i * _random.Next(60, 500)), NextId()) with { Value = value, Email = Person().Email });
    }

    private void TwoThings()
    {
        var (p, at, value) = (Person(), At(), Price());
        for (var i = 0; i < 2; i++)
            Tell(PlantedKind.Real, "two things", Browser(p, at.AddSeconds(i * _random.Next(60, 500)), NextId()) with { Value = value, Item = $"SKU-{i}" });
    }

    private void AgainLater()
    {
        var (p, at, value) = (Person(), At(), Price());
        for (var i = 0; i < 2; i++)
            Tell(PlantedKind.Real, "again later", Browser(p, at.AddMinutes(i * _random.Next(12, 90)), NextId()) with { Value = value });
    }

    private void TwoShops()
    {
        var (order, at) = (NextOrder(), At());
        for (var i = 0; i < 2; i++)
        {
            var p = Person();
            Tell(PlantedKind.Real, "two shops", Server(p, at.AddMinutes(i * 30), TimeSpan.Zero, NextId()) with { Order = order, Value = Prices[i * 7] + i });
        }
    }

    private void Placeholder() =>
        Tell(PlantedKind.Real, "placeholder", Browser(Person(), At(), NextId()) with { Order = _random.Next(2) == 0 ? "undefined" : "null", Value = Price() });

    private void Refunds()
    {
        var (p, at, order) = (Person(), At(), NextOrder());
        Tell(PlantedKind.Real, "refunds", Server(p, at, TimeSpan.Zero, NextId(), type: "refund") with { Order = order, Value = 10 });
        Tell(PlantedKind.Real, "refunds", Server(p, at.AddSeconds(40), TimeSpan.Zero, NextId(), type: "refund") with { Order = order, Value = 10 });
    }

    private void Tests()
    {
        var (p, at, order) = (Person(), At(), NextOrder());
        Tell(PlantedKind.Real, "tests", Browser(p, at, NextId()) with { Order = order, Value = Price(), IsTest = true });
        Tell(PlantedKind.Real, "tests", Browser(p, at.AddSeconds(9), NextId()) with { Order = order, Value = Price(), IsTest = true });
    }

    // --- told twice ---

    private void Reload()
    {
        var (p, at, value) = (Person(), At(), Price());
        Tell(PlantedKind.DifferentIds, "reload", [.. Enumerable.Range(0, _random.Next(2, 4)).Select(i => Browser(p, at.AddSeconds(i * _random.Next(3, 280)), NextId()) with { Value = value, Path = "/thanks" })]);
    }

    private void TwoIntegrations()
    {
        var (p, at, order, value) = (Person(), At(), NextOrder(), Price());
        Tell(PlantedKind.DifferentIds, "two integrations", Server(p, at, Seconds(0, 60), NextId(), EventSource.Webhook) with { Order = order, Value = value, Sender = "shopify" },
            Server(p, at.AddMinutes(_random.Next(1, 240)), Seconds(0, 60), NextId(), EventSource.Webhook) with { Order = "#" + order, Value = value, Sender = "stripe" });
    }

    private void DoubleSubmit()
    {
        var (p, at) = (Person(), At());
        Tell(PlantedKind.DifferentIds, "double submit", Browser(p, at, NextId(), "lead") with { Path = "/contact" },
            Browser(p, at.AddSeconds(_random.Next(1, 20)), NextId(), "lead") with { Path = "/contact" });
    }

    private void ServerTwice()
    {
        var (p, at, value) = (Person(), At(), Price());
        Tell(PlantedKind.DifferentIds, "server twice", [.. Enumerable.Range(0, 2).Select(i =>
            Server(p, at.AddSeconds(i * _random.Next(1, 300)), TimeSpan.Zero, NextId()) with { Visitor = null, Fbp = null, Value = value })]);
    }

    private void OwnIds()
    {
        var (p, at, value) = (Person(), At(), Price());
        Tell(PlantedKind.Unpaired, "own ids", Browser(p, at, NextId()) with { Value = value, Item = "variant-1" },
            Server(p, at, Seconds(1, 400), NextId()) with { Order = NextOrder(), Value = value, Item = "SKU-1" });
    }

    private void OtherAmount()
    {
        var (p, at, order, value) = (Person(), At(), NextOrder(), Price());
        Tell(PlantedKind.Unpaired, "other amount", Browser(p, at, NextId()) with { Order = order, Value = value },
            Server(p, at, Seconds(30, 7200), NextId(), EventSource.Webhook) with { Visitor = null, Order = order, Value = value * 1.19m, Sender = "woocommerce" });
    }

    private void ByCookie()
    {
        var (p, at, value) = (Person(), At(), Price());
        Tell(PlantedKind.Unpaired, "by cookie", Browser(p, at, NextId()) with { Value = value, Email = null },
            Server(p, at, Seconds(1, 300), NextId()) with { Visitor = null, Value = value });
    }

    private void CrossingOrders()
    {
        var (p, at, value) = (Person(), At(), Price());
        for (var i = 0; i < 2; i++)
        {
            var moment = at.AddSeconds(i * 300);
            Tell(PlantedKind.Unpaired, "crossing orders", Browser(p, moment, NextId()) with { Value = value },
                Server(p, moment, Seconds(1, 60), NextId()) with { Order = NextOrder(), Value = value });
        }
    }

    private void LateRepeat()
    {
        var (p, order) = (Person(), NextOrder());
        var at = At();
        var first = Server(p, at.AddDays(-7.5), TimeSpan.Zero, $"purchase_{order}") with { Order = order, Value = Price() };
        _before.Add(first with { ReceivedAt = first.OccurredAt });
        var again = first with { ReceivedAt = at };
        _events.Add(again);
        _plan.Add(new PlannedAction(PlantedKind.LateRepeat, "late repeat", [first.EventId, again.EventId]));
    }

    /// <summary>Past the window, without a number: looks like a second purchase.</summary>
    private void ReloadMuchLater()
    {
        var (p, at, value) = (Person(), At(), Price());
        TellWhatNobodyCanTell(PlantedKind.DifferentIds, "reload much later", Browser(p, at, NextId()) with { Value = value }, Browser(p, at.AddMinutes(40), NextId()) with { Value = value });
    }

    /// <summary>A real second purchase without a number within the window: looks like a reload.</summary>
    private void SameAgainAtOnce()
    {
        var (p, at, value) = (Person(), At(), Price());
        for (var i = 0; i < 2; i++)
            TellWhatNobodyCanTell(PlantedKind.Real, "the same again at once", Browser(p, at.AddMinutes(i * 4), NextId()) with { Value = value });
    }

    // --- parts ---

    private void Visit()
    {
        var (p, at) = (Person(), At());
        for (var page = 0; page < _random.Next(2, 9); page++)
        {
            var view = Browser(p, at.AddSeconds(page * 20), NextId(), "page_view") with { Path = $"/p/{_random.Next(300)}" };
            _events.Add(view);
            if (_random.Next(8) == 0) // a reload
                _events.Add(view with { EventId = NextId(), OccurredAt = view.OccurredAt.AddSeconds(3), ReceivedAt = view.ReceivedAt.AddSeconds(3) });
            if (_random.Next(4) == 0)
                _events.Add(Browser(p, at.AddSeconds((page * 20) + 5), NextId(), "add_to_cart") with { Value = Price() });
        }
    }

    private void Tell(PlantedKind kind, string story, params ReadOnlySpan<DayEvent> events) => Tell(kind, story, true, events);

    private void TellWhatNobodyCanTell(PlantedKind kind, string story, params ReadOnlySpan<DayEvent> events) => Tell(kind, story, false, events);

    private void Tell(PlantedKind kind, string story, bool isDecidable, ReadOnlySpan<DayEvent> events)
    {
        var ids = new List<string>();
        foreach (var e in events)
        {
            _events.Add(e);
            ids.Add(e.EventId);
        }
        _plan.Add(new PlannedAction(kind, story, ids, isDecidable));
    }

    private static DayEvent Browser(Somebody p, DateTimeOffset at, string id, string type = "purchase") =>
        new(id, type, EventSource.Browser, at, at.AddSeconds(1)) { Visitor = p.Visitor, Fbp = p.Fbp, Path = type == "purchase" ? "/thanks" : "/" };

    private static DayEvent Server(Somebody p, DateTimeOffset at, TimeSpan after, string id, EventSource source = EventSource.Server, string type = "purchase") =>
        new(id, type, source, at, at + after + TimeSpan.FromSeconds(2)) { Visitor = p.Visitor, Fbp = p.Fbp, Email = p.Email, Phone = p.Phone, OccurredAt = at + (after / 2), Path = "/checkout" };

    private Somebody Person()
    {
        var n = ++_people;
        return new Somebody($"v-{n}", $"person{n}@example.com", _random.Next(2) == 0 ? null : string.Create(CultureInfo.InvariantCulture, $"+43660{1_000_000 + n}"),
            string.Create(CultureInfo.InvariantCulture, $"fb.1.{1_763_000_000_000 + n}.{1_000_000_000 + n}"));
    }

    /// <summary>A moment that leaves room for what follows it; shops are busy by day.</summary>
    private DateTimeOffset At() => _start.AddSeconds(_random.Next(60, 43_000) + _random.Next(60, 28_000));

    private TimeSpan Seconds(int least, int most) => TimeSpan.FromSeconds(_random.Next(least, most));

    private decimal Price() => Prices[_random.Next(Prices.Length)];

    private string NextOrder() => (++_orders).ToString(CultureInfo.InvariantCulture);

    private string NextId() => $"e-{++_ids:x8}";

    private static DateTimeOffset Earlier(DateTimeOffset a, DateTimeOffset b) => a < b ? a : b;

    private sealed record Somebody(string Visitor, string Email, string? Phone, string Fbp);
}
