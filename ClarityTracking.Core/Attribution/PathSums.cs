using System.Runtime.InteropServices;

namespace ClarityTracking.Core.Attribution;

/// <summary>
/// Equal paths, each once, with how often it converted and did not. Of a million journeys some hundred thousand paths remain, so models of whole
/// paths cost a fraction. Open addressing over the paths themselves: no object for each of them.
/// </summary>
internal sealed class PathSums
{
    private int[] _slots; // place of a path + 1; 0 = free
    private int[] _starts = new int[1025];
    private int[] _keys = new int[4096];
    private int[] _hashes = new int[1024];
    private double[] _conversions = new double[1024], _values = new double[1024], _nulls = new double[1024];

    private PathSums(int expected) => _slots = new int[(int)System.Numerics.BitOperations.RoundUpToPowerOf2((uint)Math.Max(1024, expected / 2))];

    /// <summary>How many different paths there are.</summary>
    public int Count { get; private set; }

    /// <summary>A path's keys in order.</summary>
    public ReadOnlySpan<int> this[int path] => _keys.AsSpan(_starts[path].._starts[path + 1]);

    public double Conversions(int path) => _conversions[path];

    public double Value(int path) => _values[path];

    public double Nulls(int path) => _nulls[path];

    /// <summary>Paths as they are.</summary>
    public static PathSums Of(Journeys journeys)
    {
        var sums = new PathSums(journeys.Count);
        for (var journey = 0; journey < journeys.Count; journey++)
            sums.Add(journeys.KeysOf(journey), journeys.IsConverted(journey) ? 1 : 0, journeys.ValueOf(journey), journeys.IsConverted(journey) ? 0 : 1);
        return sums;
    }

    /// <summary>Sets of keys: each once, in order of their places.</summary>
    public PathSums Sets()
    {
        var sets = new PathSums(Count);
        var buffer = new int[64];
        for (var path = 0; path < Count; path++)
        {
            var keys = this[path];
            if (keys.Length > buffer.Length)
                buffer = new int[keys.Length * 2];
            var set = buffer.AsSpan(0, keys.Length);
            keys.CopyTo(set);
            set.Sort();
            var length = 0;
            for (var i = 0; i < set.Length; i++)
                if (i == 0 || set[i] != set[i - 1])
                    set[length++] = set[i];
            sets.Add(set[..length], _conversions[path], _values[path], _nulls[path]);
        }
        return sets;
    }

    /// <summary>The place of a path; -1 when it was never seen.</summary>
    public int Find(ReadOnlySpan<int> keys)
    {
        var slot = SlotOf(keys, HashOf(keys));
        return _slots[slot] - 1;
    }

    private void Add(ReadOnlySpan<int> keys, double conversions, double value, double nulls)
    {
        var hash = HashOf(keys);
        var slot = SlotOf(keys, hash);
        var path = _slots[slot] - 1;
        if (path < 0)
        {
            path = Insert(keys, hash);
            _slots[slot] = path + 1;
            if (Count * 2 > _slots.Length)
                Grow();
        }
        _conversions[path] += conversions;
        _values[path] += value;
        _nulls[path] += nulls;
    }

    private int Insert(ReadOnlySpan<int> keys, int hash)
    {
        var (path, start) = (Count, _starts[Count]);
        if (path == _hashes.Length)
        {
            Array.Resize(ref _hashes, path * 2);
            Array.Resize(ref _conversions, path * 2);
            Array.Resize(ref _values, path * 2);
            Array.Resize(ref _nulls, path * 2);
            Array.Resize(ref _starts, path * 2 + 1);
        }
        if (start + keys.Length > _keys.Length)
            Array.Resize(ref _keys, Math.Max(_keys.Length * 2, start + keys.Length));
        keys.CopyTo(_keys.AsSpan(start));
        _hashes[path] = hash;
        _starts[path + 1] = start + keys.Length;
        Count++;
        return path;
    }

    private void Grow()
    {
        _slots = new int[_slots.Length * 2];
        for (var path = 0; path < Count; path++)
        {
            var slot = _hashes[path] & (_slots.Length - 1);
            while (_slots[slot] != 0)
                slot = (slot + 1) & (_slots.Length - 1);
            _slots[slot] = path + 1;
        }
    }

    private int SlotOf(ReadOnlySpan<int> keys, int hash)
    {
        var slot = hash & (_slots.Length - 1);
        while (_slots[slot] is > 0 and var found && !(_hashes[found - 1] == hash && this[found - 1].SequenceEqual(keys)))
            slot = (slot + 1) & (_slots.Length - 1);
        return slot;
    }

    private static int HashOf(ReadOnlySpan<int> keys)
    {
        var hash = new HashCode();
        hash.AddBytes(MemoryMarshal.AsBytes(keys));
        return hash.ToHashCode();
    }
}
