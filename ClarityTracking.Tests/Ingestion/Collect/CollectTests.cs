using System.IO.Compression;
using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json;
using ClarityTracking.Tests.Support;

namespace ClarityTracking.Tests.Ingestion.Collect;

/// <summary>The intake contract over real HTTP: what is taken, what is refused, and under which name.</summary>
public sealed class CollectTests(AppFixture app) : IClassFixture<AppFixture>, IAsyncLifetime
{
    private static NewSite? _site;
    private readonly HttpClient _http = app.Anonymous();

    public async Task InitializeAsync() => _site ??= await app.CreateWebsiteAsync(await app.RegisterAsync());

    public Task DisposeAsync()
    {
        _http.Dispose();
        return Task.CompletedTask;
    }

    [Fact]
    public async Task Collect_Event_IsInTheDatabaseWhenAnswered()
    {
        var id = NewId();
        var answer = await PostAsync($$"""{"events":[{"event_id":"{{id}}","event_type":"purchase","timestamp":"{{Now()}}","visitor_id":"v1","properties":{"value":149.9,"currency":"eur","order_id":5001} ,"user":{"email":"jane@example.com"} } ]} """);
        Assert.Equal((HttpStatusCode.Accepted, """{"accepted":1,"duplicates":0,"rejected":[]}"""), answer);
        Assert.Equal("purchase|149.9|EUR|5001|v1", await RowAsync(id, "name || '|' || value || '|' || currency || '|' || order_id || '|' || visitor_id"));
        Assert.False(await app.ValueAsync<bool>($"SELECT EXISTS (SELECT FROM events WHERE event_id = '{id}' AND (events::text LIKE '%jane%'))"));
    }

    [Fact]
    public async Task Collect_SameEventTwice_IsStoredOnceAndCountedAsDuplicate()
    {
        var id = NewId();
        var body = $$"""{"events":[{"event_id":"{{id}}","event_type":"lead"} ,{"event_id":"{{id}}","event_type":"lead"} ,{"event_id":"{{id}}","event_type":"contact"} ]} """;
        Assert.Equal((HttpStatusCode.Accepted, """{"accepted":3,"duplicates":1,"rejected":[]}"""), await PostAsync(body));
        Assert.Equal((HttpStatusCode.Accepted, """{"accepted":3,"duplicates":3,"rejected":[]}"""), await PostAsync(body));
        Assert.Equal(2, await CountAsync("events", id));
        Assert.Equal(4, await CountAsync("dropped_events", id));
    }

    [Fact]
    public async Task Collect_SameEventFromManyAtOnce_IsStoredOnce()
    {
        var id = NewId();
        var answers = await Task.WhenAll(Enumerable.Range(0, 40).Select(_ => PostAsync($$"""{"events":[{"event_id":"{{id}}","event_type":"lead"} ]} """)));
        Assert.All(answers, a => Assert.Equal(HttpStatusCode.Accepted, a.Status));
        Assert.Equal(39, answers.Count(a => a.Body.Contains("\"duplicates\":1", StringComparison.Ordinal)));
        Assert.Equal(1, await CountAsync("events", id));
    }

    [Fact]
    public async Task Collect_SameIdOnTwoWebsites_IsTwoEvents()
    {
        var other = await app.CreateWebsiteAsync(await app.RegisterAsync());
        var body = $$"""{"events":[{"event_id":"{{NewId()}}","event_type":"lead"} ]} """;
        Assert.Contains("\"duplicates\":0", (await PostAsync(body)).Body, StringComparison.Ordinal);
        Assert.Contains("\"duplicates\":0", (await PostAsync(body, key: other.PublishableKey)).Body, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("""5""", "not_an_object")]
    [InlineData("""{}""", "event_type_missing")]
    [InlineData("""{"event_type":"foo"}""", "event_type_unknown")]
    [InlineData("""{"event_type":7}""", "wrong_type")]
    [InlineData("""{"event_type":"custom"}""", "event_name_missing")]
    [InlineData("""{"event_type":"custom","properties":{"event_name":"  "}}""", "event_name_missing")]
    [InlineData("""{"event_type":"lead","properties":[]}""", "wrong_type")]
    [InlineData("""{"event_type":"lead","properties":"x"}""", "wrong_type")]
    [InlineData("""{"event_type":"lead","event_id":{}}""", "wrong_type")]
    [InlineData("""{"event_type":"lead","visitor_id":["v"]}""", "wrong_type")]
    [InlineData("""{"event_type":"lead","test":"yes"}""", "wrong_type")]
    [InlineData("""{"event_type":"lead","timestamp":true}""", "wrong_type")]
    [InlineData("""{"event_type":"lead","timestamp":"yesterday"}""", "timestamp_invalid")]
    [InlineData("""{"event_type":"lead","timestamp":"2026-11-20T10:00:00"}""", "timestamp_invalid")]
    [InlineData("""{"event_type":"lead","timestamp":1e300}""", "timestamp_invalid")]
    [InlineData("""{"event_type":"lead","timestamp":"1970-01-01T00:00:00Z"}""", "timestamp_too_old")]
    [InlineData("""{"event_type":"lead","timestamp":0}""", "timestamp_too_old")]
    [InlineData("""{"event_type":"lead","timestamp":"2100-01-01T00:00:00Z"}""", "timestamp_in_future")]
    [InlineData("""{"event_type":"lead","timestamp":"9999-12-31T00:00:00Z"}""", "timestamp_in_future")]
    [InlineData("""{"event_type":"lead","timestamp":"0001-01-02T00:00:00Z"}""", "timestamp_too_old")]
    [InlineData("""{"event_type":"purchase","properties":{"value":true}}""", "wrong_type")]
    [InlineData("""{"event_type":"lead","properties":{"n":1e131071}}""", "value_invalid")]
    [InlineData("""{"event_type":"lead","properties":{"n":[1e200000]}}""", "value_invalid")]
    [InlineData("""{"event_type":"lead","properties":{"n":-2e-31}}""", "value_invalid")]
    [InlineData("""{"event_type":"lead","properties":{"n":0.1000000000000000000000000000000000000001}}""", "value_invalid")]
    [InlineData("""{"event_type":"purchase","properties":{"value":"ten"}}""", "value_invalid")]
    [InlineData("""{"event_type":"purchase","properties":{"value":1e99}}""", "value_invalid")]
    [InlineData("""{"event_type":"purchase","properties":{"value":1e16}}""", "value_invalid")]
    [InlineData("""{"event_type":"purchase","properties":{"value":1,"currency":"EURO"}}""", "currency_invalid")]
    [InlineData("""{"event_type":"purchase","properties":{"value":1,"currency":5}}""", "wrong_type")]
    [InlineData("""{"event_type":"lead","user":"jane"}""", "wrong_type")]
    [InlineData("""{"event_type":"lead","user":{"email":{"a":1}}}""", "wrong_type")]
    [InlineData("""{"event_type":"lead","user":{"email":["1","2","3","4","5","6","7","8","9","10","11"]}}""", "properties_too_large")]
    [InlineData("""{"event_type":"lead","consent":{"ad_user_data":"maybe"}}""", "wrong_type")]
    [InlineData("""{"event_type":"lead","click_ids":{"fbclid":7}}""", "wrong_type")]
    [InlineData("""{"event_type":"lead","click_ids":{"fbclid":{"value":"x","first_seen":"soon"}}}""", "timestamp_invalid")]
    [InlineData("""{"event_type":"lead","cookies":{"fbp":[]}}""", "wrong_type")]
    [InlineData("""{"event_type":"lead","visitor_id":"a\u0000b"}""", "invalid_text")]
    [InlineData("""{"event_type":"lead","properties":{"note":"\ud800"}}""", "invalid_text")]
    [InlineData("""{"event_type":"lead","properties":{"\udfff":1}}""", "invalid_text")]
    [InlineData("""{"event_type":"lead","properties":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":1}}}}}}}}}}}}""", "properties_too_large")]
    public async Task Collect_WrongEvent_IsRefusedByNameAndTheOthersAreStored(string wrong, string code)
    {
        var (before, after) = (NewId(), NewId());
        var (status, body) = await PostAsync($$"""{"events":[{"event_id":"{{before}}","event_type":"lead"} ,{{wrong}},{"event_id":"{{after}}","event_type":"lead"} ]} """);
        Assert.Equal(HttpStatusCode.Accepted, status);
        var json = JsonDocument.Parse(body).RootElement;
        Assert.Equal(2, json.GetProperty("accepted").GetInt32());
        var rejected = Assert.Single(json.GetProperty("rejected").EnumerateArray());
        Assert.Equal((1, code), (rejected.GetProperty("index").GetInt32(), rejected.GetProperty("code").GetString()));
        Assert.EndsWith(".", rejected.GetProperty("reason").GetString(), StringComparison.Ordinal);
        Assert.Equal(2, await CountAsync("events", before) + await CountAsync("events", after));
    }

    [Theory]
    [InlineData("", 400, "body_empty")]
    [InlineData("{", 400, "invalid_json")]
    [InlineData("[]", 400, "wrong_type")]
    [InlineData("{}", 400, "events_missing")]
    [InlineData("""{"events":{}}""", 400, "wrong_type")]
    [InlineData("""{"events":[]}""", 400, "events_empty")]
    [InlineData("""{"apiKey":5,"events":[{}]}""", 400, "wrong_type")]
    [InlineData("""{"apiKey":"\ud800","events":[{}]}""", 400, "invalid_text")]
    public async Task Collect_WrongBody_IsRefusedAsAWhole(string body, int status, string code)
    {
        var answer = await PostAsync(body);
        Assert.Equal((status, code), ((int)answer.Status, CodeOf(answer.Body)));
    }

    [Fact]
    public async Task Collect_DepthBomb_IsRefused()
    {
        var bomb = """{"events":[{"event_type":"lead","properties":""" + new string('[', 50_000) + new string(']', 50_000) + "}]}";
        Assert.Equal("invalid_json", CodeOf((await PostAsync(bomb)).Body));
    }

    [Fact]
    public async Task Collect_BytesThatAreNoUtf8_AreRefused()
    {
        using var content = new ByteArrayContent([.. Encoding.UTF8.GetBytes("""{"events":[{"event_type":"lead","visitor_id":"""), (byte)'"', 0xC3, 0x28, (byte)'"', (byte)'}', (byte)']', (byte)'}']);
        Assert.Equal("invalid_utf8", CodeOf(await (await SendAsync(content)).Content.ReadAsStringAsync()));
    }

    [Theory]
    [InlineData(0, 202)]
    [InlineData(1, 413)]
    public async Task Collect_OneMebibyte_IsTheLimit(int over, int status)
    {
        var frame = """{"pad":"","events":[{"event_type":"lead"}]}""";
        var body = frame.Replace("\"pad\":\"", "\"pad\":\"" + new string('x', 1024 * 1024 - frame.Length + over), StringComparison.Ordinal);
        Assert.Equal(1024 * 1024 + over, body.Length);
        Assert.Equal(status, (int)(await PostAsync(body)).Status);
    }

    [Fact]
    public async Task Collect_SmallGzipThatUnfoldsBeyondTheLimit_IsRefused()
    {
        using var content = Gzip(new string(' ', 5 * 1024 * 1024) + "{}");
        Assert.Equal(HttpStatusCode.RequestEntityTooLarge, (await SendAsync(content)).StatusCode);
    }

    [Fact]
    public async Task Collect_GzipBeaconWithKeyInBody_IsTaken()
    {
        using var content = Gzip($$"""{"apiKey":"{{_site!.PublishableKey}}","events":[{"event_type":"lead"} ]} """);
        content.Headers.ContentType = new MediaTypeHeaderValue("text/plain");
        Assert.Equal(HttpStatusCode.Accepted, (await SendAsync(content, key: null)).StatusCode);
    }

    [Fact]
    public async Task Collect_DamagedGzip_IsRefused()
    {
        using var content = new StringContent("this is no gzip");
        content.Headers.ContentEncoding.Add("gzip");
        Assert.Equal("invalid_gzip", CodeOf(await (await SendAsync(content)).Content.ReadAsStringAsync()));
    }

    [Fact]
    public async Task Collect_MoreThan500Events_IsRefusedAsAWhole()
    {
        var events = string.Join(',', Enumerable.Repeat("""{"event_type":"lead"}""", 501));
        var answer = await PostAsync($$"""{"events":[{{events}}]} """);
        Assert.Equal((413, "batch_too_large"), ((int)answer.Status, CodeOf(answer.Body)));
    }

    [Theory]
    [InlineData("pk_live_doesNotExist0000000000000000000")]
    [InlineData("nonsense")]
    [InlineData("")]
    public async Task Collect_UnknownKey_Is401AndSaysSoInTheHeader(string key)
    {
        using var content = new StringContent("""{"events":[{"event_type":"lead"}]}""", Encoding.UTF8, "application/json");
        var answer = await SendAsync(content, key);
        Assert.Equal(HttpStatusCode.Unauthorized, answer.StatusCode);
        Assert.Equal("unknown_key", Assert.Single(answer.Headers.GetValues("X-Clarity-Refusal")));
        Assert.Equal("application/problem+json", answer.Content.Headers.ContentType!.MediaType);
    }

    [Fact]
    public async Task Collect_FromAnotherOrigin_MayBeReadByThePage()
    {
        using var preflight = new HttpRequestMessage(HttpMethod.Options, "/api/v1/collect");
        preflight.Headers.Add("Origin", "https://shop.example.com");
        preflight.Headers.Add("Access-Control-Request-Method", "POST");
        preflight.Headers.Add("Access-Control-Request-Headers", "x-api-key,content-type");
        Assert.Equal("*", Assert.Single((await _http.SendAsync(preflight)).Headers.GetValues("Access-Control-Allow-Origin")));
        using var content = new StringContent("{", Encoding.UTF8, "text/plain");
        content.Headers.Add("Origin", "https://shop.example.com");
        using var request = new HttpRequestMessage(HttpMethod.Post, "/api/v1/collect") { Content = new StringContent("{", Encoding.UTF8, "text/plain") };
        request.Headers.Add("Origin", "https://shop.example.com");
        Assert.Equal("*", Assert.Single((await _http.SendAsync(request)).Headers.GetValues("Access-Control-Allow-Origin")));
    }

    [Fact]
    public async Task Track_PublishableKey_IsRefused_SecretKeyMaySendHistoryAndOneEvent()
    {
        var id = NewId();
        var body = $$"""{"event_id":"{{id}}","event_type":"purchase","timestamp":"2020-01-01T00:00:00Z","properties":{"value":10} ,"user":{"ip":"203.0.113.5","user_agent":"Till"} } """;
        Assert.Equal(HttpStatusCode.Unauthorized, (await PostAsync(body, path: "/event/track")).Status);
        Assert.Equal(HttpStatusCode.Accepted, (await PostAsync(body, key: _site!.SecretKey, path: "/event/track")).Status);
        Assert.Equal("server|Till|USD", await RowAsync(id, "source || '|' || user_agent || '|' || currency"));
    }

    [Fact]
    public async Task Collect_SkewedClockOfTheSender_IsCorrected()
    {
        var id = NewId();
        var wrong = DateTimeOffset.UtcNow.AddDays(-300);
        await PostAsync($$"""{"sent_at":"{{wrong:O}}","events":[{"event_id":"{{id}}","event_type":"lead","timestamp":"{{wrong.AddSeconds(-30):O}}"} ]} """);
        Assert.Equal("30", await RowAsync(id, "round(extract(epoch FROM received_at - occurred_at))::text"));
    }

    [Fact]
    public async Task Collect_Secrets_AreRedactedAndClickIdsAndCampaignFound()
    {
        var id = NewId();
        await PostAsync($$"""
            {"events":[{"event_id":"{{id}}","event_type":"lead","properties":{"url":"https://shop.example.com/?fbclid=AbC%2Bd&utm_source=news+letter&token=abc&email=jane%40example.com#x",
              "password":"hunter2","card":"4111 1111 1111 1111","nested":{"access_token":"t"} ,"ms":1763000000000,"note":"ümlaut \u00e9"} } ]}
            """);
        Assert.Equal("https://shop.example.com/?fbclid=AbC%2Bd&utm_source=news+letter&token=[redacted]&email=[redacted]#x", await RowAsync(id, "url"));
        Assert.Equal("AbC+d", await RowAsync(id, "click_ids->'fbclid'->>'value'"));
        Assert.Equal("news letter", await RowAsync(id, "utm->>'source'"));
        Assert.Equal("""{"ms": 1763000000000, "card": "[redacted]", "note": "ümlaut é", "nested": {"access_token": "[redacted]"}, "password": "[redacted]"}""", await RowAsync(id, "properties::text"));
    }

    [Fact]
    public async Task Collect_GlobalPrivacyControl_IsStoredAsRefusedAds()
    {
        var id = NewId();
        using var content = new StringContent($$"""{"events":[{"event_id":"{{id}}","event_type":"lead","consent":{"ad_user_data":"granted"} } ]} """, Encoding.UTF8, "application/json");
        using var request = new HttpRequestMessage(HttpMethod.Post, "/api/v1/collect") { Content = content };
        request.Headers.Add("X-API-Key", _site!.PublishableKey);
        request.Headers.Add("Sec-GPC", "1");
        await _http.SendAsync(request);
        Assert.Equal("false|gpc", await RowAsync(id, "(consent->>'ad_user_data') || '|' || (consent->>'signal')"));
    }

    [Theory]
    [InlineData("9999-12-31T00:00:00Z", "2000-01-01T00:00:00Z", "timestamp_in_future")]
    [InlineData("2199-12-31T00:00:00Z", "1970-01-01T00:00:00Z", "timestamp_in_future")]
    [InlineData("1970-01-01T00:00:00Z", "2199-12-31T00:00:00Z", "timestamp_too_old")]
    [InlineData("2100-01-01T00:00:00Z", "9999-12-31T00:00:00Z", "timestamp_in_future")]
    public async Task Collect_ClockBeyondReason_IsRefusedByName(string timestamp, string sentAt, string code) =>
        Assert.Contains($"\"code\":\"{code}\"",
            (await PostAsync($$"""{"sent_at":"{{sentAt}}","events":[{"event_type":"lead","timestamp":"{{timestamp}}"} ]} """)).Body, StringComparison.Ordinal);

    [Fact]
    public async Task Collect_NumberAsId_IsHeldToTheTextsLength()
    {
        var before = await app.ValueAsync<long>("SELECT coalesce(max(length(event_id)), 0)::bigint FROM dropped_events");
        var (_, body) = await PostAsync($$"""{"events":[{"event_id":{{new string('7', 200_000)}},"event_type":"lead"} ]} """);
        Assert.Contains("\"code\":\"text_too_long\"", body, StringComparison.Ordinal);
        Assert.Equal(before, await app.ValueAsync<long>("SELECT coalesce(max(length(event_id)), 0)::bigint FROM dropped_events"));
    }

    [Fact]
    public async Task Collect_TestKey_MarksTheEventAsTest()
    {
        var account = await app.RegisterAsync();
        var site = await app.CreateWebsiteAsync(account);
        using var client = app.ClientFor(account);
        var key = await AppFixture.JsonOf(await client.PostAsJsonAsync($"/api/websites/{site.Id}/keys", new { kind = "publishable", isTest = true, name = "Test" }));
        var (byTestKey, byLiveKey) = (NewId(), NewId());
        await PostAsync($$"""{"events":[{"event_id":"{{byTestKey}}","event_type":"lead"} ]} """, key.GetProperty("key").GetString());
        await PostAsync($$"""{"events":[{"event_id":"{{byLiveKey}}","event_type":"lead"} ]} """, site.PublishableKey);
        Assert.Equal(("true", "false"), (await RowAsync(byTestKey, "is_test::text"), await RowAsync(byLiveKey, "is_test::text")));
    }

    [Theory]
    [InlineData("""{"card":"4111 1111 1111 1111","amex":378282246310005,"mc":"2223003122003222"}""", """{"mc": "[redacted]", "amex": "[redacted]", "card": "[redacted]"}""")]
    [InlineData("""{"ean":"4006381333931","loyalty":"9999999999999995","n":[0.0e5,1.5e3,-1e30]}""", """{"n": [0, 1500, -1000000000000000000000000000000], "ean": "4006381333931", "loyalty": "9999999999999995"}""")]
    [InlineData("""{"sku":"4111111111111111","content_ids":["4111111111111111"],"variantId":4111111111111111}""", """{"sku": "4111111111111111", "variantId": 4111111111111111, "content_ids": ["4111111111111111"]}""")]
    [InlineData("""{"p\u0061ssword":"hunter2"}""", """{"password": "[redacted]"}""")]
    public async Task Collect_Properties_LoseCardsButNotProductIds(string properties, string stored)
    {
        var id = NewId();
        await PostAsync($$"""{"events":[{"event_id":"{{id}}","event_type":"lead","properties":{{properties}}} ]} """);
        Assert.Equal(stored, await RowAsync(id, "properties::text"));
    }

    [Theory]
    [InlineData("https://a.example/cb#access_token=abc&x=1", "https://a.example/cb#access_token=[redacted]&x=1")]
    [InlineData("https://a.example/?token=t&a=1#email=jane@example.com", "https://a.example/?token=[redacted]&a=1#email=[redacted]")]
    [InlineData("https://a.example/#/cart?token=t&q=jane%40example.com", "https://a.example/#/cart?token=[redacted]&q=[redacted]")]
    [InlineData("https://a.example/?a=1#top", "https://a.example/?a=1#top")]
    public async Task Collect_Address_IsCleanedInQueryAndFragment(string address, string stored)
    {
        var id = NewId();
        await PostAsync($$"""{"events":[{"event_id":"{{id}}","event_type":"lead","properties":{"url":"{{address}}","referrer":"{{address}}"} } ]} """);
        Assert.Equal($"{stored} {stored}", await RowAsync(id, "url || ' ' || referrer"));
    }

    [Fact]
    public async Task Collect_PrivacyMode_KeepsNothingReadableAboutThePerson()
    {
        var site = await app.CreateWebsiteAsync(await app.RegisterAsync());
        await app.RunAsync($"UPDATE websites SET privacy_mode = true WHERE id = '{site.Id}'");
        var (open, closed) = (NewId(), NewId());
        const string properties = """{"customer_email":"j","plan":"pro","billing_address":{"line":"Main St 1"},"who":["jane@example.com","x"],"jane@example.com":1}""";
        await PostAsync($$"""{"events":[{"event_id":"{{open}}","event_type":"lead","properties":{{properties}}} ]} """);
        await PostAsync($$"""{"events":[{"event_id":"{{closed}}","event_type":"lead","properties":{{properties}}} ]} """, site.PublishableKey);
        Assert.Contains("Main St 1", await RowAsync(open, "properties::text"), StringComparison.Ordinal);
        Assert.Equal("""{"who": ["[redacted]", "x"], "plan": "pro", "customer_email": "[redacted]", "billing_address": "[redacted]"}""", await RowAsync(closed, "properties::text"));
    }

    private async Task<(HttpStatusCode Status, string Body)> PostAsync(string body, string? key = "site", string path = "/api/v1/collect")
    {
        using var content = new StringContent(body, Encoding.UTF8, "application/json");
        var answer = await SendAsync(content, key, path);
        return (answer.StatusCode, await answer.Content.ReadAsStringAsync());
    }

    private async Task<HttpResponseMessage> SendAsync(HttpContent content, string? key = "site", string path = "/api/v1/collect")
    {
        if (content.Headers.ContentType is null)
            content.Headers.ContentType = new MediaTypeHeaderValue("application/json");
        using var request = new HttpRequestMessage(HttpMethod.Post, path) { Content = content };
        if (key is not null)
            request.Headers.Add("X-API-Key", key == "site" ? _site!.PublishableKey : key);
        return await _http.SendAsync(request);
    }

    private Task<string> RowAsync(string eventId, string expression) => app.ValueAsync<string>($"SELECT {expression} FROM events WHERE event_id = '{eventId}'");

    private Task<long> CountAsync(string table, string eventId) => app.ValueAsync<long>($"SELECT count(*) FROM {table} WHERE event_id = '{eventId}'");

    private static StreamContent Gzip(string text)
    {
        var packed = new MemoryStream();
        using (var gzip = new GZipStream(packed, CompressionLevel.Fastest, leaveOpen: true))
            gzip.Write(Encoding.UTF8.GetBytes(text));
        packed.Position = 0;
        var content = new StreamContent(packed);
        content.Headers.ContentEncoding.Add("gzip");
        return content;
    }

    private static string? CodeOf(string body) => JsonDocument.Parse(body).RootElement.GetProperty("code").GetString();

    private static string NewId() => Guid.NewGuid().ToString("N");

    private static string Now() => DateTimeOffset.UtcNow.ToString("O");
}
