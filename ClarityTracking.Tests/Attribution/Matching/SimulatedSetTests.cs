using System.IO.Compression;
using System.Text.Json;
using System.Text.Json.Nodes;
using ClarityTracking.Tests.Support;

namespace ClarityTracking.Tests.Attribution.Matching;

/// <summary>
/// A simulated set with known answers (bench/matching/simulate.py, seed 5150, 300 bookings; the model has not seen it), through the product's own intake. The
/// floors are what the bench measures on large sets less what 300 bookings may differ by chance (three standard errors).
/// </summary>
public sealed class SimulatedSetTests(AppFixture app) : IClassFixture<AppFixture>
{
    [Fact]
    public async Task Answers_AreAsGoodAsTheBenchSays()
    {
        var (touchpoints, bookings, truth) = (Read("touchpoints"), Read("bookings"), Read("truth").ToDictionary(t => Text(t, "booking_id")!));
        var owner = await app.RegisterAsync();
        var lines = new Dictionary<string, JsonElement>();
        foreach (var business in bookings.GroupBy(b => Text(b, "business_id")!))
        {
            var site = await MatchSite.StartAsync(app, owner);
            var events = touchpoints.Where(t => Text(t, "business_id") == business.Key).Select(Event).ToArray();
            await site.TrackAsync([.. events.Where((_, i) => i % 3 != 2)]);
            await Parallel.ForEachAsync(business, new ParallelOptions { MaxDegreeOfParallelism = 4 }, async (b, _) =>
                await site.BookAsync(Text(b, "booking_id")!, DateTimeOffset.FromUnixTimeMilliseconds(b.GetProperty("created_at").GetInt64()), Booking(b)));
            await site.TrackAsync([.. events.Where((_, i) => i % 3 == 2)]);
            foreach (var (id, line) in await site.SettledAsync(business.Count(), 240))
                lines[id] = line;
        }

        Assert.Equal(bookings.Count, lines.Count);
        var (right, named, own, brier) = (0, 0, 0, 0.0);
        foreach (var (id, line) in lines)
        {
            var answer = Text(line, "tp_id");
            var isRight = answer == Text(truth[id], "last_tp");
            right += isRight ? 1 : 0;
            named += answer is null ? 0 : 1;
            own += answer is not null && truth[id].GetProperty("touchpoints").EnumerateArray().Any(t => t.GetString() == answer) ? 1 : 0;
            brier += Math.Pow(line.GetProperty("confidence").GetDouble() - (isRight ? 1 : 0), 2) / lines.Count;
        }
        var (accuracy, person) = (right / (double)lines.Count, own / (double)named);
        Assert.True(accuracy >= .88 && person >= .97 && brier <= .1, $"accuracy {accuracy:N3}, the booker's own {person:N3}, Brier {brier:N3}");
    }

    private static object Event(JsonElement t)
    {
        var type = Text(t, "type")!;
        var click = Text(t, "click_id")?.Split('.', 2);
        var isCustom = type is "call_click" or "widget_open";
        return Known(new JsonObject
        {
            ["event_type"] = type switch { "visit" => "page_view", "platform_lead" => "lead", _ => isCustom ? "custom" : type },
            ["event_id"] = Text(t, "tp_id"),
            ["timestamp"] = t.GetProperty("ts").GetInt64(),
            ["visitor_id"] = Text(t, "visitor_id"),
            ["properties"] = Known(new JsonObject
            {
                ["event_name"] = isCustom ? type : null,
                ["source"] = type == "platform_lead" ? "platform" : null,
                ["channel"] = Text(t, "channel"),
                ["service"] = Text(t, "service"),
                ["location"] = Text(t, "location_id"),
                ["device"] = Text(t, "device"),
                ["os"] = Text(t, "os"),
                ["browser"] = Text(t, "browser"),
            }),
            ["click_ids"] = click is null ? null : new JsonObject { [click[0]] = click[1] },
            ["user"] = Known(new JsonObject { ["name"] = Text(t, "name"), ["email"] = Text(t, "email"), ["phone"] = Text(t, "phone"), ["email_sha256"] = Text(t, "email_sha256"), ["ip"] = Text(t, "ip") }),
        });
    }

    private static JsonObject Booking(JsonElement b)
    {
        var click = Text(b, "click_id")?.Split('.', 2);
        var attribution = Known(new JsonObject { ["visitor_id"] = Text(b, "visitor_id") });
        if (click is not null)
            attribution[click[0]] = click[1];
        return Known(new JsonObject
        {
            ["location"] = Text(b, "location_id"),
            ["channel"] = Text(b, "source"),
            ["items"] = new JsonArray(new JsonObject { ["id"] = Text(b, "service"), ["name"] = Text(b, "service"), ["quantity"] = 1 }),
            ["customer"] = Known(new JsonObject { ["name"] = Text(b, "name"), ["email"] = Text(b, "email"), ["phone"] = Text(b, "phone") }),
            ["attribution"] = attribution,
            ["ip"] = Text(b, "ip"),
            ["device"] = Text(b, "device"),
            ["os"] = Text(b, "os"),
            ["browser"] = Text(b, "browser"),
        });
    }

    private static JsonObject Known(JsonObject json)
    {
        foreach (var name in json.Where(m => m.Value is null).Select(m => m.Key).ToList())
            json.Remove(name);
        return json;
    }

    private static List<JsonElement> Read(string name)
    {
        using var file = new StreamReader(new GZipStream(File.OpenRead(Path.Combine(AppContext.BaseDirectory, "Attribution", "Matching", "Fixtures", $"{name}.jsonl.gz")), CompressionMode.Decompress));
        return [.. file.ReadToEnd().Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(l => JsonElement.Parse(l))];
    }

    private static string? Text(JsonElement json, string name) => json.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;
}
