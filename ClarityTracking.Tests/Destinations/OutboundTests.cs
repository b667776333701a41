using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using ClarityTracking.Core.Delivery;
using ClarityTracking.Core.Destinations;
using ClarityTracking.Core.Destinations.GoogleSheets;
using ClarityTracking.Core.Destinations.Supabase;
using ClarityTracking.Core.Destinations.Tinybird;
using ClarityTracking.Core.Destinations.Webhook;
using ClarityTracking.Core.Ingestion.Store;
using ClarityTracking.Core.Reports;
using ClarityTracking.Tests.Destinations.Meta;
using ClarityTracking.Tests.Vectors;

namespace ClarityTracking.Tests.Destinations;

/// <summary>The customer's own systems: what goes there, how it is signed and framed, what answers and settings mean.</summary>
public sealed class OutboundTests
{
    static readonly JsonElement NoSettings = JsonElement.Parse("{}");
    static readonly WebhookDestination Webhook = new();
    static readonly TinybirdDestination Tinybird = new();
    static readonly SupabaseDestination Supabase = new();
    static readonly GoogleSheetsDestination Sheets = new();

    public static TheoryData<string> Platforms => ["webhook", "tinybird", "supabase", "google_sheets"];

    static IDestination Of(string platform) => ((IDestination[])[Webhook, Tinybird, Supabase, Sheets]).Single(d => d.Info.Platform == platform);

    [Theory]
    [MemberData(nameof(Platforms))]
    public void Outbound_AnyEvent_GoesWithoutReadablePersonalData(string platform)
    {
        var @event = new MetaEvents
        {
            Name = "scroll",
            IsTest = true,
            OccurredAt = MetaEvents.Now.AddYears(-3),
            Url = "https://shop.example.com/?email=jane.doe%40example.com",
            User = new() { Email = ["jane.doe@example.com"], FirstName = "Jane", LastName = "Doe" },
            Consent = new Consent(false, false, false, null, "gpc"),
            Properties = """{"customer":{"id":7,"mail":"jane.doe@example.com"},"name":"Jane Doe","notes":"Jane","list":["jane.doe@example.com",1],"deep":{"x":"+1 650 555 1212","first_name":"Jane","ok":true},"items":[{"id":"1","name":"Shirt"}]}""",
        }.Build();
        var destination = Of(platform);
        Assert.False(destination.Info.IsForAds);
        Assert.Null(destination.ReasonToSkip(@event, NoSettings, MetaEvents.Now));
        var sent = Encoding.UTF8.GetString(destination.Map(@event, NoSettings));
        foreach (var personal in (string[])["jane", "doe", "650", "203.0.113"])
            Assert.DoesNotContain(personal, sent, StringComparison.OrdinalIgnoreCase);
        if (platform != "google_sheets")
            Assert.Contains("""{"list":[null,1],"deep":{"ok":true},"items":[{"id":"1","name":"Shirt"}]}""", sent, StringComparison.Ordinal);
    }

    [Theory]
    [MemberData(nameof(Platforms))]
    public void Outbound_EventNames_RenameAndStop(string platform)
    {
        var settings = JsonElement.Parse("""{"events":{"purchase":"order.paid","scroll":false}}""");
        Assert.Contains("\"order.paid\"", Encoding.UTF8.GetString(Of(platform).Map(new MetaEvents().Build(), settings)), StringComparison.Ordinal);
        Assert.NotNull(Of(platform).ReasonToSkip(new MetaEvents { Name = "scroll" }.Build(), settings, MetaEvents.Now));
    }

    // ---- Webhook

    /// <summary>Known answer of the generic sender's vectors: the bytes behind whsec_ sign id, time and body.</summary>
    [Theory]
    [InlineData("""{"type":"booking.created","timestamp":"2026-11-20T09:00:00+01:00","data":{"booking_id":"BK-1","value":"38.50"}}""", "v1,W/jfhgHGLcBkZnqB7HsGC2Ooi9VdAjJLCyYDenw2w+8=")]
    public void Webhook_Signature_IsTheKnownAnswer(string body, string expected)
    {
        var key = WebhookSettings.Key(JsonElement.Parse("""{"secret":"whsec_rTa7f4Xi6DxwipgCkU0BMzexw3L+TDqnY+Jb0MvTbTQ="}"""));
        Assert.Equal(expected, StandardWebhook.Signature(key, "msg_xMawzCRaXeT33V2Ah46Iq4y6U3", 1795161600, Encoding.UTF8.GetBytes(body)));
    }

    [Fact]
    public void Webhook_Retry_HasTheSameIdAndAFreshSignature()
    {
        var settings = JsonElement.Parse("""{"url":"https://hooks.example.com/x?y=1"}""");
        var access = new DestinationAccess(Webhook.Info.DefaultBaseUrl, settings, JsonElement.Parse("""{"secret":"whsec_rTa7f4Xi6DxwipgCkU0BMzexw3L+TDqnY+Jb0MvTbTQ="}"""), MetaEvents.Now);
        var payload = Webhook.Map(new MetaEvents { EventId = "a.b c" }.Build(), settings);
        var (first, second) = (Webhook.BuildRequest([payload], access), Webhook.BuildRequest([payload], access with { Now = MetaEvents.Now.AddMinutes(5) }));
        Assert.Equal("https://hooks.example.com/x?y=1", first.Url.AbsoluteUri);
        Assert.True(first.ToUserAddress);
        Assert.Equal(first.Headers["webhook-id"], second.Headers["webhook-id"]);
        Assert.NotEqual(first.Headers["webhook-signature"], second.Headers["webhook-signature"]);
        Assert.NotEqual(first.Headers["webhook-id"], Webhook.BuildRequest([Webhook.Map(new MetaEvents { EventId = "a.b" }.Build(), settings)], access).Headers["webhook-id"]);
        Assert.NotSame(Webhook.CallOf(payload), Webhook.CallOf([.. payload]));
    }

    [Theory]
    [InlineData(204, null)]
    [InlineData(401, FailureKind.Credential)]
    [InlineData(410, FailureKind.Credential)]
    [InlineData(422, FailureKind.Permanent)]
    [InlineData(404, FailureKind.Transient)]
    [InlineData(302, FailureKind.Transient)]
    [InlineData(429, FailureKind.RateLimited)]
    [InlineData(503, FailureKind.Transient)]
    public void Webhook_Answer_IsJudgedByItsStatusAlone(int status, FailureKind? expected) =>
        Assert.Equal(expected, KindOf(Webhook.Judge(new DestinationAnswer(status, "<html>thanks</html>", 1))));

    [Theory]
    [InlineData("https://hooks.example.com/x", "whsec_rTa7f4Xi6DxwipgCkU0BMzexw3L+TDqnY+Jb0MvTbTQ=", null)]
    [InlineData("http://hooks.example.com:8080/x?y=1", "sixteen-characters", null)]
    [InlineData("ftp://hooks.example.com/", "sixteen-characters", "settings.url")]
    [InlineData("https://user:pass@hooks.example.com/", "sixteen-characters", "settings.url")]
    [InlineData("/relative", "sixteen-characters", "settings.url")]
    [InlineData("http://[bad", "sixteen-characters", "settings.url")]
    [InlineData("https://hooks.example.com/", "whsec_not base64", "credentials.secret")]
    [InlineData("https://hooks.example.com/", "whsec_AAAA", "credentials.secret")]
    [InlineData("https://hooks.example.com/", "short", "credentials.secret")]
    [InlineData("https://hooks.example.com/", "", "credentials.secret")]
    public void Webhook_Settings_NameTheFieldThatIsWrong(string url, string secret, string? field) =>
        Assert.Equal(field is null ? [] : [field], Webhook.Check(JsonSerializer.SerializeToElement(new { url }), JsonSerializer.SerializeToElement(new { secret })).Select(e => e.Field));

    // ---- Tinybird

    [Fact]
    public void Tinybird_Batch_IsOneLinePerEventAtTheRegionsHost()
    {
        var settings = JsonElement.Parse("""{"data_source":"clarity_events","host":"api.us-east.tinybird.co"}""");
        var access = new DestinationAccess(Tinybird.Info.DefaultBaseUrl, settings, JsonElement.Parse("""{"token":"t"}"""));
        var request = Tinybird.BuildRequest([.. Enumerable.Range(0, 3).Select(i => Tinybird.Map(new MetaEvents { EventId = $"line\n{i}" }.Build(), settings))], access);
        Assert.Equal("https://api.us-east.tinybird.co/v0/events?name=clarity_events&wait=true", request.Url.AbsoluteUri);
        Assert.Equal("application/x-ndjson", request.ContentType);
        var lines = Encoding.UTF8.GetString(request.Body).Split('\n');
        Assert.Equal(4, lines.Length);
        Assert.Equal(["line\n0", "line\n1", "line\n2"], lines[..3].Select(l => JsonElement.Parse(l).Text("event_id")));
        Assert.Equal("line\n1", EventTraces.RequestOf(Encoding.UTF8.GetString(request.Body), position: 1).Text("event_id"));
        Assert.Equal("https://sandbox.example.com/v0/events?name=clarity_events&wait=true",
            Tinybird.BuildRequest([[]], access with { BaseUrl = new Uri("https://sandbox.example.com") }).Url.AbsoluteUri);
    }

    [Theory]
    [InlineData(200, """{"successful_rows":2,"quarantined_rows":0}""", null)]
    [InlineData(202, """{"successful_rows":2,"quarantined_rows":0}""", null)]
    [InlineData(200, """{"successful_rows":1,"quarantined_rows":1}""", null)]
    [InlineData(200, """{"successful_rows":0,"quarantined_rows":2}""", FailureKind.Permanent)]
    [InlineData(403, """{"error":"invalid token"}""", FailureKind.Credential)]
    [InlineData(404, """{"error":"no such data source"}""", FailureKind.Credential)]
    [InlineData(429, """{"error":"slow down"}""", FailureKind.RateLimited)]
    [InlineData(503, "", FailureKind.Transient)]
    public void Tinybird_Answer_IsJudged(int status, string body, FailureKind? expected) =>
        Assert.Equal(expected, KindOf(Tinybird.Judge(new DestinationAnswer(status, body, 2))));

    // ---- Supabase

    [Theory]
    [InlineData("https://abc.supabase.co", "https://abc.supabase.co/rest/v1/clarity_events")]
    [InlineData("https://abc.supabase.co/", "https://abc.supabase.co/rest/v1/clarity_events")]
    [InlineData("https://db.example.com/api", "https://db.example.com/api/clarity_events")]
    public void Supabase_Rows_GoToTheTableWithEqualKeys(string url, string expected)
    {
        var settings = JsonSerializer.SerializeToElement(new { url, table = "clarity_events", schema = "log" });
        var access = new DestinationAccess(Supabase.Info.DefaultBaseUrl, settings, JsonElement.Parse("""{"api_key":"k"}"""));
        var bare = new MetaEvents { Url = null, Value = null, Currency = null, UserAgent = null, Ip = null, User = new() };
        var request = Supabase.BuildRequest([Supabase.Map(bare.Build(), settings), Supabase.Map(new MetaEvents { OrderId = "1", Referrer = "https://example.com/" }.Build(), settings)], access);
        Assert.Equal(expected, request.Url.AbsoluteUri);
        Assert.True(request.ToUserAddress);
        Assert.Equal(("k", "Bearer k", "log", "return=minimal,resolution=ignore-duplicates"), (request.Headers["apikey"], request.Headers["Authorization"], request.Headers["Content-Profile"], request.Headers["Prefer"]));
        var rows = JsonElement.Parse(request.Body).EnumerateArray().Select(r => string.Join(',', r.EnumerateObject().Select(m => m.Name))).ToList();
        Assert.Equal(2, rows.Count);
        Assert.Equal(rows[0], rows[1]);
        Assert.False(Supabase.BuildRequest([[.. "{}"u8]], access with { BaseUrl = new Uri("http://127.0.0.1:9") }).ToUserAddress);
    }

    [Theory]
    [InlineData(201, "", null)]
    [InlineData(404, """{"code":"PGRST205","message":"no table"}""", FailureKind.Credential)]
    [InlineData(400, """{"code":"PGRST204","message":"no column"}""", FailureKind.Credential)]
    [InlineData(400, """{"code":"22P02","message":"invalid input"}""", FailureKind.Permanent)]
    [InlineData(401, """{"code":"PGRST301","message":"JWT expired"}""", FailureKind.Credential)]
    [InlineData(503, "<html>", FailureKind.Transient)]
    public void Supabase_Answer_IsJudged(int status, string body, FailureKind? expected) =>
        Assert.Equal(expected, KindOf(Supabase.Judge(new DestinationAnswer(status, body, 1))));

    // ---- Google Sheets

    [Theory]
    [InlineData("")]
    [InlineData("\\n")]
    [InlineData("\n")]
    public void Sheets_PrivateKey_IsReadInEveryWritingPeoplePaste(string lineBreak)
    {
        using var key = RSA.Create(2048);
        var pem = key.ExportPkcs8PrivateKeyPem().Replace("\n", lineBreak, StringComparison.Ordinal) + (lineBreak == "" ? "" : lineBreak);
        var credentials = JsonSerializer.SerializeToElement(new { client_email = "robot@project.iam.gserviceaccount.com", private_key = pem });
        Assert.Empty(Sheets.Check(JsonElement.Parse("""{"spreadsheet_id":"1AbCdEfGhIjKlMnOpQrStUvWxYz0123456789"}"""), credentials));
        var grant = Assert.IsType<TokenGrant.ServiceAccount>(Sheets.Grant(credentials));
        using var read = RSA.Create();
        read.ImportFromPem(grant.PrivateKey);
        Assert.Equal(key.ExportRSAPublicKey(), read.ExportRSAPublicKey());
    }

    [Fact]
    public void Sheets_Request_AppendsRawUnderTheQuotedTab()
    {
        var settings = JsonElement.Parse("""{"spreadsheet_id":"1AbCdEfGhIjKlMnOpQrStUvWxYz0123456789","sheet":"Jane's log"}""");
        var request = Sheets.BuildRequest([Sheets.Map(new MetaEvents { OrderId = "=1+1" }.Build(), settings)], new DestinationAccess(Sheets.Info.DefaultBaseUrl, settings, NoSettings, MetaEvents.Now, "token"));
        Assert.Equal("/v4/spreadsheets/1AbCdEfGhIjKlMnOpQrStUvWxYz0123456789/values/'Jane''s log'!A1:append", Uri.UnescapeDataString(request.Url.AbsolutePath));
        Assert.Equal("?valueInputOption=RAW&insertDataOption=INSERT_ROWS", request.Url.Query);
        Assert.Equal("Bearer token", request.Headers["Authorization"]);
    }

    [Theory]
    [InlineData(200, """{"updates":{"updatedRows":1}}""", null)]
    [InlineData(400, """{"error":{"status":"INVALID_ARGUMENT","message":"Unable to parse range: Log!A1"}}""", FailureKind.Credential)]
    [InlineData(404, """{"error":{"status":"NOT_FOUND","message":"Requested entity was not found."}}""", FailureKind.Credential)]
    [InlineData(429, """{"error":{"status":"RESOURCE_EXHAUSTED","message":"Quota exceeded"}}""", FailureKind.RateLimited)]
    public void Sheets_Answer_IsJudged(int status, string body, FailureKind? expected) =>
        Assert.Equal(expected, KindOf(Sheets.Judge(new DestinationAnswer(status, body, 1))));

    static FailureKind? KindOf(DeliveryOutcome outcome) => outcome switch
    {
        DeliveryOutcome.Delivered => null,
        DeliveryOutcome.Refused refused => refused.Kind,
        DeliveryOutcome.TryLater later => later.Kind,
        DeliveryOutcome.Mixed mixed => KindOf(mixed.Events.Distinct().Single()),
        _ => throw new System.Diagnostics.UnreachableException(),
    };
}
