using System.Text.Json;
using ClarityTracking.Core.Delivery;
using ClarityTracking.Core.Destinations;
using ClarityTracking.Core.Destinations.Meta;
using ClarityTracking.Core.Destinations.Pinterest;

namespace ClarityTracking.Tests.Destinations;

/// <summary>What is asked of Meta's and Pinterest's quality interfaces, and what their answers mean.</summary>
public sealed class ScoreReaderTests
{
    private static readonly MetaScores Meta = new();
    private static readonly PinterestScores Pinterest = new();

    [Fact]
    public void Meta_Request_NamesDatasetAndFieldsAndHidesTheToken()
    {
        var request = Meta.BuildRequest(Access("""{"dataset_id":"111","api_version":"v26.0"}""", """{"access_token":"EAA+token","app_secret":"s3cret"}"""));
        Assert.Equal(HttpMethod.Get, request.Method);
        Assert.Empty(request.Body);
        Assert.StartsWith("https://api.example.com/v26.0/dataset_quality?dataset_id=111&fields=web%7Bevent_name%2Cevent_match_quality%7Bcomposite_score", request.Url.AbsoluteUri, StringComparison.Ordinal);
        var shown = request.Mask(request.Url.AbsoluteUri);
        Assert.Contains("access_token=***&appsecret_proof=***", shown, StringComparison.Ordinal);
    }

    [Fact]
    public void Meta_Answer_GivesScoreKeysAndFacts()
    {
        var told = Assert.IsType<ScoreAnswer.Told>(Meta.Read(200, """
            {"web":[
              {"event_name":"Purchase","event_match_quality":{"composite_score":6.2,
                 "match_key_feedback":[{"identifier":"email","coverage":{"percentage":100},"potential_aly_acr_increase":{"percentage":4.5,"description":"More with email"}},
                                       {"identifier":"ip_address","coverage":{"percentage":87.5}}],
                 "diagnostics":[{"name":"Server sending IPv4","description":"IPv6 is better","solution":"Send IPv6","percentage":12}]},
               "event_coverage":{"percentage":62,"goal_percentage":75,"description":"d"},
               "dedupe_key_feedback":[{"dedupe_key":"event_id","browser_events_with_dedupe_key":{"percentage":99},"server_events_with_dedupe_key":{"percentage":100},
                                       "overall_browser_coverage_from_dedupe_key":{"percentage":91}}],
               "data_freshness":{"upload_frequency":"real_time","description":"fresh"},"acr":{"percentage":8.1,"description":"more"}},
              {"event_name":"Lead"},
              {"event_name":"PageView","event_match_quality":{"composite_score":"4.5"}},
              {"event_name":"Contact","event_match_quality":{"composite_score":71}}]}
            """));
        var purchase = told.Scores[0];
        Assert.Equal(("Purchase", 6.2m, "scored"), (purchase.EventName, purchase.Score, purchase.Verdict));
        Assert.Equal([new ScoreKey("em", 1), new ScoreKey("client_ip_address", .875m)], purchase.Detail.Keys);
        Assert.Equal(
        [
            ("coverage", 62m), ("coverage", 75m), ("dedup", 99m), ("dedup", 100m), ("dedup", 91m), ("freshness", null), ("additional_conversions", 8.1m),
            ("additional_conversions", 4.5m), ("trouble", (decimal?)12m),
        ], purchase.Detail.Facts.Select(f => (f.Group, f.Percent)));
        Assert.Equal("real_time", purchase.Detail.Facts.Single(f => f.Group == "freshness").Name);
        Assert.Equal(6.2m, purchase.Detail.Answer.GetProperty("event_match_quality").GetProperty("composite_score").GetDecimal());
        // no block is promised; what is none of the scale is no score
        Assert.Equal([("Lead", null, "unknown"), ("PageView", 4.5m, "scored"), ("Contact", (decimal?)null, "unknown")],
            told.Scores.Skip(1).Select(s => (s.EventName, s.Score, s.Verdict)));
    }

    [Theory]
    [InlineData("""{"web":[]}""")]
    [InlineData("""{"data":[1,2]}""")]
    [InlineData("""{"web":{"event_name":"Purchase"}}""")]
    public void Meta_AnswerWithoutScores_IsKeptAsUnknown(string body)
    {
        var score = Assert.Single(Assert.IsType<ScoreAnswer.Told>(Meta.Read(200, body)).Scores);
        Assert.Equal(("", null, "unknown", body), (score.EventName, score.Score, score.Verdict, score.Detail.Answer.GetRawText()));
    }

    [Theory]
    [InlineData(403, """{"error":{"message":"(#200) Requires ads_read","type":"OAuthException","code":200}}""", FailureKind.Credential, "ads_read")]
    [InlineData(400, """{"error":{"message":"Error validating access token","code":190}}""", FailureKind.Credential, "190")]
    [InlineData(400, """{"error":{"message":"Unsupported get request","code":100,"error_subcode":33}}""", FailureKind.Credential, "partial access to the dataset")]
    [InlineData(400, """{"error":{"message":"There have been too many calls","code":80004}}""", FailureKind.RateLimited, "too many calls")]
    [InlineData(500, """{"error":{"message":"An unknown error occurred","code":1}}""", FailureKind.Transient, "unknown error")]
    [InlineData(400, """{"error":{"message":"(#100) Tried accessing nonexisting field","code":100}}""", FailureKind.Permanent, "nonexisting field")]
    [InlineData(502, "<html>Bad gateway</html>", FailureKind.Transient, "HTTP 502")]
    [InlineData(200, "<html>Sign in</html>", FailureKind.Transient, "HTTP 200")]
    [InlineData(200, "", FailureKind.Transient, "HTTP 200")]
    public void Meta_Refusal_HasItsKindAndReason(int status, string body, FailureKind kind, string words)
    {
        var failed = Assert.IsType<ScoreAnswer.Failed>(Meta.Read(status, body));
        Assert.Equal(kind, failed.Kind);
        Assert.Contains(words, failed.Reason, StringComparison.Ordinal);
    }

    [Fact]
    public void Pinterest_Request_AsksForWebsiteEventsByServer()
    {
        var request = Pinterest.BuildRequest(Access("""{"ad_account_id":"549755885175"}""", """{"access_token":"pina_x"}"""));
        Assert.Equal((HttpMethod.Get, "https://api.example.com/v5/ad_accounts/549755885175/conversion_eqs?lookback_period=14d&source_platform=WEB&ingestion_source=CONVERSIONS_API"),
            (request.Method, request.Url.AbsoluteUri));
        Assert.Equal("Bearer pina_x", request.Headers["Authorization"]);
        Assert.Contains("pina_x", request.Secrets);
    }

    [Fact]
    public void Pinterest_Answer_GivesTheWordAndEachEventsComponents()
    {
        var told = Assert.IsType<ScoreAnswer.Told>(Pinterest.Read(200, """
            [{"overall_status":"GOOD","source_platform":"MOBILE","ingestion_source":"MMP","quality_components":{}},
             {"overall_status":"NEEDS_IMPROVEMENT","source_platform":"WEB","ingestion_source":"CONVERSIONS_API","lookback_period":"14d","quality_components":{
               "hashed_email":{"CHECKOUT":{"coverage":92.5},"PAGE_VISIT":{"coverage":4}},
               "click_id_epik":{"CHECKOUT":{"coverage":11,"issues":[{"id":"i","name":"Low coverage","reason":"Few events carry a click id."}]}},
               "external_event_id":{"CHECKOUT":{"coverage":100,"overlap":88}},
               "order_value":{"CHECKOUT":{"coverage":97}}}}]
            """));
        Assert.Equal([("", "needs_improvement"), ("checkout", "coverage_only"), ("page_visit", "coverage_only")], told.Scores.Select(s => (s.EventName, s.Verdict)));
        Assert.All(told.Scores, s => Assert.Null(s.Score));
        Assert.Equal([new ScoreKey("em", .925m), new ScoreKey("epik", .11m)], told.Scores[1].Detail.Keys);
        Assert.Equal([("trouble", null), ("dedup", 100m), ("dedup", 88m), ("coverage", (decimal?)97m)], told.Scores[1].Detail.Facts.Select(f => (f.Group, f.Percent)));
    }

    [Theory]
    [InlineData("[]")]
    [InlineData("""[{"source_platform":"MOBILE","ingestion_source":"MMP","overall_status":"GOOD"}]""")]
    [InlineData("""{"items":[]}""")]
    public void Pinterest_AnswerWithoutOurs_IsKeptAsUnknown(string body)
    {
        var score = Assert.Single(Assert.IsType<ScoreAnswer.Told>(Pinterest.Read(200, body)).Scores);
        Assert.Equal(("", "unknown", body), (score.EventName, score.Verdict, score.Detail.Answer.GetRawText()));
    }

    [Fact]
    public void Pinterest_UnknownStatus_IsUnknown() =>
        Assert.Equal("unknown", Assert.IsType<ScoreAnswer.Told>(Pinterest.Read(200, """[{"overall_status":"EXCELLENT","quality_components":null}]""")).Scores[0].Verdict);

    [Theory]
    [InlineData(401, """{"code":2,"message":"Authentication failed."}""", FailureKind.Credential, "ads:read")]
    [InlineData(403, """{"code":29,"message":"You are not permitted to access that resource."}""", FailureKind.Credential, "not permitted")]
    [InlineData(429, """{"code":8,"message":"You have exceeded your rate limit."}""", FailureKind.RateLimited, "rate limit")]
    [InlineData(500, """{"code":0,"message":"Unexpected error"}""", FailureKind.Transient, "Unexpected error")]
    [InlineData(503, "<html>", FailureKind.Transient, "HTTP 503")]
    [InlineData(200, "<html>", FailureKind.Transient, "HTTP 200")]
    public void Pinterest_Refusal_HasItsKindAndReason(int status, string body, FailureKind kind, string words)
    {
        var failed = Assert.IsType<ScoreAnswer.Failed>(Pinterest.Read(status, body));
        Assert.Equal(kind, failed.Kind);
        Assert.Contains(words, failed.Reason, StringComparison.Ordinal);
    }

    private static DestinationAccess Access(string settings, string credentials) =>
        new(new Uri("https://api.example.com"), JsonElement.Parse(settings), JsonElement.Parse(credentials));
}
