namespace ClarityTracking.Core.People;

/// <summary>An identifier and the person it was first seen with.</summary>
internal sealed class KnownToken(Guid personId, HashSet<Guid> others, DateTimeOffset first, DateTimeOffset last)
{
    public Guid PersonId { get; } = personId;
    public HashSet<Guid> Others { get; } = others;
    public DateTimeOffset FirstSeen { get; } = first;
    public DateTimeOffset LastSeen { get; set; } = last;
    public string? Source { get; init; } // of new ones
    public bool IsChanged { get; set; }

    /// <summary>Seen with four different people: a front desk's browser, a number that everybody leaves. It identifies no one.</summary>
    public bool IsShared => Others.Count >= PersonGraph.MostOthers;
}

/// <summary>A person as it is stored; merged ones keep their rows.</summary>
internal sealed class KnownPerson(Guid id, Guid? mergedInto, DateTimeOffset createdAt, DateTimeOffset lastSeen, PersonShown shown)
{
    public Guid Id { get; } = id;
    public Guid? MergedInto { get; set; } = mergedInto;
    public DateTimeOffset CreatedAt { get; } = createdAt;
    public DateTimeOffset LastSeen { get; set; } = lastSeen;
    public PersonShown Shown { get; set; } = shown;
    public int[] Counts { get; } = new int[5];
    public bool IsNew { get; init; }
    public bool IsChanged { get; set; }
}

/// <summary>Two persons became one.</summary>
internal sealed record NewMerge(Guid KeptId, Guid MergedId, PersonIdKind Kind, Guid SourceId);

/// <summary>
/// Who is who on one website, as far as some sightings touch it: identifiers that were seen together belong to one person, held back by the rules of
/// docs/identity.md. In memory and pure; <see cref="PersonWriter"/> loads and stores it.
/// </summary>
internal sealed class PersonGraph
{
    /// <summary>With one more person than these, an identifier belongs to none.</summary>
    public const int MostOthers = 3;

    /// <summary>Most of a kind that one person has; of browsers and clicks any number.</summary>
    private static readonly int[] Most = [1, 5, 5, int.MaxValue, int.MaxValue];

    public Dictionary<PersonToken, KnownToken> Tokens { get; } = [];
    public Dictionary<Guid, KnownPerson> Persons { get; } = [];

    /// <summary>Pairs that were taken apart again, with the surest evidence that is not believed any more; -1 = a member's word, which no evidence beats.</summary>
    public Dictionary<(Guid, Guid), int> Undone { get; } = [];
    public List<NewMerge> Merges { get; } = [];

    /// <summary>Takes in one sighting.</summary>
    /// <returns>Whose it is: the person its surest identifier was first seen with, which may be merged into another; null = nobody is named.</returns>
    public Guid? Take(Sighting sighting)
    {
        var tokens = sighting.Tokens.Where(t => !(Tokens.TryGetValue(t, out var known) && known.IsShared)).OrderBy(t => t.Kind).ToList();
        if (!tokens.Exists(t => t.IsStrong))
            return tokens.Select(Tokens.GetValueOrDefault).FirstOrDefault(k => k is not null)?.PersonId;
        Guid? root;
        while ((root = Join(tokens, sighting)) is { } person && IsOver(person, tokens) && tokens.Count > 1)
            tokens.RemoveAt(tokens.Count - 1); // the weakest; what is left may name somebody else
        if (root is { } full && IsOver(full, tokens))
            return null;
        var owner = tokens.Select(Tokens.GetValueOrDefault).FirstOrDefault(k => k is not null)?.PersonId ?? NewPerson(sighting).Id;
        Remember(sighting, tokens, Persons[owner]);
        return owner;
    }

    /// <summary>The person that a merged one became; where that one is gone, the last that is left.</summary>
    public Guid RootOf(Guid id)
    {
        while (Persons.TryGetValue(id, out var person) && person.MergedInto is { } into && Persons.ContainsKey(into))
            id = into;
        return id;
    }

    /// <summary>
    /// The one person of these identifiers: those that know different ones merge them where the rules allow, and are left out where not.
    /// Null = none of them is known.
    /// </summary>
    private Guid? Join(List<PersonToken> tokens, Sighting sighting)
    {
        Guid? root = null;
        foreach (var token in tokens.ToList())
        {
            if (!Tokens.TryGetValue(token, out var known))
                continue;
            var theirs = RootOf(known.PersonId);
            if (root is null && MayAdopt(theirs, token.Kind, tokens, sighting))
                root = theirs;
            else if (root is { } mine && mine != theirs && MayMerge(mine, theirs, token.Kind, sighting))
                root = Merge(mine, theirs, token.Kind, sighting);
            else if (root != theirs)
                tokens.Remove(token);
        }
        return root;
    }

    /// <summary>
    /// May what is new in a sighting be added to the person that its surest known identifier names? A browser that somebody else gives another address in is a
    /// family's, and a number under another given name too.
    /// </summary>
    private bool MayAdopt(Guid root, PersonIdKind kind, List<PersonToken> tokens, Sighting sighting)
    {
        if (kind <= PersonIdKind.Email)
            return true;
        if (!AreAlike(ShownOf(root).Name, sighting.Shown.Name))
            return false;
        return kind == PersonIdKind.Phone || !tokens.Exists(t => t.IsStrong && CountOf(root, t.Kind) > 0);
    }

    private bool MayMerge(Guid a, Guid b, PersonIdKind kind, Sighting sighting)
    {
        for (var k = PersonIdKind.External; k <= PersonIdKind.Phone; k++)
            if (CountOf(a, k) + CountOf(b, k) > Most[(int)k])
                return false;
        if (IsUndone(a, b, kind))
            return false;
        if (kind <= PersonIdKind.Email)
            return true;
        var (one, other) = (ShownOf(a).Name ?? sighting.Shown.Name, ShownOf(b).Name);
        return AreAlike(one, other) && AreAlike(sighting.Shown.Name, other)
            && (kind == PersonIdKind.Phone || Enumerable.Range(0, 3).All(k => CountOf(a, (PersonIdKind)k) == 0 || CountOf(b, (PersonIdKind)k) == 0));
    }

    private bool IsUndone(Guid a, Guid b, PersonIdKind kind)
    {
        var (these, those) = (GroupOf(a).ToList(), GroupOf(b).ToList());
        return Undone.Any(u => (int)kind >= u.Value && ((these.Contains(u.Key.Item1) && those.Contains(u.Key.Item2)) || (these.Contains(u.Key.Item2) && those.Contains(u.Key.Item1))));
    }

    private Guid Merge(Guid a, Guid b, PersonIdKind kind, Sighting sighting)
    {
        var (kept, merged) = a.CompareTo(b) < 0 ? (a, b) : (b, a); // the older one
        Persons[merged].MergedInto = kept;
        Persons[merged].IsChanged = true;
        Merges.Add(new NewMerge(kept, merged, kind, sighting.SourceId));
        return kept;
    }

    private bool IsOver(Guid root, List<PersonToken> tokens)
    {
        for (var k = PersonIdKind.External; k <= PersonIdKind.Phone; k++)
            if (tokens.Count(t => t.Kind == k && t.IsCounted && !Tokens.ContainsKey(t)) is > 0 and var more && CountOf(root, k) + more > Most[(int)k])
                return true;
        return false;
    }

    private KnownPerson NewPerson(Sighting sighting)
    {
        var person = new KnownPerson(Guid.CreateVersion7(sighting.At < DateTimeOffset.UnixEpoch ? DateTimeOffset.UnixEpoch : sighting.At), null, sighting.At, sighting.At, PersonShown.Nothing) { IsNew = true };
        Persons[person.Id] = person;
        return person;
    }

    private void Remember(Sighting sighting, List<PersonToken> tokens, KnownPerson owner)
    {
        var root = RootOf(owner.Id);
        foreach (var token in sighting.Tokens)
        {
            if (!Tokens.TryGetValue(token, out var known))
            {
                if (!tokens.Contains(token))
                    continue;
                Tokens[token] = new KnownToken(owner.Id, [], sighting.At, sighting.At) { Source = sighting.Source };
                if (token.IsCounted)
                    owner.Counts[(int)token.Kind]++;
                continue;
            }
            if (!known.IsShared && RootOf(known.PersonId) != root && known.Others.Add(root))
                known.IsChanged = true;
            if (sighting.At > known.LastSeen)
                (known.LastSeen, known.IsChanged) = (sighting.At, true);
        }
        // what stays with another person is not shown of this one, also when the two are taken apart again
        var told = sighting.Shown with { Email = IsOwn(PersonIdKind.Email) ? sighting.Shown.Email : null, Phone = IsOwn(PersonIdKind.Phone) ? sighting.Shown.Phone : null };
        var isNewest = sighting.At >= owner.LastSeen;
        var shown = isNewest ? told.Over(owner.Shown) : owner.Shown.Over(told);
        owner.IsChanged |= shown != owner.Shown || isNewest;
        owner.Shown = shown;
        foreach (var seen in new[] { owner, Persons[root] })
            if (sighting.At > seen.LastSeen)
                (seen.LastSeen, seen.IsChanged) = (sighting.At, true);

        bool IsOwn(PersonIdKind kind) => Tokens.TryGetValue(sighting.Tokens.FirstOrDefault(t => t.Kind == kind && t.IsCounted), out var known) && known.PersonId == owner.Id;
    }

    private IEnumerable<Guid> GroupOf(Guid root) => Persons.Keys.Where(id => RootOf(id) == root);

    private int CountOf(Guid root, PersonIdKind kind) => GroupOf(root).Sum(id => Persons[id].Counts[(int)kind]);

    private PersonShown ShownOf(Guid root) => GroupOf(root).Where(id => id != root).Aggregate(Persons[root].Shown, (shown, id) => shown.Over(Persons[id].Shown));

    /// <summary>Two given names that may be one person's: the same, a short form, an initial; or one of them is not known.</summary>
    internal static bool AreAlike(string? name, string? other)
    {
        if (name is null || other is null)
            return true;
        var (given, theirs) = (IdentityText.Given(name), IdentityText.Given(other));
        return given == theirs || ((given.Length == 1 || theirs.Length == 1) && given[0] == theirs[0]) || Nicknames.FullNames(given).Intersect(Nicknames.FullNames(theirs)).Any();
    }
}
