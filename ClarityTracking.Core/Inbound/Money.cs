using System.Collections.Frozen;
using System.Globalization;

namespace ClarityTracking.Core.Inbound;

/// <summary>Amounts as senders write them: in minor units, or as a text in major ones.</summary>
public static class Money
{
    /// <summary>
    /// Currencies whose minor unit is not a hundredth (ISO 4217; the payment platforms' lists agree on these, 2026-11).
    /// </summary>
    static readonly FrozenDictionary<string, int> DecimalsByCurrency = new Dictionary<string, int>
    {
        ["BIF"] = 0,
        ["CLP"] = 0,
        ["DJF"] = 0,
        ["GNF"] = 0,
        ["JPY"] = 0,
        ["KMF"] = 0,
        ["KRW"] = 0,
        ["MGA"] = 0,
        ["PYG"] = 0,
        ["RWF"] = 0,
        ["VND"] = 0,
        ["VUV"] = 0,
        ["XAF"] = 0,
        ["XOF"] = 0,
        ["XPF"] = 0,
        ["BHD"] = 3,
        ["JOD"] = 3,
        ["KWD"] = 3,
        ["OMR"] = 3,
        ["TND"] = 3,
    }.ToFrozenDictionary(StringComparer.Ordinal);

    /// <summary>Decimals of a currency; 2 when it is not known.</summary>
    public static int Decimals(string? currency) => currency is not null && DecimalsByCurrency.TryGetValue(currency, out var decimals) ? decimals : 2;

    /// <summary>An amount in minor units (cents) in major ones.</summary>
    public static decimal FromMinor(long amount, string? currency)
    {
        var value = (decimal)amount;
        for (var i = Decimals(currency); i > 0; i--)
            value *= 0.1m; // and not / 10: so 3500 cents are 35.00
        return value;
    }

    /// <summary>With exactly the currency's decimals.</summary>
    public static string Text(decimal value, string? currency) =>
        Math.Round(value, Decimals(currency), MidpointRounding.AwayFromZero).ToString($"F{Decimals(currency)}", CultureInfo.InvariantCulture);

    /// <summary>An amount written in major units (<c>1234.50</c>, never with a thousands mark); null when it is none.</summary>
    public static decimal? Read(string? text) =>
        decimal.TryParse(text, NumberStyles.AllowLeadingSign | NumberStyles.AllowDecimalPoint | NumberStyles.AllowLeadingWhite | NumberStyles.AllowTrailingWhite,
            CultureInfo.InvariantCulture, out var value) ? value : null;

    /// <summary>Three capital letters; null when it is no currency.</summary>
    public static string? Currency(string? text) => Destinations.CurrencyCode.Read(text?.Trim());
}
