namespace ClarityTracking.Core.Ingestion.Identify;

/// <summary>Hashes what is known of the person, so that from here on nothing readable is needed.</summary>
internal static class MatchKeyStep
{
    public static Drop? Read(EventDraft draft, IngestContext context)
    {
        if (draft.User.IsEmpty)
            return null;
        draft.MatchKeys = MatchKeyHasher.Hash(draft.User, context.Owner.DefaultCountry);
        draft.PhoneLacksCountry = PhoneRule.AllLackCountry(draft.User, context.Owner.DefaultCountry);
        return null;
    }
}
