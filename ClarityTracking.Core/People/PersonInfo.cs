namespace ClarityTracking.Core.People;

/// <summary>A person as a caller sees it: what is readable is cut short.</summary>
/// <param name="Id">Our id.</param>
/// <param name="Name">Given name and the initial of the family name; null = not known, or privacy mode.</param>
/// <param name="Email">First letter and domain.</param>
/// <param name="Phone">Last digits.</param>
/// <param name="FirstSeenAt">UTC.</param>
/// <param name="LastSeenAt">UTC.</param>
/// <param name="Conversions">How many conversions that are not cancelled, failed or refunded.</param>
/// <param name="Value">Their value less refunds, in major units of <paramref name="Currency"/>; other currencies are left out.</param>
/// <param name="Currency">The website's (ISO 4217).</param>
/// <param name="MergedFrom">How many persons became this one.</param>
public sealed record PersonInfo(Guid Id, string? Name, string? Email, string? Phone, DateTimeOffset FirstSeenAt, DateTimeOffset LastSeenAt, long Conversions, decimal Value, string Currency, int MergedFrom)
{
    /// <summary>What they are known by; null in lists.</summary>
    public IReadOnlyList<PersonIdentifier>? Identifiers { get; init; }

    /// <summary>Newest first; null in lists.</summary>
    public IReadOnlyList<PersonMerge>? Merges { get; init; }

    /// <summary>What they did, newest first, at most <see cref="PersonQueries.MostSteps"/>; null in lists.</summary>
    public IReadOnlyList<PersonStep>? Timeline { get; init; }

    /// <summary>The oldest touch in the timeline that can earn credit.</summary>
    public PersonStep? FirstTouch { get; init; }

    /// <summary>The newest one that is not direct, or the newest direct one.</summary>
    public PersonStep? LastTouch { get; init; }
}

/// <summary>One identifier.</summary>
/// <param name="Kind">What it is.</param>
/// <param name="Value">Cut short; null where only its keyed hash is kept.</param>
/// <param name="Source">Where it was first seen: <c>event</c> or <c>conversion</c>.</param>
/// <param name="FirstSeenAt">UTC.</param>
/// <param name="LastSeenAt">UTC.</param>
/// <param name="IsShared">Seen with four different people: it identifies no one any more.</param>
public sealed record PersonIdentifier(PersonIdKind Kind, string? Value, string Source, DateTimeOffset FirstSeenAt, DateTimeOffset LastSeenAt, bool IsShared);

/// <summary>Two persons became one.</summary>
/// <param name="Id">Of the merge.</param>
/// <param name="KeptId">The person that stayed.</param>
/// <param name="MergedId">The one that became part of it.</param>
/// <param name="Kind">What showed them to be one; <c>manual</c> = a member said so.</param>
/// <param name="Confidence">How far that is believed, 0..1; the order of belief, not a measured probability.</param>
/// <param name="SourceId">The event or conversion that showed it.</param>
/// <param name="MergedAt">UTC.</param>
/// <param name="UndoneAt">When it was taken back (UTC); null = it holds.</param>
public sealed record PersonMerge(Guid Id, Guid KeptId, Guid MergedId, string Kind, double Confidence, Guid? SourceId, DateTimeOffset MergedAt, DateTimeOffset? UndoneAt);

/// <summary>One thing on a person's way.</summary>
/// <param name="At">UTC.</param>
/// <param name="Type"><c>touchpoint</c>, <c>conversion</c> or <c>event</c>.</param>
/// <param name="Name">Kind of the touchpoint, kind of the conversion, name of the event.</param>
/// <param name="Id">Of the event, or of the conversion.</param>
/// <param name="Channel">Of touchpoints that can earn credit.</param>
/// <param name="Campaign">Of touchpoints.</param>
/// <param name="Detail">Page, or the conversion's number and state.</param>
/// <param name="Value">In major units; of conversions less refunds.</param>
/// <param name="Currency">ISO 4217.</param>
public sealed record PersonStep(DateTimeOffset At, string Type, string Name, Guid Id, string? Channel, string? Campaign, string? Detail, decimal? Value, string? Currency);

/// <summary>Cuts readable data short.</summary>
internal static class Masked
{
    public static string? Name(string? name)
    {
        if (string.IsNullOrEmpty(name))
            return null;
        var words = name.Split(' ');
        return words.Length == 1 ? Capital(words[0]) : $"{Capital(words[0])} {char.ToUpperInvariant(words[^1][0])}.";
    }

    public static string? Email(string? email) => email?.LastIndexOf('@') is > 0 and var at ? $"{email[0]}•••{email[at..]}" : null;

    public static string? Phone(string? phone) => phone is { Length: > 4 } ? $"••• {phone[^4..]}" : null;

    /// <summary>Of an id, its beginning: enough to tell two apart.</summary>
    public static string Id(string id) => id.Length <= 12 ? id : $"{id[..8]}…";

    private static string Capital(string word) => char.ToUpperInvariant(word[0]) + word[1..];
}
