using System.Text.Json;
using ClarityTracking.Core.Destinations;
using ClarityTracking.Core.Ingestion.Store;

namespace ClarityTracking.Core.Routing;

/// <summary>
/// Which consent an event needs to reach a connection: the categories of its setting <c>consent</c>, else those of its platform. An event is kept
/// back when the visitor refused one of them; who was never asked has refused nothing. A browser's own signal (GPC, DNT) is stronger than any
/// setting: no ad platform gets the event.
/// </summary>
public static class ConsentRule
{
    /// <summary>Name of the setting: a list of <see cref="Categories"/>, empty = none is needed.</summary>
    public const string Setting = "consent";

    internal const string AdUserData = "ad_user_data", AdPersonalization = "ad_personalization", AdStorage = "ad_storage", AnalyticsStorage = "analytics_storage";

    /// <summary>All categories, in the words of the intake contract.</summary>
    public static readonly IReadOnlyList<string> Categories = [AdUserData, AdPersonalization, AdStorage, AnalyticsStorage];

    /// <summary>What ad platforms need unless the connection says otherwise.</summary>
    internal static readonly IReadOnlyList<string> ForAds = [AdUserData, AdStorage];

    /// <summary>The categories a connection needs.</summary>
    /// <param name="info">Its platform.</param>
    /// <param name="settings">Its settings.</param>
    public static IReadOnlyList<string> Needed(DestinationInfo info, JsonElement settings) =>
        settings.ValueKind == JsonValueKind.Object && settings.TryGetProperty(Setting, out var list) && list.ValueKind == JsonValueKind.Array
            ? [.. list.EnumerateArray().Where(c => c.ValueKind == JsonValueKind.String).Select(c => c.GetString()!)]
            : info.DefaultConsent;

    /// <summary>Why consent keeps an event from a connection; null = it does not.</summary>
    internal static Skip? ReasonToSkip(Event @event, DestinationInfo info, JsonElement settings)
    {
        if (@event.Consent is not { } consent)
            return null;
        if (info.IsForAds && consent.Signal is { } signal)
            return new Skip(SkipReason.Consent, signal == "gpc"
                ? "The browser asks not to be tracked (Global Privacy Control)."
                : "The browser asks not to be tracked (Do Not Track).");
        foreach (var category in Needed(info, settings))
            if (Allowed(consent, category) == false)
                return new Skip(SkipReason.Consent, category switch
                {
                    AdPersonalization => "The visitor did not allow personalised ads.",
                    AnalyticsStorage => "The visitor did not allow analytics.",
                    _ => "The visitor did not allow ads data.",
                });
        return null;
    }

    /// <summary>Did the visitor, or their browser, refuse what ad platforms need by default?</summary>
    internal static bool RefusesAds(Event @event) =>
        @event.Consent is { } consent && (consent.Signal is not null || ForAds.Any(category => Allowed(consent, category) == false));

    /// <summary>What is wrong with the setting; nothing when it is absent.</summary>
    internal static IEnumerable<FieldError> Check(JsonElement settings)
    {
        const string field = "settings." + Setting;
        if (!settings.TryGetProperty(Setting, out var list) || list.ValueKind == JsonValueKind.Null)
            yield break;
        var wanted = $"{string.Join(", ", Categories)}";
        if (list.ValueKind != JsonValueKind.Array)
        {
            yield return new(field, $"Must be a list of {wanted}; an empty list needs no consent.");
            yield break;
        }
        var (place, seen) = (0, new HashSet<string>(StringComparer.Ordinal));
        foreach (var category in list.EnumerateArray())
        {
            if (category.ValueKind != JsonValueKind.String || !Categories.Contains(category.GetString()))
                yield return new($"{field}[{place}]", $"Must be one of {wanted}.");
            else if (!seen.Add(category.GetString()!))
                yield return new($"{field}[{place}]", "Stands there twice.");
            if (++place > Categories.Count)
                yield break;
        }
    }

    private static bool? Allowed(Consent consent, string category) => category switch
    {
        AdUserData => consent.AdUserData,
        AdPersonalization => consent.AdPersonalization,
        AdStorage => consent.AdStorage,
        AnalyticsStorage => consent.AnalyticsStorage,
        _ => null, // a category of a later version
    };
}
