using System.Net;
using System.Text;
using System.Text.Json;
using ClarityTracking.Core.Ingestion.Collect;
using ClarityTracking.Tests.Support;

namespace ClarityTracking.Tests.Ingestion.Collect;

/// <summary>Action logs: what they translate to, and what is stored of them.</summary>
public sealed class OptimizedTests(AppFixture app) : IClassFixture<AppFixture>
{
    [Theory]
    [InlineData("""{"action_type":"enter-page","url":"https://a.example/"}""",
        """{"event_type":"page_view","visitor_id":"u1","session_id":"s1","properties":{"url":"https://a.example/"}}""")]
    [InlineData("""{"action_type":"onclick","url":"https://a.example/","element":{"tag":"A","text":"Bücher"}}""",
        """{"event_type":"click","visitor_id":"u1","session_id":"s1","properties":{"url":"https://a.example/","element":{"tag":"A","text":"Bücher"}}}""")]
    [InlineData("""{"action_type":"onsubmit","form":"f"}""",
        """{"event_type":"form_submit","visitor_id":"u1","session_id":"s1","properties":{"form":"f"}}""")]
    [InlineData("""{"action_type":"onsearch","query":"shoes"}""",
        """{"event_type":"search","visitor_id":"u1","session_id":"s1","properties":{"search_string":"shoes"}}""")]
    [InlineData("""{"action_type":"scroll-depth","depth":75}""",
        """{"event_type":"scroll","visitor_id":"u1","session_id":"s1","properties":{"depth":75}}""")]
    [InlineData("""{"action_type":"end-session"}""",
        """{"event_type":"session_end","visitor_id":"u1","session_id":"s1","properties":{}}""")]
    [InlineData("""{"action_type":"custom","name":"quiz","score":7,"query":"q"}""",
        """{"event_type":"custom","visitor_id":"u1","session_id":"s1","properties":{"event_name":"quiz","score":7,"query":"q"}}""")]
    [InlineData("""{"action_type":"identify","email":"jane@example.com","firstName":"Jane","phone":["+49301"],"plan":"pro","url":"https://a.example/"}""",
        """{"event_type":"identify","visitor_id":"u1","session_id":"s1","user":{"email":"jane@example.com","first_name":"Jane","phone":["+49301"]},"properties":{"plan":"pro","url":"https://a.example/"}}""")]
    [InlineData("""{"action_type":"onsubmit","event_id":"e1","timestamp":5,"consent":{"ad_user_data":"denied"},"click_ids":{"gclid":"G"},"user":{"email":"j@example.com"},"email":"x"}""",
        """{"event_type":"form_submit","visitor_id":"u1","session_id":"s1","event_id":"e1","timestamp":5,"consent":{"ad_user_data":"denied"},"click_ids":{"gclid":"G"},"user":{"email":"j@example.com"},"properties":{"email":"x"}}""")]
    // refused in their place by the pipeline
    [InlineData("""{"action_type":"fly"}""", """{"event_type":"action fly","visitor_id":"u1","session_id":"s1","properties":{}}""")]
    [InlineData("""{"action_type":7}""", """{"event_type":"action 7","visitor_id":"u1","session_id":"s1","properties":{}}""")]
    [InlineData("""{"url":"x"}""", """{"visitor_id":"u1","session_id":"s1","properties":{"url":"x"}}""")]
    [InlineData("5", "5")]
    public void Translate_Action_IsTheEvent(string action, string expected)
    {
        var (body, refusal) = Translate(Log(action));
        Assert.Null(refusal);
        Assert.Equal("pk_1", body.GetProperty("apiKey").GetString());
        Assert.Equal(expected, Assert.Single(body.GetProperty("events").EnumerateArray()).GetRawText());
    }

    [Theory]
    [InlineData("", "body_empty")]
    [InlineData("{", "invalid_json")]
    [InlineData("[]", "wrong_type")]
    [InlineData("{}", "actions_missing")]
    [InlineData("""{"actionLog":{}}""", "wrong_type")]
    [InlineData("""{"actionLog":[],"userObject":"u"}""", "wrong_type")]
    [InlineData("""{"actionLog":[],"customerObject":5}""", "wrong_type")]
    [InlineData("""{"actionLog":[],"userObject":{"sessionData":[]}}""", "wrong_type")]
    [InlineData("""{"actionLog":[{"action_type":"\ud800"}]}""", "invalid_text")]
    [InlineData("""{"actionLog":[{"\ud800":1}]}""", "invalid_text")]
    public void Translate_WrongBody_IsRefusedByName(string body, string code) => Assert.Equal(code, Translate(body).Refusal?.Code);

    [Fact]
    public void Translate_ActionWithTimestamp_HasTheSameIdEachTimeAndAnotherForAnother()
    {
        const string click = """{"action_type":"onclick","timestamp":"2026-11-20T10:00:00Z","element":"a"}""";
        var id = IdOf(Log(click));
        Assert.Matches("^[0-9a-f]{32}$", id);
        Assert.Equal(id, IdOf(Log(click)));
        string?[] others = [id, IdOf(Log(click.Replace("\"a\"", "\"b\"", StringComparison.Ordinal))), IdOf(Log(click.Replace("10:", "11:", StringComparison.Ordinal))), IdOf(Log(click, uuid: "u2"))];
        Assert.Equal(4, others.Distinct().Count());

        static string? IdOf(string body) => Translate(body).Body.GetProperty("events")[0].GetProperty("event_id").GetString();
    }

    [Fact]
    public async Task Optimized_Sent_IsStoredOnceHoweverOftenItComes()
    {
        var site = await app.CreateWebsiteAsync(await app.RegisterAsync());
        var now = DateTimeOffset.UtcNow;
        var body = Log($$"""{"action_type":"enter-page","timestamp":"{{now:O}}","url":"https://shop.example.com/?gclid=G1"} , {"action_type":"identify","timestamp":{{now.ToUnixTimeMilliseconds()}},"email":"jane@example.com"}""", site.PublishableKey);
        for (var time = 0; time < 2; time++)
        {
            using var answer = await PostAsync(body);
            Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
            Assert.Equal("""{"status":"success","events_processed":2}""", await answer.Content.ReadAsStringAsync());
        }
        Assert.Equal("identify,page_view", await app.ValueAsync<string>($"SELECT string_agg(name, ',' ORDER BY name) FROM events WHERE website_id = '{site.Id}'"));
        Assert.Equal("u1|s1|https://shop.example.com/?gclid=G1|G1", await app.ValueAsync<string>(
            $"SELECT visitor_id || '|' || session_id || '|' || url || '|' || (click_ids->'gclid'->>'value') FROM events WHERE website_id = '{site.Id}' AND name = 'page_view'"));
        Assert.True(await app.ValueAsync<bool>($"SELECT match_keys::text LIKE '%8c87b489%' AND events::text NOT LIKE '%jane%' FROM events WHERE website_id = '{site.Id}' AND name = 'identify'"));
    }

    [Fact]
    public async Task Optimized_SomeActionsWrong_TakesTheOthersAndNamesThem()
    {
        var site = await app.CreateWebsiteAsync(await app.RegisterAsync());
        using var answer = await PostAsync(Log("""{"action_type":"fly"} , {"action_type":"onclick"} , 5""", site.PublishableKey));
        var json = await AppFixture.JsonOf(answer);
        Assert.Equal(("success", 1), (json.GetProperty("status").GetString(), json.GetProperty("events_processed").GetInt32()));
        Assert.Equal("0 event_type_unknown,2 not_an_object",
            string.Join(',', json.GetProperty("rejected").EnumerateArray().Select(r => $"{r.GetProperty("index")} {r.GetProperty("code")}")));
        using var none = await PostAsync(Log("""{"action_type":"fly"}""", site.PublishableKey));
        Assert.Equal("no_event_taken", (await AppFixture.ProblemOf(none, 422)).GetProperty("code").GetString());
    }

    [Fact]
    public async Task Optimized_WrongRequests_AreRefusedLikeCollect()
    {
        var site = await app.CreateWebsiteAsync(await app.RegisterAsync());
        Assert.Equal("unknown_key", await RefusalOf(Log("""{"action_type":"onclick"}""", "pk_live_doesNotExist0000000000000000000"), 401));
        Assert.Equal("events_empty", await RefusalOf(Log("", site.PublishableKey), 400));
        Assert.Equal("batch_too_large", await RefusalOf(Log(string.Join(',', Enumerable.Repeat("""{"action_type":"onclick"}""", 501)), site.PublishableKey), 413));
        Assert.Equal("body_too_large", await RefusalOf(Log($$"""{"action_type":"onclick","x":"{{new string('x', 1024 * 1024)}}"} """, site.PublishableKey), 413));

        async Task<string?> RefusalOf(string body, int status)
        {
            using var answer = await PostAsync(body);
            return (await AppFixture.ProblemOf(answer, status)).GetProperty("code").GetString();
        }
    }

    [Theory]
    [InlineData("Sec-GPC", "gpc")]
    [InlineData("DNT", "dnt")]
    public async Task Optimized_PrivacySignals_AreStoredAsRefusedAds(string header, string signal)
    {
        var site = await app.CreateWebsiteAsync(await app.RegisterAsync());
        using var client = app.Anonymous();
        using var request = new HttpRequestMessage(HttpMethod.Post, "/api/v1/collect/optimized")
        {
            Content = new StringContent(Log("""{"action_type":"onclick","consent":{"ad_user_data":"granted"}}""", site.PublishableKey), Encoding.UTF8, "text/plain"),
        };
        request.Headers.Add(header, "1");
        await AppFixture.JsonOf(await client.SendAsync(request));
        Assert.Equal($"false|{signal}", await app.ValueAsync<string>($"SELECT (consent->>'ad_user_data') || '|' || (consent->>'signal') FROM events WHERE website_id = '{site.Id}'"));
    }

    private static string Log(string actions, string key = "pk_1", string uuid = "u1") =>
        $$$"""{"customerObject":{"apiKey":"{{{key}}}","website":"shop.example.com"},"userObject":{"uuid":"{{{uuid}}}","sessionData":{"id":"s1"}},"actionLog":[{{{actions}}}]}""";

    private static (JsonElement Body, RequestRefusal? Refusal) Translate(string body)
    {
        var (translated, refusal) = OptimizedRequest.Translate(Encoding.UTF8.GetBytes(body));
        return (refusal is null ? JsonDocument.Parse(translated).RootElement : default, refusal);
    }

    private async Task<HttpResponseMessage> PostAsync(string body)
    {
        using var client = app.Anonymous();
        using var content = new StringContent(body, Encoding.UTF8, "application/json");
        return await client.PostAsync("/api/v1/collect/optimized", content);
    }
}
