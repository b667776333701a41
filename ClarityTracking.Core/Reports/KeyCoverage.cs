using ClarityTracking.Core.Health;
using ClarityTracking.Core.Ingestion.Store;

namespace ClarityTracking.Core.Reports;

/// <summary>Which match keys an event carries, in the names that coverage is counted and shown under.</summary>
public static class KeyCoverage
{
    /// <summary>Every hashed key and click id, and what <see cref="MatchQuality"/> makes of them together; each name once.</summary>
    public static IEnumerable<string> KeysOf(Event stored) =>
        stored.MatchKeys.Names.Concat(stored.ClickIds.Keys).Union(MatchQuality.KeysOf(stored));
}
