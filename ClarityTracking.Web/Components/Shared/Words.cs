using System.Globalization;

namespace ClarityTracking.Web.Components.Shared;

/// <summary>Numbers, times and ids as they stand on pages.</summary>
public static class Words
{
    /// <summary>How long ago, or in how long: <c>just now</c>, <c>4 min ago</c>, <c>in 2 h</c>, <c>yesterday</c>, <c>12 days ago</c>.</summary>
    public static string Ago(DateTimeOffset at, DateTimeOffset now)
    {
        var distance = now - at;
        if (distance.Duration() < TimeSpan.FromSeconds(5))
            return "just now";
        if (distance >= TimeSpan.FromDays(1) && distance < TimeSpan.FromDays(2))
            return "yesterday";
        var span = Span(distance.Duration());
        return distance > TimeSpan.Zero ? $"{span} ago" : $"in {span}";
    }

    /// <summary>A length of time in its largest unit: <c>45 s</c>, <c>4 min</c>, <c>3 h</c>, <c>12 days</c>.</summary>
    public static string Span(TimeSpan span) => span switch
    {
        { TotalSeconds: < 1 } => Invariant($"{span.TotalMilliseconds:0} ms"),
        { TotalSeconds: < 60 } => Invariant($"{Math.Floor(span.TotalSeconds):0} s"),
        { TotalMinutes: < 60 } => Invariant($"{Math.Floor(span.TotalMinutes):0} min"),
        { TotalHours: < 24 } => Invariant($"{Math.Floor(span.TotalHours):0} h"),
        { TotalDays: < 2 } => "1 day",
        _ => Invariant($"{Math.Floor(span.TotalDays):0} days"),
    };

    /// <summary>Exact, with thousands: <c>1,284</c>.</summary>
    public static string Count(long count) => Invariant($"{count:#,0}");

    /// <summary>A count with its noun: <c>1 event</c>, <c>1,284 events</c>.</summary>
    public static string Count(long count, string one, string? many = null) => $"{Count(count)} {(count == 1 ? one : many ?? one + "s")}";

    /// <summary>Short for tiles: <c>12.4 k</c>, <c>3.1 M</c>.</summary>
    public static string Rounded(long count) => count switch
    {
        < 10_000 => Count(count),
        < 1_000_000 => Invariant($"{count / 1000d:0.#} k"),
        _ => Invariant($"{count / 1_000_000d:0.#} M"),
    };

    /// <summary>A share as percent with one decimal; an en dash when there is nothing to share.</summary>
    public static string Percent(double? share) => share is { } s && double.IsFinite(s) ? Invariant($"{s * 100:0.#} %") : "–";

    /// <summary>Money with the minor units of its currency and its code: <c>149.90 EUR</c>, <c>1,200 JPY</c>.</summary>
    public static string Money(decimal value, string? currency) => $"{value.ToString("N" + Decimals(currency), CultureInfo.InvariantCulture)} {currency}".TrimEnd();

    /// <summary>Decimals of a currency; 2 where nothing else is known.</summary>
    public static int Decimals(string? currency) => currency is "JPY" or "KRW" or "VND" or "CLP" or "ISK" or "UGX" or "XAF" or "XOF" or "XPF" or "PYG" or "RWF" or "KMF" or "GNF" or "DJF" or "BIF" or "VUV" ? 0
            : currency is "BHD" or "IQD" or "JOD" or "KWD" or "LYD" or "OMR" or "TND" ? 3 : 2;

    /// <summary>Long text cut in the middle, so that its beginning and end can be told apart.</summary>
    public static string Middle(string text, int length)
    {
        if (text.Length <= length)
            return text;
        var head = (length - 1) / 2 + (length - 1) % 2;
        return $"{text[..head]}…{text[^(length - 1 - head)..]}";
    }

    /// <summary>A snake_case word as a person reads it: <c>page_view</c> becomes <c>Page view</c>.</summary>
    public static string Sentence(string word) =>
        word.Length == 0 ? word : char.ToUpperInvariant(word[0]) + word[1..].Replace('_', ' ');

    /// <summary>A channel as its makers write it: <c>google_cpc</c> becomes <c>Google CPC</c>.</summary>
    public static string Channel(string channel) => Sentence(string.Join('_', channel.Split('_').Select(part => Written.GetValueOrDefault(part, part))));

    private static readonly Dictionary<string, string> Written = new(StringComparer.Ordinal)
    {
        ["ai"] = "AI",
        ["cpc"] = "CPC",
        ["sms"] = "SMS",
        ["duckduckgo"] = "DuckDuckGo",
        ["linkedin"] = "LinkedIn",
        ["tiktok"] = "TikTok",
        ["whatsapp"] = "WhatsApp",
        ["youtube"] = "YouTube",
    };

    private static string Invariant(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
