using ClarityTracking.Core.Conversions;
using ClarityTracking.Core.Inbound;

namespace ClarityTracking.Core.Health.Ledger;

/// <summary>A ledger of some days.</summary>
/// <param name="From">First moment (UTC).</param>
/// <param name="To">The moment it ends before (UTC).</param>
/// <param name="TimeZone">The website's; days are its days.</param>
/// <param name="Currency">The website's (ISO 4217); values of conversions in others are not added up.</param>
/// <param name="Definition">How the accuracy is made, in a sentence.</param>
/// <param name="Accuracy">Delivered of what was to be delivered, 0 to 1, by where each conversion stands worst; null when nothing was to be.</param>
/// <param name="Totals">All conversions of the filter but for its state and cause, each by where it stands worst.</param>
/// <param name="Days">The same by day, oldest first, with each destination.</param>
/// <param name="Destinations">By destination; each conversion once by where it stands there.</param>
/// <param name="Items">Conversions, the one we heard of last first.</param>
/// <param name="NextCursor">Give it back to get more; null = that was all.</param>
public sealed record LedgerReport(DateTimeOffset From, DateTimeOffset To, string TimeZone, string Currency, string Definition, double? Accuracy, LedgerSums Totals,
    IReadOnlyList<LedgerDay> Days, IReadOnlyList<LedgerDestinationSums> Destinations, IReadOnlyList<LedgerItem> Items, Guid? NextCursor)
{
    /// <summary>The accuracy in a sentence, shown wherever it stands.</summary>
    public const string HowItIsMade = "Delivered ÷ (expected − rightly ignored − on their way for less than an hour). Rightly ignored: no consent, a filter rule, a bot, a test, an event that is not mapped.";
}

/// <summary>Conversions added up.</summary>
/// <param name="Conversions">All.</param>
/// <param name="Expected">Something was owed: those that count.</param>
/// <param name="ExpectedValue">Their value, in the website's currency.</param>
/// <param name="Delivered">Arrived.</param>
/// <param name="DeliveredValue">Their value.</param>
/// <param name="RightlyIgnored">Rightly kept back.</param>
/// <param name="Open">On their way, not for long yet.</param>
/// <param name="Lost">All others that count.</param>
/// <param name="LostValue">Their value.</param>
/// <param name="Accuracy">See <see cref="LedgerReport.HowItIsMade"/>; 0 to 1, null when nothing was to arrive.</param>
/// <param name="Ignored">How many by reason.</param>
/// <param name="Failed">How many by reason.</param>
/// <param name="Missing">How many by cause; those that do not count are among them.</param>
/// <param name="Waiting">How many are pending or being retried, by what they wait for or why.</param>
/// <param name="NotExpected">Nothing was owed yet.</param>
/// <param name="Unknown">Too long ago to tell.</param>
/// <param name="Losses">What <paramref name="Lost"/> is made of, by state and cause, the most first.</param>
public sealed record LedgerSums(long Conversions, long Expected, decimal ExpectedValue, long Delivered, decimal DeliveredValue, long RightlyIgnored, long Open, long Lost, decimal LostValue,
    double? Accuracy, IReadOnlyDictionary<string, long> Ignored, IReadOnlyDictionary<string, long> Failed, IReadOnlyDictionary<string, long> Missing,
    IReadOnlyDictionary<string, long> Waiting, long NotExpected, long Unknown, IReadOnlyList<LedgerLoss> Losses);

/// <summary>Conversions that are lost, of one state and cause.</summary>
/// <param name="State">Where they stand.</param>
/// <param name="Cause">Why; a stable word.</param>
/// <param name="Conversions">How many.</param>
public sealed record LedgerLoss(LedgerState State, string Cause, long Conversions);

/// <summary>A day.</summary>
public sealed record LedgerDay(DateOnly Day, LedgerSums Totals, IReadOnlyList<LedgerDestinationSums> Destinations);

/// <summary>A destination.</summary>
public sealed record LedgerDestinationSums(Guid ConnectionId, string Name, string Platform, bool Enabled, LedgerSums Sums);

/// <summary>A conversion of the ledger.</summary>
/// <param name="Id">Of the conversion; of a webhook that became none, the webhook's.</param>
/// <param name="Kind">What it is; <c>webhook</c> = a webhook that became no conversion.</param>
/// <param name="Name">Of what came through the conversions API: its event type. Of a webhook: the sender's word.</param>
/// <param name="Source">Platform that told it; <c>api</c> = the conversions API.</param>
/// <param name="SourceConnectionId">The source connection; null = the API, or it was deleted.</param>
/// <param name="SenderId">The sender's id.</param>
/// <param name="Number">The number people know it by.</param>
/// <param name="Status">Where it stands in its life.</param>
/// <param name="IsTest">Made to try things out.</param>
/// <param name="OccurredAt">UTC.</param>
/// <param name="Value">In major units of <paramref name="Currency"/>, before refunds; null = unknown.</param>
/// <param name="Currency">ISO 4217.</param>
/// <param name="Refunded">Given back, in major units.</param>
/// <param name="State">Where it stands worst.</param>
/// <param name="Cause">Why; a stable word.</param>
/// <param name="Destinations">Where it stands at each.</param>
public sealed record LedgerItem(Guid Id, string Kind, string? Name, string Source, Guid? SourceConnectionId, string SenderId, string? Number, ConversionStatus? Status, bool IsTest,
    DateTimeOffset OccurredAt, decimal? Value, string? Currency, decimal Refunded, LedgerState State, string? Cause, IReadOnlyList<LedgerItemDestination> Destinations);

/// <summary>A conversion at one destination.</summary>
/// <param name="ConnectionId">The destination.</param>
/// <param name="Name">As the user calls it.</param>
/// <param name="Platform">Key of the contract.</param>
/// <param name="State">How far it came.</param>
/// <param name="Cause">Why; a stable word.</param>
/// <param name="Counts">Whether and how it counts for the accuracy.</param>
/// <param name="Event">The event that decides it.</param>
/// <param name="EventId">Our id of it.</param>
/// <param name="DeliveryId">The delivery that decides it.</param>
public sealed record LedgerItemDestination(Guid ConnectionId, string Name, string Platform, LedgerState State, string? Cause, LedgerWeight Counts, string? Event, Guid? EventId, Guid? DeliveryId);

/// <summary>One conversion with its way step by step.</summary>
/// <param name="Item">Where it stands.</param>
/// <param name="Detail">Of a webhook that became none: why, in a sentence.</param>
/// <param name="Webhook">Of such a webhook: where it stands.</param>
/// <param name="Events">What it owes and what became of it.</param>
public sealed record LedgerDetails(LedgerItem Item, string? Detail, InboundStatus? Webhook, IReadOnlyList<LedgerEvent> Events);

/// <summary>Which conversions to add up and, by state and cause too, which of them to list; null = all.</summary>
/// <param name="State">Where they stand; with <paramref name="ConnectionId"/>, where they stand there.</param>
/// <param name="Cause">Why they stand there.</param>
/// <param name="ConnectionId">One destination alone.</param>
/// <param name="Source">Platform that told them; <c>api</c> = the conversions API.</param>
/// <param name="Kind">What they are; <c>webhook</c> = webhooks that became none.</param>
public sealed record LedgerFilter(LedgerState? State = null, string? Cause = null, Guid? ConnectionId = null, string? Source = null, string? Kind = null)
{
    /// <summary>The kind of webhooks that became no conversion.</summary>
    public const string Webhook = "webhook";

    internal bool Fits(LedgerVerdict overall) => (State is null || State == overall.State) && (Cause is null || Cause == overall.Cause);
}
