namespace ClarityTracking.Core.Health.Duplicates;

/// <summary>What two events share that makes them one, strongest first.</summary>
public enum DuplicateReason
{
    /// <summary>The same event id, after the days for which intake remembers it, or under another name of the same.</summary>
    SameId,
    /// <summary>The same order number.</summary>
    SameOrder,
    /// <summary>The same browser, name and value within the website's window.</summary>
    SameVisitorAndValue,
    /// <summary>The same person (email, phone or own id), name and value within the window.</summary>
    SamePersonAndValue,
}

/// <summary>What kind of duplicate a group is.</summary>
public enum DuplicateKind
{
    /// <summary>One name and id more than once.</summary>
    SameId,
    /// <summary>Under different ids, all by browsers or all by servers.</summary>
    DifferentIds,
    /// <summary>By a browser and a server.</summary>
    BrowserAndServer,
}

/// <summary>Events that are one.</summary>
/// <param name="Members">At least two, the one received first first.</param>
/// <param name="Reason">The strongest.</param>
internal sealed record DuplicateCluster(IReadOnlyList<ConversionPrint> Members, DuplicateReason Reason)
{
    /// <summary>What kind they are.</summary>
    public DuplicateKind Kind => Members.All(m => m.EventId == Members[0].EventId) ? DuplicateKind.SameId
        : Members.All(m => m.IsBrowsers == Members[0].IsBrowsers) ? DuplicateKind.DifferentIds : DuplicateKind.BrowserAndServer;
}

/// <summary>
/// Finds out which of some conversions are one. A pure function of the set: in which order they came makes no difference, so late and repeated looks
/// come to the same. Meant to be rather silent than wrong: whatever speaks against it (other order numbers, other persons, other items) wins.
/// </summary>
internal static class DuplicateClusters
{
    /// <summary>How far apart events with the same order number or id are still compared.</summary>
    public static readonly TimeSpan NumberWindow = TimeSpan.FromDays(8);

    /// <summary>Of events that share a key, each is compared with so many others, the nearest in time.</summary>
    private const int MostCompared = 16;

    /// <summary>The groups of two and more among the prints of a website.</summary>
    /// <param name="prints">Each event once.</param>
    /// <param name="window">For the same visitor or person and value.</param>
    public static List<DuplicateCluster> Find(IReadOnlyList<ConversionPrint> prints, TimeSpan window)
    {
        var clusters = prints.Select((print, index) => new Cluster(print, index)).ToArray();
        var edges = Pairs(prints)
            .Select(pair => (pair.A, pair.B, Reason: Compare(prints[pair.A], prints[pair.B], window)))
            .Where(e => e.Reason is not null)
            .OrderBy(e => RankOf(e.Reason!.Value, prints[e.A].IsBrowsers != prints[e.B].IsBrowsers))
            .ThenBy(e => (prints[e.A].OccurredAt - prints[e.B].OccurredAt).Duration())
            .ThenBy(e => Lower(prints[e.A], prints[e.B])).ThenBy(e => Higher(prints[e.A], prints[e.B]));
        foreach (var (a, b, reason) in edges)
        {
            var (one, other) = (clusters[a], clusters[b]);
            if (ReferenceEquals(one, other) || !one.Fits(other))
                continue;
            one.Join(other, reason!.Value);
            foreach (var member in other.Members)
                clusters[member] = one;
        }
        return [.. clusters.Distinct().Where(c => c.Members.Count > 1)
            .Select(c => new DuplicateCluster([.. c.Members.Select(m => prints[m]).OrderBy(m => m.Address.Id)], c.Reason)).OrderBy(c => c.Members[0].Address.Id)];
    }

    /// <summary>Why two events are one; null when they are not.</summary>
    public static DuplicateReason? Compare(ConversionPrint a, ConversionPrint b, TimeSpan window)
    {
        var apart = (a.OccurredAt - b.OccurredAt).Duration();
        if (a.Family != b.Family || a.Address.WebsiteId != b.Address.WebsiteId || apart > NumberWindow)
            return null;
        if (a.EventId == b.EventId)
            return DuplicateReason.SameId;
        var areOthers = AreOthers(a.Persons, b.Persons);
        if (a.Order is { } order && b.Order is { } other)
            // two shops of one website may number alike; then person and amount differ too
            return order == other && !(areOthers && a.Value != b.Value) ? DuplicateReason.SameOrder : null;
        if (apart > window || a.Value != b.Value || a.Currency != b.Currency || areOthers)
            return null;
        if (a.Value is null && a.Path is { } path && b.Path is { } otherPath && path != otherPath)
            return null; // two forms
        if (a.Source == b.Source && a.About is { } about && b.About is { } otherAbout && about != otherAbout)
            return null; // two things at one price; a shop's server may name them otherwise than its pages
        return a.Visitors.Intersect(b.Visitors).Any() ? DuplicateReason.SameVisitorAndValue
            : a.Persons.Intersect(b.Persons).Any() ? DuplicateReason.SamePersonAndValue : null;
    }

    /// <summary>No match key in common, and a kind of key that both have: two people, be it in front of one screen.</summary>
    private static bool AreOthers(IReadOnlyList<long> some, IReadOnlyList<long> others) =>
        !some.Intersect(others).Any() && some.Any(s => others.Any(o => (o & 3) == (s & 3)));

    /// <summary>Numbers first, then a browser with its server, so that two orders of one visitor find their own.</summary>
    private static int RankOf(DuplicateReason reason, bool isAcross) => reason is DuplicateReason.SameId or DuplicateReason.SameOrder ? 0 : isAcross ? 1 : 2;

    private static HashSet<(int A, int B)> Pairs(IReadOnlyList<ConversionPrint> prints)
    {
        var byKey = new Dictionary<(Guid, long), List<int>>();
        for (var i = 0; i < prints.Count; i++)
            foreach (var (key, _) in prints[i].Keys())
                if (byKey.TryGetValue((prints[i].Address.WebsiteId, key), out var sharing))
                    sharing.Add(i);
                else
                    byKey[(prints[i].Address.WebsiteId, key)] = [i];
        var pairs = new HashSet<(int, int)>();
        foreach (var sharing in byKey.Values.Where(s => s.Count > 1))
        {
            sharing.Sort((a, b) => (prints[a].OccurredAt, prints[a].Address.Id).CompareTo((prints[b].OccurredAt, prints[b].Address.Id)));
            for (var i = 0; i < sharing.Count; i++)
                for (var j = i + 1; j < sharing.Count && j <= i + MostCompared; j++)
                    pairs.Add((Math.Min(sharing[i], sharing[j]), Math.Max(sharing[i], sharing[j])));
        }
        return pairs;
    }

    private static Guid Lower(ConversionPrint a, ConversionPrint b) => a.Address.Id < b.Address.Id ? a.Address.Id : b.Address.Id;

    private static Guid Higher(ConversionPrint a, ConversionPrint b) => a.Address.Id < b.Address.Id ? b.Address.Id : a.Address.Id;

    /// <summary>Events that are one, so far.</summary>
    private sealed class Cluster(ConversionPrint first, int index)
    {
        private string? _order = first.Order;

        private readonly HashSet<long> _persons = [.. first.Persons];

        /// <summary>Places in the list.</summary>
        public List<int> Members { get; } = [index];

        public DuplicateReason Reason { get; private set; } = DuplicateReason.SamePersonAndValue;

        /// <summary>One order and one person at most.</summary>
        public bool Fits(Cluster other) =>
            (_order is null || other._order is null || _order == other._order)
            && ((_order is not null && _order == other._order) || !AreOthers([.. _persons], [.. other._persons]));

        public void Join(Cluster other, DuplicateReason reason)
        {
            Members.AddRange(other.Members);
            _persons.UnionWith(other._persons);
            _order ??= other._order;
            Reason = (DuplicateReason)Math.Min((int)reason, Math.Min((int)Reason, (int)other.Reason));
        }
    }
}
