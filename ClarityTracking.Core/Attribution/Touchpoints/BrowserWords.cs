namespace ClarityTracking.Core.Attribution.Touchpoints;

/// <summary>A browser in three words, as coarse as browsers themselves have become; null = not known.</summary>
/// <param name="Device"><c>mobile</c>, <c>tablet</c> or <c>desktop</c>.</param>
/// <param name="Os"><c>ios</c>, <c>android</c>, <c>windows</c>, <c>macos</c>, <c>linux</c>, <c>chromeos</c>.</param>
/// <param name="Browser"><c>chrome</c>, <c>safari</c>, <c>edge</c>, <c>firefox</c>, <c>samsung</c>, <c>opera</c>.</param>
public sealed record BrowserWords(string? Device, string? Os, string? Browser)
{
    /// <summary>Nothing known.</summary>
    public static readonly BrowserWords Unknown = new(null, null, null);

    // the first that is found counts: Edge and Opera also say Chrome, Chrome also says Safari; an iPad in desktop mode says Macintosh, and cannot be told
    private static readonly (string Mark, string Word)[] Systems =
        [("iPhone", "ios"), ("iPad", "ios"), ("iPod", "ios"), ("Android", "android"), ("Windows", "windows"), ("CrOS", "chromeos"), ("Mac OS X", "macos"), ("Linux", "linux")];

    private static readonly (string Mark, string Word)[] Browsers =
        [("EdgiOS", "edge"), ("Edg", "edge"), ("OPR/", "opera"), ("SamsungBrowser", "samsung"), ("FxiOS", "firefox"), ("Firefox/", "firefox"), ("CriOS", "chrome"), ("Chrome/", "chrome"), ("Safari/", "safari")];

    /// <summary>Reads a user agent.</summary>
    public static BrowserWords Of(string? userAgent)
    {
        if (string.IsNullOrEmpty(userAgent))
            return Unknown;
        var os = First(Systems, userAgent);
        var isTablet = Has(userAgent, "iPad") || Has(userAgent, "Tablet") || (os == "android" && !Has(userAgent, "Mobile"));
        return new BrowserWords(isTablet ? "tablet" : os is "ios" or "android" || Has(userAgent, "Mobile") ? "mobile" : os is null ? null : "desktop", os, First(Browsers, userAgent));
    }

    private static string? First((string Mark, string Word)[] table, string text)
    {
        foreach (var (mark, word) in table)
            if (Has(text, mark))
                return word;
        return null;
    }

    private static bool Has(string text, string mark) => text.Contains(mark, StringComparison.Ordinal);
}
