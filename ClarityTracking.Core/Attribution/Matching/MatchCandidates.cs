using ClarityTracking.Core.People;

namespace ClarityTracking.Core.Attribution.Matching;

/// <summary>Which touchpoints are looked at for a conversion: those that share a key with it, and those that share one with those.</summary>
internal static class MatchCandidates
{
    /// <summary>Touchpoints looked at for one key, on either side of the conversion.</summary>
    public const int PerKey = 40;

    /// <summary>Touchpoints looked at of one profile.</summary>
    public const int PerProfile = 60;

    /// <summary>Keys with more touchpoints than this on one side of the conversion lead to nobody else.</summary>
    public const int MostOfCommon = 24;

    /// <summary>People of so many family names cannot share a browser, an address or a number but at a front desk.</summary>
    public const int FewestSurnames = 3;

    /// <summary>What a front desk shares.</summary>
    public static readonly KeyKind[] MayBeShared = [KeyKind.Visitor, KeyKind.Email, KeyKind.EmailLocal, KeyKind.Phone, KeyKind.PhoneEnd, KeyKind.EmailHash];

    /// <summary>What leads from a profile to others that may be the same person's.</summary>
    public static readonly KeyKind[] LeadsOn = [KeyKind.Email, KeyKind.Phone, KeyKind.EmailHash, KeyKind.Ip];

    /// <summary>Share of conversions with a value, so smoothed that a value of few conversions is neither certain nor impossible.</summary>
    public static double Share(long same, long all) => (same + .5) / (all + 100.0);
}
