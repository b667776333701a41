using System.Collections.Frozen;

namespace ClarityTracking.Core.Ingestion.Enrich;

/// <summary>URL parameters that ad platforms (and our own links) put click ids into. Spelling matters: <c>ScCid</c> is Snapchat's.</summary>
public static class ClickIdNames
{
    /// <summary>Names as they are stored, found without regard to case.</summary>
    public static readonly FrozenDictionary<string, string> All = new[]
    {
        "fbclid", "gclid", "gbraid", "wbraid", "dclid", "ttclid", "epik", "ScCid", "rdt_cid", "li_fat_id", "msclkid", "twclid",
        "ct_tracking_id", "ct_campaign_link_id",
    }.ToFrozenDictionary(name => name, name => name, StringComparer.OrdinalIgnoreCase);
}
