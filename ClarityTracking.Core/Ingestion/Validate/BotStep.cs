using ClarityTracking.Core.Ingestion.Store;

namespace ClarityTracking.Core.Ingestion.Validate;

/// <summary>Marks what looks like a bot. Never dropped silently: it is stored with the reason, and delivered nowhere.</summary>
internal static class BotStep
{
    public static Drop? Read(EventDraft draft, IngestContext context)
    {
        if (context.Source == EventSource.Browser)
            draft.BotReason = BotVerdict.Of(draft.UserAgent, context.Purpose, draft.Referrer);
        return null;
    }
}
