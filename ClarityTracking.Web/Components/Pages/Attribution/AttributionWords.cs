using System.Globalization;
using ClarityTracking.Core.Attribution;
using ClarityTracking.Core.Attribution.Reports;
using ClarityTracking.Core.Data;
using ClarityTracking.Web.Components.Shared;

namespace ClarityTracking.Web.Components.Pages.Attribution;

/// <summary>Attribution in words and colours.</summary>
internal static class ModelWords
{
    /// <summary>Colours of channels (the part before <c>_cpc</c>, <c>_organic</c> …): the same on every page.</summary>
    private static readonly Dictionary<string, string> Colours = new(StringComparer.OrdinalIgnoreCase)
    {
        ["meta"] = "#3B6FE0",
        ["facebook"] = "#3B6FE0",
        ["instagram"] = "#3B6FE0",
        ["google"] = "#E08A00",
        ["tiktok"] = "#475467",
        ["pinterest"] = "#D6335C",
        ["youtube"] = "#E5484D",
        ["snapchat"] = "#B79B00",
        ["linkedin"] = "#2F6DA8",
        ["reddit"] = "#E4572E",
        ["microsoft"] = "#4FA3A5",
        ["bing"] = "#4FA3A5",
        ["email"] = "#7A5AF8",
        ["organic"] = "#2E9E6B",
        ["referral"] = "#0FA3B1",
        ["direct"] = "#8892A2",
    };

    /// <summary>A model as people call it.</summary>
    public static string Name(string model) => EnumText.Parse<AttributionModel>(model) switch
    {
        AttributionModel.FirstTouch => "First touch",
        AttributionModel.LastTouch => "Last touch",
        AttributionModel.LastNonDirect => "Last non-direct",
        AttributionModel.Linear => "Linear",
        AttributionModel.PositionBased => "Position based",
        AttributionModel.TimeDecay => "Time decay",
        AttributionModel.Markov => "Markov",
        AttributionModel.Shapley => "Shapley",
        AttributionModel.ShapleyRate => "Shapley by rate",
        null => model,
    };

    /// <summary>What a model does, in one sentence.</summary>
    public static string Hint(string model) => EnumText.Parse<AttributionModel>(model) switch
    {
        AttributionModel.FirstTouch => "All credit goes to the first touch in the window.",
        AttributionModel.LastTouch => "All credit goes to the last touch before the conversion.",
        AttributionModel.LastNonDirect => "All credit goes to the last touch that was not a direct visit.",
        AttributionModel.Linear => "Each touch gets the same share.",
        AttributionModel.PositionBased => "40 % to the first touch, 40 % to the last, the rest to those between.",
        AttributionModel.TimeDecay => "A touch seven days earlier gets half as much.",
        AttributionModel.Markov => "Credit by how many conversions would be lost without the channel, seen from the paths of all visitors.",
        AttributionModel.Shapley => "Each conversion is shared equally between the different channels of its path.",
        AttributionModel.ShapleyRate => "For experts: shares of conversion rates, which may be negative.",
        null => "",
    };

    /// <summary>What rows are, as a heading.</summary>
    public static string By(string by) => by switch { "campaign" => "Campaign", "link" => "Link", "landing" => "Landing page", "location" => "Location", _ => "Channel" };

    /// <summary>A key as it stands on screen: channels in words, everything else as it is.</summary>
    public static string Key(string name, string by) => by == "channel" ? Words.Channel(name) : name;

    /// <summary>A colour (CSS) of a channel.</summary>
    public static string Colour(string? channel)
    {
        if (channel is null)
            return "#B8BFCA";
        if (channel.EndsWith("_organic", StringComparison.Ordinal))
            return Colours["organic"];
        return Colours.GetValueOrDefault(channel) ?? Colours.GetValueOrDefault(channel.Split('_')[0]) ?? "#B8BFCA";
    }

    /// <summary>Shares of conversions, rounded so that they add up to the whole.</summary>
    public static IReadOnlyList<string> Conversions(IReadOnlyList<double> shares, decimal total)
    {
        var decimals = shares.All(s => Math.Abs(s - Math.Round(s)) < 1e-9) ? 0 : 1;
        return [.. Cents.Split(shares, total, decimals).Select(s => s.ToString("N" + decimals, CultureInfo.InvariantCulture))];
    }

    /// <summary>Shares of money, rounded to the currency's smallest unit so that they add up to the whole.</summary>
    public static IReadOnlyList<string> Money(IReadOnlyList<double> shares, decimal total, string currency) =>
        [.. Cents.Split(shares, decimal.Round(total, Words.Decimals(currency)), Words.Decimals(currency)).Select(s => Words.Money(s, currency))];

    /// <summary>Revenue for each unit spent.</summary>
    public static string Ratio(double? ratio) => ratio is { } value && double.IsFinite(value) ? value.ToString("0.00", CultureInfo.InvariantCulture) : "–";
}
