#:sdk Microsoft.NET.Sdk.Web
#:project ../ClarityTracking.Core
#:property PublishAot=false
#:property RestorePackagesWithLockFile=false

// Times every attribution model on journeys held in memory, and prints what share of the time each step takes.
//   dotnet run -c Release bench/attribution.cs -- [journeys.jsonl | how many to make, default 1000000] [result.json]
// A file has one journey a line: {"end":ms,"touches":[{"ts":ms,"seq":n,"channel":"…"}],"value":149.9}; value is there when it converted.
using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using ClarityTracking.Core.Attribution;

CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;
var input = args.Length > 0 ? args[0] : "1000000";
var journeys = File.Exists(input) ? Read(input) : Make(int.Parse(input, CultureInfo.InvariantCulture));
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
Console.WriteLine($"rule models together {rules:N0} ms; all models {best.Values.Sum():N0} ms; managed memory at most {GC.GetTotalAllocatedBytes() / 1048576.0:N0} MiB allocated in all, "
    + $"{Process.GetCurrentProcess().PeakWorkingSet64 / 1048576.0:N0} MiB resident at the peak");
Console.WriteLine($"ratio: Markov order 1 {best["markov_1"] / rules:N2}, order 2 {best["markov_2"] / rules:N2}, order 3 {best["markov_3"] / rules:N2} of the six rule models together");

if (args.Length > 1)
{
    var written = new JsonObject();
    foreach (var (name, _) in models)
    {
        var model = new JsonObject();
        for (var key = 0; key < journeys.Keys.Count; key++)
            model[journeys.Keys[key]] = name.StartsWith("markov", StringComparison.Ordinal)
                ? new JsonObject { ["conversions"] = results[name][key].Conversions, ["value"] = results[name][key].Value }
                : new JsonArray(results[name][key].Conversions, results[name][key].Value);
        written[name] = model;
    }
    File.WriteAllText(args[1], new JsonObject { ["models"] = written }.ToJsonString());
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

// Journeys of about three touches; some channels pull themselves again, so that paths repeat as they do in life.
static Journeys Make(int count)
{
    string[] channels = ["facebook", "google_cpc", "google_organic", "direct", "email", "tiktok", "pinterest", "youtube", "instagram", "bing_cpc", "referral", "sms"];
    var (journeys, random) = (new Journeys(), new Random(20261));
    var keys = channels.Select(c => journeys.Key(c, c == "direct")).ToArray();
    var touches = new Touch[24];
    for (var i = 0; i < count; i++)
    {
        var (length, end) = (1, 1_775_000_000_000 + random.NextInt64(260L * 86_400_000));
        while (length < touches.Length && random.NextDouble() < .66)
            length++;
        var (at, key) = (end, 0);
        for (var t = 0; t < length; t++)
        {
            key = t > 0 && random.NextDouble() < .3 ? key : Math.Min((int)(random.NextDouble() * random.NextDouble() * keys.Length), keys.Length - 1);
            at -= 1000 + (long)(-Math.Log(1 - random.NextDouble()) * 3.2 * 86_400_000);
            touches[t] = new Touch(at, length - t, keys[key], 30);
        }
        journeys.Add(touches.AsSpan(0, length), end, random.NextDouble() < .1 + .02 * length ? Math.Round(35 + random.NextDouble() * 200, 2) : null);
    }
    return journeys;
}
