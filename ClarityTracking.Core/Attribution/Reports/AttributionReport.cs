namespace ClarityTracking.Core.Attribution.Reports;

/// <summary>A sentence that belongs to a report.</summary>
/// <param name="Code">Stable word for programs.</param>
/// <param name="Text">For people.</param>
public sealed record ReportNote(string Code, string Text);

/// <summary>What a key has earned under a model. Money is in the report's currency, in major units and full precision.</summary>
/// <param name="Key">Channel, campaign, link id, path or branch.</param>
/// <param name="Name">On screen; of a link its name.</param>
/// <param name="Channel">The channel it belongs to; null where it is none's.</param>
/// <param name="Conversions">Its share of the conversions made.</param>
/// <param name="Kept">Its share of those that still stand: not cancelled, missed or wholly refunded.</param>
/// <param name="Revenue">Its share of the value less refunds; cancelled and missed ones bring nothing.</param>
/// <param name="TrueRevenue">Of that: appointments that took place, and all else that was paid.</param>
/// <param name="Spend">What was spent on it in the period; null = not known.</param>
/// <param name="Cac">Spend for each conversion that stands.</param>
/// <param name="Roas">Revenue by spend; null without spend.</param>
/// <param name="TrueRoas">True revenue by spend.</param>
/// <param name="Confidence">Mean probability that the credited matches are right, by share; null = nothing matched.</param>
/// <param name="Lifecycle">Its share of the conversions by where they stand now.</param>
/// <param name="RemovalConversions">Markov: how much less likely a conversion is without it, 0..1.</param>
/// <param name="RemovalValue">Markov: how much less value is to be expected without it, 0..1.</param>
public sealed record AttributionRow(string Key, string Name, string? Channel, double Conversions, double Kept, double Revenue, double TrueRevenue, decimal? Spend, double? Cac, double? Roas,
    double? TrueRoas, double? Confidence, IReadOnlyDictionary<string, double> Lifecycle, double? RemovalConversions = null, double? RemovalValue = null);

/// <summary>Conversions and their money, whole.</summary>
/// <param name="Conversions">Made.</param>
/// <param name="Kept">Of them: still stand.</param>
/// <param name="Revenue">Value less refunds.</param>
/// <param name="TrueRevenue">Of that: took place or was paid.</param>
/// <param name="Lifecycle">By where they stand.</param>
public sealed record AttributionSum(long Conversions, long Kept, decimal Revenue, decimal TrueRevenue, IReadOnlyDictionary<string, long> Lifecycle);

/// <summary>Totals of a report: rows and unattributed together.</summary>
/// <param name="Conversions">Made.</param>
/// <param name="Kept">Of them: still stand.</param>
/// <param name="Revenue">Value less refunds.</param>
/// <param name="TrueRevenue">Of that: took place or was paid.</param>
/// <param name="Lifecycle">By where they stand.</param>
/// <param name="Spend">All spend of the period in the website's currency, also what no row stands for; null = none known.</param>
/// <param name="Cac">Spend for each conversion that stands.</param>
/// <param name="Roas">Revenue by spend.</param>
/// <param name="TrueRoas">True revenue by spend.</param>
public sealed record AttributionTotals(long Conversions, long Kept, decimal Revenue, decimal TrueRevenue, IReadOnlyDictionary<string, long> Lifecycle, decimal? Spend, double? Cac, double? Roas, double? TrueRoas);

/// <summary>Conversions in another currency than the website's: they count, their money stands apart.</summary>
public sealed record OtherCurrency(string Currency, long Conversions, decimal Revenue, decimal TrueRevenue);

/// <summary>Spend that no row stands for.</summary>
/// <param name="Platform">Where it was spent.</param>
/// <param name="Currency">ISO 4217.</param>
/// <param name="Spend">How much.</param>
/// <param name="Reason"><c>no_touches</c> (nobody came by it), <c>several_rows</c> (more than one row is its), <c>other_currency</c>.</param>
public sealed record UnplacedSpend(string Platform, string Currency, decimal Spend, string Reason);

/// <summary>Who earned what under one model.</summary>
/// <param name="Model">The model's word.</param>
/// <param name="Order">Of a Markov chain; null for others.</param>
/// <param name="WindowDays">Whole days before a conversion in which touches count; see <paramref name="LinksHaveOwnWindows"/>.</param>
/// <param name="LinksHaveOwnWindows">A touch by a campaign link is tested with the link's window.</param>
/// <param name="From">First moment (UTC).</param>
/// <param name="To">The moment after the last (UTC).</param>
/// <param name="By">What rows are.</param>
/// <param name="Currency">Of all money that says nothing else.</param>
/// <param name="Rows">Most conversions first.</param>
/// <param name="Unattributed">Conversions without a touch in its window.</param>
/// <param name="Totals">All conversions of the period.</param>
/// <param name="NullPaths">Journeys without conversion that the model looked at; null = it looks at none.</param>
/// <param name="OtherCurrencies">Stand apart.</param>
/// <param name="UnplacedSpend">Spend no row stands for.</param>
/// <param name="Waiting">Conversions of the website that wait to be matched: the report may still change.</param>
/// <param name="ToReview">Of the period's matches: how many a person should look at.</param>
/// <param name="Notes">What to keep in mind.</param>
/// <param name="ComputedAt">When it was computed (UTC).</param>
/// <param name="TookMs">How long that took.</param>
public sealed record AttributionReport(string Model, int? Order, int WindowDays, bool LinksHaveOwnWindows, DateTimeOffset From, DateTimeOffset To, string By, string Currency,
    IReadOnlyList<AttributionRow> Rows, AttributionSum Unattributed, AttributionTotals Totals, long? NullPaths, IReadOnlyList<OtherCurrency> OtherCurrencies,
    IReadOnlyList<UnplacedSpend> UnplacedSpend, long Waiting, int ToReview, IReadOnlyList<ReportNote> Notes, DateTimeOffset ComputedAt, long TookMs);

/// <summary>A key's credit under one of the models of a comparison.</summary>
public sealed record ComparedCredit(double Conversions, double Revenue, double TrueRevenue, double? Roas, double? TrueRoas);

/// <summary>A key under all models.</summary>
/// <param name="Key">As in a report.</param>
/// <param name="Name">On screen.</param>
/// <param name="Channel">The channel it belongs to.</param>
/// <param name="Spend">In the period.</param>
/// <param name="Models">By the model's word.</param>
public sealed record ComparedRow(string Key, string Name, string? Channel, decimal? Spend, IReadOnlyDictionary<string, ComparedCredit> Models);

/// <summary>All models side by side.</summary>
/// <param name="Models">In the order of columns.</param>
/// <param name="Order">Of the Markov chain.</param>
/// <param name="WindowDays">As in a report.</param>
/// <param name="LinksHaveOwnWindows">As in a report.</param>
/// <param name="From">First moment (UTC).</param>
/// <param name="To">The moment after the last (UTC).</param>
/// <param name="By">What rows are.</param>
/// <param name="Currency">Of money.</param>
/// <param name="Rows">By the mean of the models' conversions, most first.</param>
/// <param name="Unattributed">The same under every model.</param>
/// <param name="Totals">All conversions of the period.</param>
/// <param name="NullPaths">Journeys without conversion.</param>
/// <param name="Notes">What to keep in mind.</param>
/// <param name="ComputedAt">UTC.</param>
public sealed record AttributionComparison(IReadOnlyList<string> Models, int Order, int WindowDays, bool LinksHaveOwnWindows, DateTimeOffset From, DateTimeOffset To, string By, string Currency,
    IReadOnlyList<ComparedRow> Rows, AttributionSum Unattributed, AttributionTotals Totals, long NullPaths, IReadOnlyList<ReportNote> Notes, DateTimeOffset ComputedAt);

/// <summary>One way that people took.</summary>
/// <param name="Path">Keys in order.</param>
/// <param name="Names">The same on screen.</param>
/// <param name="Conversions">How often it ended in a conversion.</param>
/// <param name="Revenue">Of those.</param>
/// <param name="Nulls">How often it did not.</param>
/// <param name="MeanDays">From first touch to conversion, on average; null without conversions.</param>
public sealed record PathRow(IReadOnlyList<string> Path, IReadOnlyList<string> Names, long Conversions, double Revenue, long Nulls, double? MeanDays);

/// <summary>The commonest paths.</summary>
/// <param name="Items">Most conversions first.</param>
/// <param name="Paths">How many different ones there are.</param>
/// <param name="Conversions">Conversions with a path.</param>
/// <param name="Nulls">Journeys without conversion.</param>
/// <param name="MeanTouches">Touches of a converting path, on average; null without any.</param>
/// <param name="From">First moment (UTC).</param>
/// <param name="To">The moment after the last (UTC).</param>
/// <param name="By">What paths are made of.</param>
/// <param name="Currency">Of money.</param>
/// <param name="NextCursor">Always null: the list ends where it was asked to.</param>
public sealed record PathReport(IReadOnlyList<PathRow> Items, long Paths, long Conversions, long Nulls, double? MeanTouches, DateTimeOffset From, DateTimeOffset To, string By, string Currency, Guid? NextCursor = null);

/// <summary>Conversions by days since a touch.</summary>
/// <param name="FromDay">First whole day.</param>
/// <param name="ToDay">Last whole day; null = and all later.</param>
/// <param name="SinceFirst">Conversions whose first touch was so long ago.</param>
/// <param name="SinceLast">Conversions whose last touch was so long ago.</param>
/// <param name="Revenue">Of those by the first touch.</param>
public sealed record LagRow(int FromDay, int? ToDay, long SinceFirst, long SinceLast, double Revenue);

/// <summary>How long it took from a touch to the conversion.</summary>
/// <param name="Items">By days.</param>
/// <param name="Conversions">Conversions with a path.</param>
/// <param name="MeanDays">From the first touch on average; null without any.</param>
/// <param name="MedianDays">From the first touch, half took longer.</param>
/// <param name="From">First moment (UTC).</param>
/// <param name="To">The moment after the last (UTC).</param>
/// <param name="Currency">Of money.</param>
/// <param name="NextCursor">Always null: the list comes whole.</param>
public sealed record LagReport(IReadOnlyList<LagRow> Items, long Conversions, double? MeanDays, double? MedianDays, DateTimeOffset From, DateTimeOffset To, string Currency, Guid? NextCursor = null);

/// <summary>One step of the funnel.</summary>
/// <param name="Step"><c>visitors</c>, <c>touched</c>, <c>lead</c>, <c>booked</c>, <c>completed</c>.</param>
/// <param name="People">Who came so far; a part of the step before.</param>
/// <param name="ShareOfFirst">Of the visitors; null without any.</param>
/// <param name="ShareOfPrevious">Of the step before.</param>
public sealed record FunnelStep(string Step, long People, double? ShareOfFirst, double? ShareOfPrevious);

/// <summary>How far the people of a period came.</summary>
/// <param name="Steps">In order.</param>
/// <param name="Unattributed">Conversions of the period that are joined to nobody's visits.</param>
/// <param name="From">First moment (UTC).</param>
/// <param name="To">The moment after the last (UTC).</param>
public sealed record FunnelReport(IReadOnlyList<FunnelStep> Steps, long Unattributed, DateTimeOffset From, DateTimeOffset To);

/// <summary>A touch of a conversion's path.</summary>
/// <param name="At">When (UTC).</param>
/// <param name="Key">What earns.</param>
/// <param name="Name">On screen.</param>
/// <param name="DaysBefore">Whole days before the conversion, floored.</param>
/// <param name="Confidence">Probability that it was the customer's.</param>
/// <param name="IsInside">Does it lie inside its window?</param>
public sealed record ConversionTouch(DateTimeOffset At, string Key, string Name, int DaysBefore, double Confidence, bool IsInside);

/// <summary>A conversion behind a number.</summary>
/// <param name="Id">Its id.</param>
/// <param name="SenderId">The sender's id.</param>
/// <param name="Number">The number people know it by.</param>
/// <param name="Kind">What it is.</param>
/// <param name="Name">Of what was told through the conversions API.</param>
/// <param name="Status">Where it stands.</param>
/// <param name="OccurredAt">When it was made (UTC).</param>
/// <param name="Value">Before refunds, in <paramref name="Currency"/>.</param>
/// <param name="Refunded">Given back.</param>
/// <param name="Currency">ISO 4217.</param>
/// <param name="Share">The asked key's share of it under the model; null where the model gives credit to keys as a whole, or no key was asked for.</param>
/// <param name="Revenue">That share of its revenue (all of it without a share), in <paramref name="Currency"/>.</param>
/// <param name="Confidence">Of its match.</param>
/// <param name="Decision">Of its match.</param>
/// <param name="Touches">Its path, oldest first.</param>
public sealed record CreditedConversion(Guid Id, string SenderId, string? Number, Conversions.ConversionKind Kind, string? Name, Conversions.ConversionStatus Status, DateTimeOffset OccurredAt,
    decimal Value, decimal Refunded, string Currency, double? Share, double Revenue, double? Confidence, string? Decision, IReadOnlyList<ConversionTouch> Touches);
