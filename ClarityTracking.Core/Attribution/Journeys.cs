namespace ClarityTracking.Core.Attribution;

/// <summary>One touch of a journey, as models see it.</summary>
/// <param name="At">Milliseconds since 1970, UTC.</param>
/// <param name="Sequence">Order of arrival, for touches of one moment.</param>
/// <param name="Key">What earns the credit: a channel, a campaign or a link, as a place in <see cref="Journeys.Keys"/>.</param>
/// <param name="WindowDays">How many whole days before the conversion it may lie.</param>
/// <param name="IsDirect">A visit without a source, where the key does not say so by itself (landing pages).</param>
public readonly record struct Touch(long At, long Sequence, int Key, int WindowDays, bool IsDirect = false);

/// <summary>
/// Journeys in flat arrays, so that a million of them are read in one pass: the touches that lie inside their windows, in order, and what each journey ended in.
/// </summary>
public sealed class Journeys
{
    private const long MillisecondsPerDay = 86_400_000;
    private readonly List<string> _keys = [];
    private readonly Dictionary<string, int> _keyOf = new(StringComparer.Ordinal);
    private readonly HashSet<int> _direct = [];
    private int[] _ends = new int[16];
    private int[] _key = new int[64];
    private long[] _age = new long[64];
    private bool[] _isDirect = new bool[64];
    private double[] _value = new double[16];
    private bool[] _converted = new bool[16];

    /// <summary>Names of what earns credit.</summary>
    public IReadOnlyList<string> Keys => _keys;

    /// <summary>How many journeys have a touch inside its window.</summary>
    public int Count { get; private set; }

    /// <summary>Conversions and their value of which no touch lies inside its window: shown as a row of their own, never dropped.</summary>
    public Credit Unattributed { get; private set; }

    /// <summary>All conversions and their value.</summary>
    public Credit Total { get; private set; }

    /// <summary>The place of a key.</summary>
    /// <param name="name">Channel, campaign or link.</param>
    /// <param name="isDirect">A visit without a source: it earns last-non-direct credit only where nothing else is.</param>
    public int Key(string name, bool isDirect = false)
    {
        if (!_keyOf.TryGetValue(name, out var key))
        {
            _keyOf[name] = key = _keys.Count;
            _keys.Add(name);
        }
        if (isDirect)
            _direct.Add(key);
        return key;
    }

    /// <summary>Adds a journey.</summary>
    /// <param name="touches">In any order; sorted in place.</param>
    /// <param name="end">When it ended: the conversion, or the last look. Milliseconds since 1970, UTC.</param>
    /// <param name="value">Value of the conversion in major units; null = it did not convert.</param>
    /// <returns>Its place; -1 when no touch lies inside its window.</returns>
    public int Add(Span<Touch> touches, long end, double? value)
    {
        if (value is { } total)
            Total += new Credit(1, total);
        touches.Sort(static (a, b) => a.At != b.At ? a.At.CompareTo(b.At) : a.Sequence.CompareTo(b.Sequence));
        var start = Count == 0 ? 0 : _ends[Count - 1];
        var at = start;
        foreach (var touch in touches)
            if (IsInside(touch, end))
            {
                if (at == _key.Length)
                {
                    Array.Resize(ref _key, at * 2);
                    Array.Resize(ref _age, at * 2);
                    Array.Resize(ref _isDirect, at * 2);
                }
                (_key[at], _isDirect[at]) = (touch.Key, touch.IsDirect);
                _age[at++] = end - touch.At;
            }
        if (at == start)
        {
            Unattributed += value is { } lost ? new Credit(1, lost) : default;
            return -1;
        }
        if (Count == _ends.Length)
        {
            Array.Resize(ref _ends, Count * 2);
            Array.Resize(ref _value, Count * 2);
            Array.Resize(ref _converted, Count * 2);
        }
        (_ends[Count], _value[Count], _converted[Count]) = (at, value ?? 0, value is not null);
        return Count++;
    }

    /// <summary>
    /// The same journeys with other values, so that a model shares out something else by the same rule: kept revenue, or how many were cancelled. Its
    /// <see cref="Total"/> and <see cref="Unattributed"/> stay those of the first values.
    /// </summary>
    /// <param name="valueOf">By a journey's place.</param>
    internal Journeys Valued(Func<int, double> valueOf)
    {
        var other = (Journeys)MemberwiseClone();
        other._value = new double[Count];
        for (var journey = 0; journey < Count; journey++)
            other._value[journey] = _converted[journey] ? valueOf(journey) : 0;
        return other;
    }

    /// <summary>By whole days, floored: 31 days less a millisecond is day 30. A touch after the end is outside whatever its window.</summary>
    private static bool IsInside(Touch touch, long end) => touch.At <= end && (end - touch.At) / MillisecondsPerDay <= touch.WindowDays;

    /// <summary>Keys of a journey's touches, in order.</summary>
    internal ReadOnlySpan<int> KeysOf(int journey) => _key.AsSpan(StartOf(journey).._ends[journey]);

    /// <summary>Milliseconds from each touch to the end.</summary>
    internal ReadOnlySpan<long> AgesOf(int journey) => _age.AsSpan(StartOf(journey).._ends[journey]);

    internal bool IsConverted(int journey) => _converted[journey];

    internal double ValueOf(int journey) => _value[journey];

    /// <summary>Is this touch of a journey a visit without a source?</summary>
    internal bool IsDirect(int journey, int touch) => _isDirect[StartOf(journey) + touch] || _direct.Contains(_key[StartOf(journey) + touch]);

    private int StartOf(int journey) => journey == 0 ? 0 : _ends[journey - 1];
}

/// <summary>A share of conversions and of their value.</summary>
/// <param name="Conversions">Part of the conversions; not a whole number.</param>
/// <param name="Value">Part of the value, in major units, full precision.</param>
public readonly record struct Credit(double Conversions, double Value)
{
    public static Credit operator +(Credit a, Credit b) => new(a.Conversions + b.Conversions, a.Value + b.Value);
}
