namespace ClarityTracking.Core.Attribution;

/// <summary>What the Markov model says of one key.</summary>
/// <param name="Credit">Its share of conversions and value.</param>
/// <param name="RemovalConversions">How much less likely a conversion is without it, 0..1.</param>
/// <param name="RemovalValue">How much less value is to be expected without it, 0..1.</param>
public readonly record struct MarkovCredit(Credit Credit, double RemovalConversions, double RemovalValue);

/// <summary>
/// Removal effect of an order-k Markov chain, exact: states are windows of k keys, equal neighbours collapse, a removed key's states lead
/// nowhere. The chance of a conversion is the sum over all walks, followed until less than 1e-15 of the walkers is still under way, so nothing is
/// drawn at random and nothing is cut off.
/// </summary>
public static class Markov
{
    /// <summary>Longest window.</summary>
    public const int MostOrder = 4;

    private const double Rest = 1e-15;
    private const int MostSteps = 1_000_000;

    /// <summary>Credits by key.</summary>
    /// <param name="journeys">Converted and not.</param>
    /// <param name="order">1 to <see cref="MostOrder"/>.</param>
    public static MarkovCredit[] Credits(Journeys journeys, int order) => Credits(PathSums.Of(journeys), journeys.Keys.Count, order);

    internal static MarkovCredit[] Credits(PathSums paths, int keys, int order)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(order, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(order, MostOrder);
        var chain = new Chain(paths, order);
        var all = chain.Walk(removed: -1);
        var credits = new MarkovCredit[keys];
        double effects = 0, valueEffects = 0;
        for (var key = 0; key < keys; key++)
        {
            var left = chain.Holds(key) ? chain.Walk(key) : all;
            var (effect, valueEffect) = (Effect(all.Conversions, left.Conversions), Effect(all.Value, left.Value));
            credits[key] = new MarkovCredit(default, effect, valueEffect);
            (effects, valueEffects) = (effects + effect, valueEffects + valueEffect);
        }
        for (var key = 0; key < keys; key++)
            credits[key] = credits[key] with
            {
                Credit = new Credit(Share(credits[key].RemovalConversions, effects) * chain.Conversions, Share(credits[key].RemovalValue, valueEffects) * chain.Value),
            };
        return credits;
    }

    private static double Effect(double all, double left) => all > 0 ? 1 - left / all : 0;

    private static double Share(double part, double sum) => sum > 0 ? part / sum : 0;

    /// <summary>The chain: transitions by state in one array (compressed rows), the start's apart.</summary>
    private sealed class Chain
    {
        private const int BitsPerKey = 16;
        private readonly Dictionary<ulong, int> _states = [];
        private readonly List<ulong> _codes = [];
        private readonly int[] _rows, _targets;
        private readonly double[] _chances, _converts, _values, _start;

        public Chain(PathSums paths, int order)
        {
            var moves = new Dictionary<ulong, double>();
            var (ends, converted, worth, starts) = (new List<double>(), new List<double>(), new List<double>(), new List<double>());
            for (var path = 0; path < paths.Count; path++)
            {
                var (conversions, nulls, value) = (paths.Conversions(path), paths.Nulls(path), paths.Value(path));
                var weight = conversions + nulls;
                var keys = paths[path];
                var previous = -1;
                for (var i = Math.Min(order, keys.Length); i <= keys.Length; i++)
                {
                    var state = StateOf(keys[Math.Max(0, i - order)..i], ends, converted, worth, starts);
                    if (state == previous)
                        continue;
                    if (previous < 0)
                        starts[state] += weight;
                    else
                    {
                        System.Runtime.InteropServices.CollectionsMarshal.GetValueRefOrAddDefault(moves, ((ulong)previous << 32) | (uint)state, out _) += weight;
                        ends[previous] += weight;
                    }
                    previous = state;
                }
                ends[previous] += weight;
                converted[previous] += conversions;
                worth[previous] += value;
                Conversions += conversions;
                Value += value;
            }
            var count = _codes.Count;
            _rows = new int[count + 1];
            (_targets, _chances) = (new int[moves.Count], new double[moves.Count]);
            foreach (var move in moves.Keys)
                _rows[(int)(move >> 32) + 1]++;
            for (var state = 0; state < count; state++)
                _rows[state + 1] += _rows[state];
            var next = _rows.AsSpan(0, count).ToArray();
            foreach (var (move, weight) in moves)
            {
                var from = (int)(move >> 32);
                (_targets[next[from]], _chances[next[from]++]) = ((int)(uint)move, weight / ends[from]);
            }
            _converts = new double[count];
            _values = new double[count];
            _start = new double[count];
            var all = starts.Sum();
            for (var state = 0; state < count; state++)
            {
                _converts[state] = converted[state] / ends[state];
                _values[state] = worth[state] / ends[state]; // the chance to convert from here, times the mean value of those that did
                _start[state] = starts[state] / all;
            }
        }

        public double Conversions { get; }

        public double Value { get; }

        public bool Holds(int key) => _codes.Exists(code => Holds(code, key));

        /// <summary>Chance and expected value of a conversion when the states that hold a key lead nowhere; -1 removes none.</summary>
        public Credit Walk(int removed)
        {
            var count = _start.Length;
            var isOut = new bool[count];
            if (removed >= 0)
                for (var state = 0; state < count; state++)
                    isOut[state] = Holds(_codes[state], removed);
            var (now, next) = (_start.ToArray(), new double[count]);
            double chance = 0, value = 0;
            for (var step = 0; step < MostSteps; step++)
            {
                var walking = 0.0;
                Array.Clear(next);
                for (var state = 0; state < count; state++)
                {
                    var here = now[state];
                    if (here == 0 || isOut[state])
                        continue;
                    chance += here * _converts[state];
                    value += here * _values[state];
                    for (var i = _rows[state]; i < _rows[state + 1]; i++)
                        next[_targets[i]] += here * _chances[i];
                }
                foreach (var mass in next)
                    walking += mass;
                if (walking < Rest)
                    break;
                (now, next) = (next, now);
            }
            return new Credit(chance, value);
        }

        private int StateOf(ReadOnlySpan<int> keys, List<double> ends, List<double> converted, List<double> worth, List<double> starts)
        {
            var code = 0UL;
            foreach (var key in keys)
                code = (code << BitsPerKey) | (uint)(key + 1);
            if (_states.TryGetValue(code, out var state))
                return state;
            _states[code] = state = _codes.Count;
            _codes.Add(code);
            ends.Add(0);
            converted.Add(0);
            worth.Add(0);
            starts.Add(0);
            return state;
        }

        private static bool Holds(ulong code, int key)
        {
            for (; code != 0; code >>= BitsPerKey)
                if ((int)(code & 0xFFFF) == key + 1)
                    return true;
            return false;
        }
    }
}
