using ClarityTracking.Core.Data;
using ClarityTracking.Core.Reports;

namespace ClarityTracking.Core.Attribution.Reports;

/// <summary>How credit is given; the words of the API are those of the members.</summary>
public enum AttributionModel
{
    /// <summary>All to the first touch.</summary>
    FirstTouch,
    /// <summary>All to the last touch.</summary>
    LastTouch,
    /// <summary>All to the last touch that is not direct.</summary>
    LastNonDirect,
    /// <summary>The same to each touch.</summary>
    Linear,
    /// <summary>40 % to the first, 40 % to the last, the rest between.</summary>
    PositionBased,
    /// <summary>Half as much for each seven days before the conversion.</summary>
    TimeDecay,
    /// <summary>Removal effect of a Markov chain.</summary>
    Markov,
    /// <summary>Shapley value, "simplified": equal shares of a path's different keys.</summary>
    Shapley,
    /// <summary>Shapley value over conversion rates; shares may be negative. For experts.</summary>
    ShapleyRate,
}

/// <summary>What touches are told apart by.</summary>
public enum AttributionBy
{
    /// <summary>Channel.</summary>
    Channel,
    /// <summary>Campaign; touches without one stand aside.</summary>
    Campaign,
    /// <summary>Campaign link; touches without one stand aside.</summary>
    Link,
    /// <summary>Path of the first page.</summary>
    Landing,
    /// <summary>Branch: the conversion's, else the touch's.</summary>
    Location,
}

/// <summary>Runs models.</summary>
public static class AttributionModels
{
    /// <summary>Those of every comparison; the one for experts is left out.</summary>
    public static readonly IReadOnlyList<AttributionModel> Compared = [.. Enum.GetValues<AttributionModel>().Where(m => m != AttributionModel.ShapleyRate)];

    /// <summary>Does the model look at journeys that did not convert?</summary>
    public static bool NeedsNulls(this AttributionModel model) => model is AttributionModel.Markov or AttributionModel.ShapleyRate;

    /// <summary>May each conversion be looked at alone? Of others a key's credit has no rows.</summary>
    public static bool IsByConversion(this AttributionModel model) => !model.NeedsNulls();

    /// <summary>Credits by key.</summary>
    /// <param name="model">Which.</param>
    /// <param name="journeys">Converted and not.</param>
    /// <param name="order">Of a Markov chain.</param>
    public static Credit[] Run(this AttributionModel model, Journeys journeys, int order) => journeys.Count == 0 ? new Credit[journeys.Keys.Count] : model switch
    {
        AttributionModel.FirstTouch => RuleModels.FirstTouch(journeys),
        AttributionModel.LastTouch => RuleModels.LastTouch(journeys),
        AttributionModel.LastNonDirect => RuleModels.LastNonDirect(journeys),
        AttributionModel.Linear => RuleModels.Linear(journeys),
        AttributionModel.PositionBased => RuleModels.PositionBased(journeys),
        AttributionModel.TimeDecay => RuleModels.TimeDecay(journeys),
        AttributionModel.Markov => [.. Markov.Credits(journeys, order).Select(c => c.Credit)],
        AttributionModel.Shapley => Shapley.Credits(journeys),
        AttributionModel.ShapleyRate => Shapley.RateCredits(journeys),
    };
}

/// <summary>What a report is asked for.</summary>
/// <param name="From">Conversions made at or after (UTC).</param>
/// <param name="To">Conversions made before (UTC).</param>
/// <param name="Model">How credit is given.</param>
/// <param name="Order">Of a Markov chain.</param>
/// <param name="By">What gets it.</param>
/// <param name="WindowDays">Of every touch; null = a link's own, else 30.</param>
public sealed record AttributionAsk(DateTimeOffset From, DateTimeOffset To, AttributionModel Model, int Order, AttributionBy By, int? WindowDays)
{
    /// <summary>Window of a touch that came by no link.</summary>
    public const int DefaultWindowDays = 30;

    /// <summary>Longest window.</summary>
    public const int LongestWindowDays = 365;

    /// <summary>Longest period.</summary>
    public const int MostDays = 1100;

    /// <summary>Longest Markov chain that is offered.</summary>
    public const int MostOrder = 3;

    private const int DefaultDays = 30;

    /// <summary>Reads what a program or an address asks for.</summary>
    /// <param name="words">As they came; nulls = not told.</param>
    /// <param name="timeZone">The website's (IANA): days begin there.</param>
    /// <param name="now">The default period ends with today.</param>
    /// <returns>Refusals: unknown_model, unknown_by, invalid_order, invalid_window, invalid_period.</returns>
    public static Result<AttributionAsk> Of(AttributionWords words, string timeZone, DateTimeOffset now)
    {
        var model = EnumText.Parse<AttributionModel>(words.Model ?? AttributionModel.LastTouch.Word());
        if (model is null)
            return Refused("unknown_model", $"model must be one of {string.Join(", ", EnumText.All<AttributionModel>())}.", "model");
        var by = EnumText.Parse<AttributionBy>(words.By ?? AttributionBy.Channel.Word());
        if (by is null)
            return Refused("unknown_by", $"by must be one of {string.Join(", ", EnumText.All<AttributionBy>())}.", "by");
        if (words.Order is < 1 or > MostOrder)
            return Refused("invalid_order", $"order must be 1 to {MostOrder}.", "order");
        if (words.WindowDays is < 1 or > LongestWindowDays)
            return Refused("invalid_window", $"windowDays must be 1 to {LongestWindowDays}.", "windowDays");
        var period = ReportPeriod.Of(words.From, words.To, timeZone, now, DefaultDays, MostDays);
        return period.IsOk ? new AttributionAsk(period.Value.From, period.Value.To, model.Value, words.Order ?? 1, by.Value, words.WindowDays) : period.Error;
    }

    private static Error Refused(string code, string message, string field) => new(ErrorKind.Invalid, code, message, [new(field, message)]);
}

/// <summary>An <see cref="AttributionAsk"/> in the words of an address.</summary>
/// <param name="Model">Null = last_touch.</param>
/// <param name="From">Day (of the website) or moment; null = 30 days with the last.</param>
/// <param name="To">Day, included, or moment, excluded; null = now.</param>
/// <param name="By">Null = channel.</param>
/// <param name="Order">Of a Markov chain, 1 to 3; null = 1.</param>
/// <param name="WindowDays">1 to 365; null = a link's own, else 30.</param>
public sealed record AttributionWords(string? Model = null, string? From = null, string? To = null, string? By = null, int? Order = null, int? WindowDays = null);
