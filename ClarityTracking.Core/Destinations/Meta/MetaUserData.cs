using ClarityTracking.Core.Ingestion.Identify;
using ClarityTracking.Core.Ingestion.Store;

namespace ClarityTracking.Core.Destinations.Meta;

/// <summary>Which customer information an event has, and whether Meta would find it too broad.</summary>
static class MetaUserData
{
    [Flags]
    enum Has
    {
        Nothing = 0,
        Place = 1,          // city, state, zip, country
        Gender = 2,
        UserAgent = 4,
        DateOfBirth = 8,
        FirstName = 16,
        LastName = 32,
        Person = 64,        // anything that alone can point to one person
    }

    /// <summary>Combinations Meta refuses, with all that is part of them (Conversions API best practices, 2026-09-12).</summary>
    static readonly Has[] TooBroad =
        [Has.Place | Has.Gender | Has.UserAgent, Has.DateOfBirth | Has.UserAgent, Has.FirstName | Has.Gender, Has.LastName | Has.Gender];

    internal static bool IsTooBroad(Event @event)
    {
        var has = Of(@event);
        foreach (var combination in TooBroad)
            if ((has & ~combination) == Has.Nothing)
                return true;
        return false;
    }

    static Has Of(Event @event)
    {
        var keys = @event.MatchKeys;
        if (keys.Has(MatchKeyNames.Email) || keys.Has(MatchKeyNames.Phone) || keys.Has(MatchKeyNames.ExternalId)
            || @event.PublicIp is not null || MetaBrowserIds.BrowserId(@event) is not null || MetaBrowserIds.ClickId(@event) is not null)
            return Has.Person;
        return (keys.Has(MatchKeyNames.City) || keys.Has(MatchKeyNames.State) || keys.Has(MatchKeyNames.Zip) || keys.Has(MatchKeyNames.Country)
                ? Has.Place : Has.Nothing)
            | (keys.Has(MatchKeyNames.Gender) ? Has.Gender : Has.Nothing)
            | (string.IsNullOrEmpty(@event.UserAgent) ? Has.Nothing : Has.UserAgent)
            | (keys.Has(MatchKeyNames.DateOfBirth) ? Has.DateOfBirth : Has.Nothing)
            | (keys.Has(MatchKeyNames.FirstName) ? Has.FirstName : Has.Nothing)
            | (keys.Has(MatchKeyNames.LastName) ? Has.LastName : Has.Nothing);
    }
}
