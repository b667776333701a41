namespace ClarityTracking.Core.Health.Ledger;

/// <summary>Adds conversions up by where they stand.</summary>
internal sealed class LedgerTally(string currency)
{
    private readonly Dictionary<LedgerState, SortedDictionary<string, long>> _causes = [];
    private readonly Dictionary<(LedgerState State, string Cause), long> _losses = [];
    private readonly long[] _weights = new long[5];
    private readonly decimal[] _values = new decimal[5];
    private long _conversions;

    public bool IsEmpty => _conversions == 0;

    public void Add(LedgerConversion conversion, LedgerVerdict verdict)
    {
        _conversions++;
        _weights[(int)verdict.Weight]++;
        if (conversion.Value is { } value && conversion.Currency == currency)
            _values[(int)verdict.Weight] += value;
        if (!_causes.TryGetValue(verdict.State, out var causes))
            _causes[verdict.State] = causes = new SortedDictionary<string, long>(StringComparer.Ordinal);
        var cause = verdict.Cause ?? "";
        causes[cause] = causes.GetValueOrDefault(cause) + 1;
        if (verdict.Weight == LedgerWeight.Loss)
            _losses[(verdict.State, cause)] = _losses.GetValueOrDefault((verdict.State, cause)) + 1;
    }

    public LedgerSums Sums()
    {
        var expected = _conversions - Count(LedgerWeight.None);
        return new LedgerSums(_conversions, expected, _values.Sum() - Value(LedgerWeight.None), Count(LedgerWeight.Hit), Value(LedgerWeight.Hit), Count(LedgerWeight.Right), Count(LedgerWeight.Open),
            Count(LedgerWeight.Loss), Value(LedgerWeight.Loss), LedgerRule.Accuracy(expected, Count(LedgerWeight.Hit), Count(LedgerWeight.Right), Count(LedgerWeight.Open)),
            Causes(LedgerState.Ignored), Causes(LedgerState.Failed), Causes(LedgerState.Missing),
            Causes(LedgerState.Pending).Concat(Causes(LedgerState.Retrying)).GroupBy(c => c.Key).ToDictionary(g => g.Key, g => g.Sum(c => c.Value)),
            Causes(LedgerState.NotExpected).Values.Sum(), Causes(LedgerState.Unknown).Values.Sum(),
            [.. _losses.Select(l => new LedgerLoss(l.Key.State, l.Key.Cause, l.Value)).OrderByDescending(l => l.Conversions).ThenBy(l => l.State).ThenBy(l => l.Cause, StringComparer.Ordinal)]);
    }

    private long Count(LedgerWeight weight) => _weights[(int)weight];

    private decimal Value(LedgerWeight weight) => _values[(int)weight];

    private IReadOnlyDictionary<string, long> Causes(LedgerState state) => _causes.TryGetValue(state, out var causes) ? causes : new Dictionary<string, long>();
}
