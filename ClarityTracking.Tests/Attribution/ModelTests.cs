using System.Text.Json;
using ClarityTracking.Core.Attribution;
using ClarityTracking.Tests.Vectors;

namespace ClarityTracking.Tests.Attribution;

using Journeys = ClarityTracking.Core.Attribution.Journeys; // beside the namespace of the browser's journeys

/// <summary>Every model against figures worked out elsewhere: rule models and Shapley exactly, Markov chains within a millionth.</summary>
public sealed class ModelTests
{
    private const double Tolerance = 1e-9;

    private static readonly Dictionary<string, Func<Journeys, Credit[]>> Models = new()
    {
        ["first"] = RuleModels.FirstTouch,
        ["last"] = RuleModels.LastTouch,
        ["last_non_direct"] = RuleModels.LastNonDirect,
        ["linear"] = RuleModels.Linear,
        ["position_based"] = RuleModels.PositionBased,
        ["time_decay"] = RuleModels.TimeDecay,
        ["shapley"] = Shapley.Credits,
        ["shapley_rate"] = Shapley.RateCredits,
        ["markov_1"] = j => Chain(j, 1),
        ["markov_2"] = j => Chain(j, 2),
        ["markov_3"] = j => Chain(j, 3),
    };

    public static TheoryData<string> ModelNames => [.. Models.Keys];

    [Theory, MemberData(nameof(ModelNames))]
    public void Journeys200(string model)
    {
        var journeys = Dev200(_ => 30);
        AssertCredits(VectorFile.Read("attribution/dev200/expected.json").GetProperty("models").GetProperty(model), journeys, Models[model](journeys), model.StartsWith("markov", StringComparison.Ordinal) ? 1e-6 : Tolerance);
    }

    [Theory, InlineData(1), InlineData(2), InlineData(3)]
    public void RemovalEffects(int order)
    {
        var journeys = Dev200(_ => 30);
        var credits = Markov.Credits(journeys, order);
        foreach (var expected in VectorFile.Read("attribution/dev200/expected.json").GetProperty("models").GetProperty($"markov_{order}").EnumerateObject())
        {
            var credit = credits[journeys.Key(expected.Name)];
            Assert.Equal(expected.Value.GetProperty("removal_conversions").GetDouble(), credit.RemovalConversions, Tolerance);
            Assert.Equal(expected.Value.GetProperty("removal_value").GetDouble(), credit.RemovalValue, Tolerance);
        }
    }

    public static TheoryData<string, string> WindowNames
    {
        get
        {
            var rows = new TheoryData<string, string>();
            foreach (var window in VectorFile.Read("attribution/dev200/expected.json").GetProperty("windows").EnumerateObject())
                foreach (var model in window.Value.EnumerateObject().Where(m => Models.ContainsKey(m.Name)))
                    rows.Add(window.Name, model.Name);
            return rows;
        }
    }

    [Theory, MemberData(nameof(WindowNames))]
    public void OtherWindows(string window, string model)
    {
        var links = VectorFile.Read("attribution/dev200/links.json");
        var journeys = Dev200(link => window != "per_link_else_30d" ? int.Parse(window[..^1], System.Globalization.CultureInfo.InvariantCulture)
            : link is null ? 30 : links.GetProperty(link).GetProperty("window_days").GetInt32());
        AssertCredits(VectorFile.Read("attribution/dev200/expected.json").GetProperty("windows").GetProperty(window).GetProperty(model), journeys, Models[model](journeys), Tolerance);
    }

    [Fact]
    public void LastLinkClick_UnderEachLinksOwnWindow()
    {
        var links = VectorFile.Read("attribution/dev200/links.json");
        var journeys = new Journeys();
        foreach (var journey in Lines())
        {
            var touches = journey.GetProperty("touches").EnumerateArray().Where(t => t.TryGetProperty("link", out _))
                .Select(t => new Touch(t.GetProperty("ts").GetInt64(), t.GetProperty("seq").GetInt64(), journeys.Key(t.GetProperty("link").GetString()!),
                    links.GetProperty(t.GetProperty("link").GetString()!).GetProperty("window_days").GetInt32())).ToArray();
            journeys.Add(touches, journey.GetProperty("end").GetInt64(), ValueOf(journey));
        }
        var expected = VectorFile.Read("attribution/dev200/expected.json").GetProperty("last_link_click");
        AssertCredits(expected.GetProperty("by_link"), journeys, RuleModels.LastTouch(journeys), Tolerance);
        Assert.Equal(expected.GetProperty("no_link_in_window")[0].GetDouble(), journeys.Unattributed.Conversions);
        Assert.Equal(expected.GetProperty("no_link_in_window")[1].GetDouble(), journeys.Unattributed.Value, Tolerance);
    }

    public static TheoryData<string> EdgeCases => [.. VectorFile.Read("attribution/edge_cases.json").GetProperty("journeys").EnumerateArray().Select(c => c.GetProperty("name").GetString()!)];

    [Theory, MemberData(nameof(EdgeCases))]
    public void Edges(string name)
    {
        var edge = VectorFile.Read("attribution/edge_cases.json").GetProperty("journeys").EnumerateArray().Single(c => c.GetProperty("name").GetString() == name);
        var days = edge.GetProperty("window_days").GetInt32();
        var journeys = new Journeys();
        Add(journeys, edge.GetProperty("journey"), link => link is not null && edge.TryGetProperty("links", out var links) && links.TryGetProperty(link, out var own)
            ? own.ValueKind == JsonValueKind.Object ? own.GetProperty("window_days").GetInt32() : own.GetInt32() : days);
        foreach (var model in edge.GetProperty("expected_share").EnumerateObject())
        {
            var credits = Models[model.Name](journeys);
            Assert.Equal(model.Value.EnumerateObject().Sum(s => s.Value.GetDouble()), credits.Sum(c => c.Conversions), Tolerance);
            foreach (var share in model.Value.EnumerateObject())
                Assert.Equal(share.Value.GetDouble(), credits[journeys.Key(share.Name)].Conversions, Tolerance);
        }
        if (edge.TryGetProperty("unattributed", out _))
            Assert.Equal(1, journeys.Unattributed.Conversions);
    }

    public static TheoryData<string> Chains => [.. VectorFile.Read("attribution/edge_cases.json").GetProperty("markov").EnumerateArray().Select(c => c.GetProperty("name").GetString()!)];

    [Theory, MemberData(nameof(Chains))]
    public void SmallChains(string name)
    {
        var chain = VectorFile.Read("attribution/edge_cases.json").GetProperty("markov").EnumerateArray().Single(c => c.GetProperty("name").GetString() == name);
        var journeys = new Journeys();
        foreach (var path in chain.GetProperty("paths").EnumerateArray())
        {
            var (converted, value, nulls) = (path[1].GetInt32(), path[2].GetDouble(), path[3].GetInt32());
            var touches = path[0].GetString()!.Split(" > ").Select((channel, i) => new Touch(i, i, journeys.Key(channel), 30)).ToArray();
            for (var i = 0; i < converted; i++)
                journeys.Add(touches, 1000, value / converted);
            for (var i = 0; i < nulls; i++)
                journeys.Add(touches, 1000, null);
        }
        var credits = Markov.Credits(journeys, 1);
        foreach (var expected in chain.GetProperty("markov_1").EnumerateObject())
        {
            var credit = credits[journeys.Key(expected.Name)];
            Assert.Equal(expected.Value[0].GetDouble(), credit.Credit.Conversions, Tolerance);
            Assert.Equal(expected.Value[1].GetDouble(), credit.Credit.Value, Tolerance);
            Assert.Equal(chain.GetProperty("removal").GetProperty(expected.Name).GetDouble(), credit.RemovalConversions, Tolerance);
        }
    }

    [Theory, MemberData(nameof(ModelNames))]
    public void Credits_SumToTheTotals(string model)
    {
        var journeys = Dev200(_ => 7);
        var credits = Models[model](journeys);
        Assert.Equal(journeys.Total.Conversions - journeys.Unattributed.Conversions, credits.Sum(c => c.Conversions), 1e-6);
        Assert.Equal(journeys.Total.Value - journeys.Unattributed.Value, credits.Sum(c => c.Value), 1e-6);
        var total = (decimal)Math.Round(credits.Sum(c => c.Value), 2);
        Assert.Equal(total, Cents.Split([.. credits.Select(c => c.Value)], total).Sum());
    }

    [Fact]
    public void Cents_GoToTheLargestRemainders()
    {
        Assert.Equal([33.34m, 33.33m, 33.33m], Cents.Split([100.0 / 3, 100.0 / 3, 100.0 / 3], 100m));
        Assert.Equal([0.01m, 0.00m, 0.00m], Cents.Split([.004, .003, .003], 0.01m));
        Assert.Equal([67m, 33m], Cents.Split([66.6, 33.4], 100m, decimals: 0));
        Assert.Equal([5.00m, -2.00m], Cents.Split([5, -2], 3m));
        Assert.Empty(Cents.Split([], 0m));
    }

    private static Credit[] Chain(Journeys journeys, int order) => [.. Markov.Credits(journeys, order).Select(c => c.Credit)];

    private static Journeys Dev200(Func<string?, int> windowDays)
    {
        var journeys = new Journeys();
        foreach (var journey in Lines())
            Add(journeys, journey, windowDays);
        return journeys;
    }

    private static IEnumerable<JsonElement> Lines() =>
        File.ReadLines(Path.Combine(AppContext.BaseDirectory, "Vectors", "data", "attribution", "dev200", "journeys.jsonl")).Select(line => JsonElement.Parse(line));

    private static void Add(Journeys journeys, JsonElement journey, Func<string?, int> windowDays)
    {
        var touches = journey.GetProperty("touches").EnumerateArray().Select(t => new Touch(t.GetProperty("ts").GetInt64(), t.GetProperty("seq").GetInt64(),
            journeys.Key(t.GetProperty("channel").GetString()!, t.GetProperty("channel").GetString() == "direct"), windowDays(t.Text("link")))).ToArray();
        journeys.Add(touches, journey.GetProperty("end").GetInt64(), ValueOf(journey));
    }

    private static double? ValueOf(JsonElement journey) => journey.TryGetProperty("value", out var value) ? value.GetDouble() : null;

    private static void AssertCredits(JsonElement expected, Journeys journeys, Credit[] credits, double tolerance)
    {
        foreach (var channel in expected.EnumerateObject())
        {
            var (conversions, value) = channel.Value.ValueKind == JsonValueKind.Array ? (channel.Value[0].GetDouble(), channel.Value[1].GetDouble())
                : (channel.Value.GetProperty("conversions").GetDouble(), channel.Value.GetProperty("value").GetDouble());
            Assert.Equal(conversions, credits[journeys.Key(channel.Name)].Conversions, tolerance);
            Assert.Equal(value, credits[journeys.Key(channel.Name)].Value, Math.Max(tolerance, tolerance * Math.Abs(value)));
        }
        foreach (var (key, credit) in journeys.Keys.Zip(credits).Where(k => !expected.TryGetProperty(k.First, out _)))
            Assert.True(Math.Abs(credit.Conversions) < tolerance, $"{key} has credit");
    }
}
