using System.Runtime.InteropServices;
using ClarityTracking.Core.Conversions;

namespace ClarityTracking.Core.Attribution.Reports;

/// <summary>
/// Everybody who was seen, in flat arrays: a million touches are some 40 MB. A profile is known by 64 bits of its hash; two of a million share one
/// with a chance of 3 in 100 million, and then two journeys count as one.
/// </summary>
internal sealed class People(Dictionary<Guid, Guid> merged)
{
    private readonly record struct Seen(int Who, int Key, long At, long Sequence, int WindowDays);

    private struct Person
    {
        public long LastAt;
        public bool HasConverted;
    }

    private readonly Dictionary<long, int> _profiles = [];
    private readonly Dictionary<Guid, int> _persons = [];
    private readonly List<Person> _people = [];
    private readonly List<Seen> _touches = [];
    private readonly List<(int Who, long At, bool IsNamed, bool IsLead)> _looks = [];
    private readonly List<(int Who, int Conversion)> _conversions = [];

    /// <summary>Adds something that was seen of somebody.</summary>
    /// <param name="profile">Hash of the profile.</param>
    /// <param name="person">The identified person the visitor belongs to; null = none.</param>
    /// <param name="at">Milliseconds since 1970, UTC.</param>
    /// <param name="sequence">Order of arrival.</param>
    /// <param name="key">What would earn credit; -1 = it earns none.</param>
    /// <param name="windowDays">Window of the touch.</param>
    /// <param name="isNamed">Came by something that can be named.</param>
    /// <param name="isLead">Left contact data.</param>
    public void Saw(long profile, Guid? person, long at, long sequence, int key, int windowDays, bool isNamed, bool isLead)
    {
        var who = Who(profile, person);
        ref var one = ref CollectionsMarshal.AsSpan(_people)[who];
        one.LastAt = Math.Max(one.LastAt, at);
        _looks.Add((who, at, isNamed, isLead));
        if (key >= 0)
            _touches.Add(new Seen(who, key, at, sequence, windowDays));
    }

    /// <summary>Somebody converted.</summary>
    /// <param name="conversion">Its place among the period's; -1 = not in the period.</param>
    /// <param name="person">Whose it is.</param>
    /// <param name="profile">Hash of the visitor or profile it came by.</param>
    /// <param name="personOfProfile">The person that one belongs to.</param>
    public void Converted(int conversion, Guid? person, long? profile, Guid? personOfProfile)
    {
        foreach (var who in (int[])[person is { } id ? Who(0, id) : -1, profile is { } hash ? Who(hash, personOfProfile) : -1])
            if (who >= 0)
            {
                CollectionsMarshal.AsSpan(_people)[who].HasConverted = true;
                if (conversion >= 0)
                    _conversions.Add((who, conversion));
            }
    }

    /// <summary>Adds the journeys that ended in the period without a conversion. Each ends with the last that was seen of the person.</summary>
    /// <returns>How many have a touch in its window.</returns>
    public long AddNulls(Journeys journeys, int[] places, AttributionAsk ask)
    {
        var (from, to) = (ask.From.ToUnixTimeMilliseconds(), ask.To.ToUnixTimeMilliseconds());
        var people = CollectionsMarshal.AsSpan(_people);
        // touches by person: counted, then laid side by side
        var starts = new int[people.Length + 1];
        foreach (ref readonly var touch in CollectionsMarshal.AsSpan(_touches))
            starts[touch.Who + 1]++;
        for (var who = 0; who < people.Length; who++)
            starts[who + 1] += starts[who];
        var sorted = new Touch[_touches.Count];
        var next = starts.AsSpan(0, people.Length).ToArray();
        foreach (ref readonly var touch in CollectionsMarshal.AsSpan(_touches))
            sorted[next[touch.Who]++] = new Touch(touch.At, touch.Sequence, places[touch.Key], touch.WindowDays);
        long nulls = 0;
        for (var who = 0; who < people.Length; who++)
            if (!people[who].HasConverted && people[who].LastAt >= from && people[who].LastAt < to && starts[who] < starts[who + 1]
                && journeys.Add(sorted.AsSpan(starts[who]..starts[who + 1]), people[who].LastAt, null) >= 0)
                nulls++;
        return nulls;
    }

    /// <summary>How far the people of the period came: of who was seen in it, or converted in it and was ever seen.</summary>
    public PeopleCounts Counts(AttributionAsk ask, List<ConversionFact> conversions)
    {
        const byte Seen = 1, Named = 2, Lead = 4, Booked = 8, Completed = 16, Converted = 32;
        var (from, to) = (ask.From.ToUnixTimeMilliseconds(), ask.To.ToUnixTimeMilliseconds());
        var stages = new byte[_people.Count];
        foreach (var (who, conversion) in _conversions)
            stages[who] |= (byte)(Converted | Lead | (conversions[conversion].Kind == ConversionKind.Lead ? 0 : Booked) | (IsCompleted(conversions[conversion]) ? Completed : 0));
        foreach (ref readonly var look in CollectionsMarshal.AsSpan(_looks))
            if ((look.At >= from && look.At < to) || (stages[look.Who] & Converted) > 0)
                stages[look.Who] |= (byte)(Seen | (look.IsNamed ? Named : 0) | (look.IsLead ? Lead : 0));
        return new PeopleCounts(Reached(Seen), Reached(Seen | Named), Reached(Seen | Named | Lead), Reached(Seen | Named | Lead | Booked), Reached(Seen | Named | Lead | Booked | Completed));

        long Reached(int all) => stages.LongCount(stage => (stage & all) == all);
    }

    private static bool IsCompleted(ConversionFact c) => c.IsKept && (c.Status == ConversionStatus.Completed || (c.Status == ConversionStatus.Paid && c.Kind is not (ConversionKind.Booking or ConversionKind.Lead)));

    private int Who(long profile, Guid? person)
    {
        if (person is { } id)
        {
            for (var step = 0; step < 100 && merged.TryGetValue(id, out var into); step++)
                id = into;
            ref var place = ref CollectionsMarshal.GetValueRefOrAddDefault(_persons, id, out var isKnown);
            return isKnown ? place : place = New();
        }
        ref var own = ref CollectionsMarshal.GetValueRefOrAddDefault(_profiles, profile, out var isSeen);
        return isSeen ? own : own = New();
    }

    private int New()
    {
        _people.Add(default);
        return _people.Count - 1;
    }
}
