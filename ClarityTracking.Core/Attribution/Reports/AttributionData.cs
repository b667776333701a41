using ClarityTracking.Core.Conversions;
using ClarityTracking.Core.Tenancy;

namespace ClarityTracking.Core.Attribution.Reports;

/// <summary>A conversion as reports count it.</summary>
/// <param name="Id">Our id.</param>
/// <param name="SenderId">The sender's id.</param>
/// <param name="Number">The number people know it by.</param>
/// <param name="Kind">What it is.</param>
/// <param name="Name">Of what was told through the conversions API: its event type.</param>
/// <param name="Status">Where it stands now.</param>
/// <param name="OccurredAt">When it was made (UTC).</param>
/// <param name="Value">In major units, before refunds; 0 when unknown.</param>
/// <param name="Refunded">Given back, in major units.</param>
/// <param name="Currency">ISO 4217; the website's where the sender told none.</param>
/// <param name="Location">The branch.</param>
/// <param name="Confidence">Probability that its match is right; null = not matched yet.</param>
/// <param name="Decision">The match's decision.</param>
public sealed record ConversionFact(Guid Id, string SenderId, string? Number, ConversionKind Kind, string? Name, ConversionStatus Status, DateTimeOffset OccurredAt,
    decimal Value, decimal Refunded, string Currency, string? Location, double? Confidence, string? Decision)
{
    /// <summary>Its match names a touchpoint; false: the answer is that there is none, or none yet.</summary>
    public bool IsNamed { get; init; }

    /// <summary>Probability that its path is right: that of the match which names its touchpoint, else the mean of its touches'; null = it has no path.</summary>
    public double? PathConfidence { get => IsNamed ? Confidence : field; init; }

    /// <summary>Does it still stand? Cancelled, missed and wholly refunded ones were made, but nobody was won.</summary>
    public bool IsKept => Status is not (ConversionStatus.Cancelled or ConversionStatus.NoShow or ConversionStatus.Refunded);

    /// <summary>What it is worth as things stand: value less refunds; nothing when it was cancelled or nobody came.</summary>
    public decimal Revenue => Status is ConversionStatus.Cancelled or ConversionStatus.NoShow ? 0 : Math.Max(0, Value - Refunded);

    /// <summary>What was really earned: of appointments that took place, of all else that was paid, less refunds.</summary>
    public decimal TrueRevenue => Status == ConversionStatus.Completed || (Status == ConversionStatus.Paid && Kind != ConversionKind.Booking) ? Revenue : 0;
}

/// <summary>A touch that stands in a conversion's path.</summary>
/// <param name="At">When (UTC).</param>
/// <param name="Key">What earns the credit.</param>
/// <param name="Confidence">Probability that it was the customer's.</param>
/// <param name="WindowDays">Window it is tested with.</param>
/// <param name="Sequence">Order of arrival.</param>
/// <param name="IsDirect">A visit without a source.</param>
internal readonly record struct PathTouch(DateTimeOffset At, int Key, double Confidence, int WindowDays, long Sequence, bool IsDirect)
{
    /// <summary>As models see it.</summary>
    public Touch ToTouch() => new(At.ToUnixTimeMilliseconds(), Sequence, Key, WindowDays, IsDirect);
}

/// <summary>People of the period by how far they came; each number is a part of the one before.</summary>
/// <param name="Visitors">Seen in the period.</param>
/// <param name="Touched">Of them: came by something that can be named (not direct).</param>
/// <param name="Leads">Of them: left contact data, or converted.</param>
/// <param name="Booked">Of them: a conversion is joined to them.</param>
/// <param name="Completed">Of them: it took place, or was paid, and was not given back.</param>
internal readonly record struct PeopleCounts(long Visitors, long Touched, long Leads, long Booked, long Completed);

/// <summary>All that a report is made of, read in one pass.</summary>
internal sealed class AttributionData
{
    /// <summary>Whose it is.</summary>
    public required Website Website { get; init; }

    public required AttributionAsk Ask { get; init; }

    /// <summary>Conversions of the period.</summary>
    public required List<ConversionFact> Conversions { get; init; }

    /// <summary>Touches of each of <see cref="Conversions"/>, inside and outside of windows; by place.</summary>
    public required PathTouch[][] Touches { get; init; }

    /// <summary>Converted journeys first, then those without conversion if they were asked for.</summary>
    public required Journeys Journeys { get; init; }

    /// <summary>The conversion of a journey, as a place in <see cref="Conversions"/>; -1 = it did not convert.</summary>
    public required List<int> ConversionOf { get; init; }

    /// <summary>Campaign links by id, for names and windows.</summary>
    public required IReadOnlyDictionary<string, LinkFact> Links { get; init; }

    /// <summary>The channel a campaign's touches came by, for colours and spend.</summary>
    public required IReadOnlyDictionary<string, CampaignFact> Campaigns { get; init; }

    /// <summary>Of people without conversion; null = not asked for.</summary>
    public long? NullPaths { get; init; }

    /// <summary>Null = not asked for.</summary>
    public PeopleCounts? People { get; init; }

    /// <summary>Conversions of the website that wait to be matched.</summary>
    public required long Waiting { get; init; }

    /// <summary>Of the period's matches: how many a person should look at.</summary>
    public int ToReview => Conversions.Count(c => c.Decision == "review");

    /// <summary>Is the conversion's value in the website's currency?</summary>
    public bool IsOwnCurrency(ConversionFact c) => c.Currency == Website.Currency;

    /// <summary>Journeys that carry another number of their conversion.</summary>
    public Journeys Valued(Func<ConversionFact, double> valueOf) => Journeys.Valued(j => valueOf(Conversions[ConversionOf[j]]));
}

/// <summary>A campaign link as reports name it.</summary>
internal sealed record LinkFact(string Name, string? Channel, string? Campaign, int WindowDays);

/// <summary>What touches of a campaign say about it.</summary>
internal sealed record CampaignFact(string? Channel, string? Source, string? Medium);
