#:sdk Microsoft.NET.Sdk.Web
#:project ../ClarityTracking.Core
#:property PublishAot=false
#:property RestorePackagesWithLockFile=false

// Times every attribution model on journeys held in memory.
//   dotnet run -c Release bench/attribution.cs -- journeys.jsonl [journeys.jsonl …]
// A file has one journey a line: {"end":ms,"touches":[{"ts":ms,"seq":n,"channel":"…"}],"value":149.9}; value is there when it converted.
using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using ClarityTracking.Core.Attribution;

CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;
foreach (var file in args)
    Measure(Read(file));

static void Measure(Journeys journeys)
{
    Console.WriteLine($"{journeys.Count:N0} journeys with a touch in the window, {journeys.Keys.Count} channels, {journeys.Total.Conversions:N0} conversions");
    (string Name, Func<Journeys, Credit[]> Run)[] models =
    [
        ("first", RuleModels.FirstTouch), ("last", RuleModels.LastTouch), ("last_non_direct", RuleModels.LastNonDirect), ("linear", RuleModels.Linear),
        ("position_based", RuleModels.PositionBased), ("time_decay", RuleModels.TimeDecay),
        ("shapley", Shapley.Credits), ("shapley_rate", Shapley.RateCredits),
        ("markov_1", j => Chain(j, 1)), ("markov_2", j => Chain(j, 2)), ("markov_3", j => Chain(j, 3)),
    ];
    var (best, results) = (new Dictionary<string, double>(), new Dictionary<string, Credit[]>());
    foreach (var (name, run) in models)
        for (var round = 0; round < 5; round++)
        {
            var clock = Stopwatch.StartNew();
            results[name] = run(journeys);
            best[name] = Math.Min(best.GetValueOrDefault(name, double.MaxValue), clock.Elapsed.TotalMilliseconds);
        }
    foreach (var (name, _) in models)
        Console.WriteLine($"{name,-16}{best[name],10:N1} ms   {results[name].Sum(c => c.Conversions):N3} conversions given");
    var rules = models.Take(6).Sum(m => best[m.Name]);
    Console.WriteLine($"rule models together {rules:N1} ms; all models {best.Values.Sum():N1} ms; {GC.GetTotalMemory(forceFullCollection: true) / 1048576.0:N0} MiB held with the journeys, "
        + $"{Process.GetCurrentProcess().PeakWorkingSet64 / 1048576.0:N0} MiB resident at the peak");
    Console.WriteLine($"ratio: Markov order 1 {best["markov_1"] / rules:N2}, order 2 {best["markov_2"] / rules:N2}, order 3 {best["markov_3"] / rules:N2} of the six rule models together");
    GC.KeepAlive(journeys);
}

static Credit[] Chain(Journeys journeys, int order) => [.. Markov.Credits(journeys, order).Select(c => c.Credit)];

static Journeys Read(string file)
{
    var journeys = new Journeys();
    foreach (var line in File.ReadLines(file))
    {
        var journey = JsonElement.Parse(line);
        var touches = journey.GetProperty("touches").EnumerateArray().Select(t => new Touch(t.GetProperty("ts").GetInt64(), t.GetProperty("seq").GetInt64(),
            journeys.Key(t.GetProperty("channel").GetString()!, t.GetProperty("channel").GetString() == "direct"), 30)).ToArray();
        journeys.Add(touches, journey.GetProperty("end").GetInt64(), journey.TryGetProperty("value", out var value) ? value.GetDouble() : null);
    }
    return journeys;
}
