using System.Collections.Concurrent;
using ClarityTracking.Core.Ingestion.Identify;
using ClarityTracking.Core.Ingestion.Store;

namespace ClarityTracking.Core.Ingestion.Validate;

/// <summary>
/// Notices a visitor who sees more pages in a minute than a person can. Counted in this process only: enough for a machine in a hurry, and no
/// event waits for it. Minutes are those of the pages themselves, so that a phone which was offline and tells all at once is none.
/// </summary>
public sealed class PageBursts
{
    /// <summary>Pages of one minute that a person can see at the very most.</summary>
    public const int MostPages = 120;

    private const int MostCounted = 500_000;
    private ConcurrentDictionary<(Guid Website, long Minute, int Visitor), int> _pages = new();
    private long _began;
    private int _counted;

    /// <summary>Counts a page.</summary>
    /// <returns>Why it looks like a bot; null = it does not.</returns>
    internal string? Verdict(EventDraft draft, IngestContext context)
    {
        // a daily id and an address stand for as many people as share a network
        if (draft.Name != "page_view" || context.Source != EventSource.Browser || draft.VisitorId is not { } who || who.StartsWith(DailyVisitor.Prefix, StringComparison.Ordinal))
            return null;
        var now = context.ReceivedAt.UtcTicks / TimeSpan.TicksPerMinute;
        if (Volatile.Read(ref _counted) >= MostCounted || now > Interlocked.Read(ref _began) + 1)
        {
            Interlocked.Exchange(ref _began, now);
            _pages = new();
            Volatile.Write(ref _counted, 0);
        }
        var key = (context.Owner.WebsiteId, draft.OccurredAt.UtcTicks / TimeSpan.TicksPerMinute, StringComparer.Ordinal.GetHashCode(who));
        var pages = _pages.AddOrUpdate(key, 1, static (_, seen) => seen + 1);
        if (pages == 1)
            Interlocked.Increment(ref _counted);
        return pages > MostPages ? $"too fast: over {MostPages} pages in a minute" : null;
    }
}
