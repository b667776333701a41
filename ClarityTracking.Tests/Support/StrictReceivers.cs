using System.Buffers.Text;
using System.Collections.Concurrent;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;
using ClarityTracking.Tests.Vectors;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;

namespace ClarityTracking.Tests.Support;

/// <summary>
/// One real HTTP server in the places of Google's token server, both Google Ads APIs, Google Analytics, Google Sheets, Microsoft's UET API,
/// Tinybird, a PostgREST and a customer's webhook. Each refuses what its original refuses, in its way; what is taken is kept.
/// </summary>
public sealed partial class StrictReceivers : IAsyncDisposable
{
    /// <summary>Refresh tokens begin with it; each is exchanged and kept apart.</summary>
    public const string RefreshToken = "1//refresh-token", ClientId = "client-1", ClientSecret = "client-secret", DeveloperToken = "dev-token", MicrosoftToken = "uet-token";

    /// <summary>The one service account that the token server knows, and its key.</summary>
    public const string ServiceAccount = "robot@project.iam.gserviceaccount.com";

    /// <summary>Of <see cref="ServiceAccount"/>.</summary>
    public RSA ServiceKey { get; } = RSA.Create(2048);

    private readonly WebApplication _app;
    private int _tokens;

    private StrictReceivers(WebApplication app) => _app = app;

    /// <summary>Where it listens.</summary>
    public string Url => _app.Urls.First();

    /// <summary>Access tokens that were given out, oldest first; those before <see cref="FirstGoodToken"/> have expired.</summary>
    public int TokensGiven => _tokens;

    /// <summary>Number of the oldest access token that still works.</summary>
    public int FirstGoodToken { get; set; } = 1;

    /// <summary>The key that the webhook's receiver verifies with.</summary>
    public byte[] WebhookKey { get; set; } = [];

    /// <summary>What was taken: the place, the id of event or order, and the event as it was sent.</summary>
    public ConcurrentQueue<(string Place, string Id, JsonElement Event)> Taken { get; } = new();

    /// <summary>Calls: the place, how many events, and the status of the answer.</summary>
    public ConcurrentQueue<(string Place, int Events, int Status)> Calls { get; } = new();

    public static async Task<StrictReceivers> StartAsync()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        var app = builder.Build();
        var receivers = new StrictReceivers(app);
        app.MapPost("/token", (Delegate)receivers.TokenAsync);
        app.MapPost("/v1/events:ingest", http => receivers.AnswerAsync("data_manager", http, receivers.DataManager));
        app.MapPost("/v24/customers/{call}", http => receivers.AnswerAsync("google_ads", http, receivers.ClickUpload));
        app.MapPost("/mp/collect", http => receivers.AnswerAsync("google_analytics", http, receivers.Analytics));
        app.MapPost("/v1/{tag:long}/events", http => receivers.AnswerAsync("microsoft", http, receivers.Microsoft));
        app.MapPost("/hook", http => receivers.AnswerAsync("webhook", http, receivers.Webhook));
        app.MapPost("/v4/spreadsheets/{id}/values/{range}", http => receivers.AnswerAsync("google_sheets", http, receivers.Sheets));
        app.MapPost("/v0/events", http => receivers.AnswerAsync("tinybird", http, receivers.Tinybird, "application/x-ndjson"));
        app.MapPost("/rest/v1/clarity_events", http => receivers.AnswerAsync("supabase", http, receivers.Table));
        app.MapPost("/away", () => Results.Redirect("/hook"));
        await app.StartAsync();
        return receivers;
    }

    public async ValueTask DisposeAsync()
    {
        await _app.DisposeAsync();
        ServiceKey.Dispose();
    }

    private async Task AnswerAsync(string place, HttpContext http, Func<HttpContext, string, (int Status, string Body, int Events)> judge, string type = "application/json")
    {
        using var reader = new StreamReader(http.Request.Body);
        var text = await reader.ReadToEndAsync();
        var (status, body, events) = http.Request.ContentType == type ? judge(http, text) : (415, "", 0);
        Calls.Enqueue((place, events, status));
        http.Response.StatusCode = status;
        http.Response.ContentType = "application/json";
        await http.Response.WriteAsync(body);
    }

    private async Task<IResult> TokenAsync(HttpContext http)
    {
        var form = await http.Request.ReadFormAsync();
        if (form["grant_type"] == "urn:ietf:params:oauth:grant-type:jwt-bearer")
            return IsAssertion(form["assertion"].ToString().Split('.'))
                ? Results.Json(new { access_token = $"token-{Interlocked.Increment(ref _tokens)}", expires_in = 3599, token_type = "Bearer" })
                : Results.Json(new { error = "invalid_grant", error_description = "Invalid JWT Signature." }, statusCode: 400);
        if (form["client_id"] != ClientId || form["client_secret"] != ClientSecret)
            return Results.Json(new { error = "invalid_client" }, statusCode: 401);
        return form["grant_type"] == "refresh_token" && form["refresh_token"].ToString().StartsWith(RefreshToken, StringComparison.Ordinal)
            ? Results.Json(new { access_token = $"token-{Interlocked.Increment(ref _tokens)}", expires_in = 3599, token_type = "Bearer" })
            : Results.Json(new { error = "invalid_grant" }, statusCode: 400);
    }

    /// <summary>Signed by the known account's key, for this server and the spreadsheets' scope, and not run out.</summary>
    private bool IsAssertion(string[] parts)
    {
        if (parts.Length != 3 || !ServiceKey.VerifyData(Encoding.ASCII.GetBytes($"{parts[0]}.{parts[1]}"), Base64Url.DecodeFromChars(parts[2]), HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1))
            return false;
        var claims = JsonElement.Parse(Base64Url.DecodeFromChars(parts[1]));
        var now = TimeProvider.System.GetUtcNow().ToUnixTimeSeconds();
        return claims.Text("iss") == ServiceAccount && claims.Text("scope") == "https://www.googleapis.com/auth/spreadsheets" && claims.Text("aud") == Url + "/token"
            && claims.GetProperty("iat").GetInt64() <= now + 5 && claims.GetProperty("exp").GetInt64() is var end && end > now && end <= now + 3605;
    }

    private bool IsSignedIn(HttpContext http) => http.Request.Headers.Authorization.ToString() is var header && header.StartsWith("Bearer token-", StringComparison.Ordinal)
        && int.Parse(header["Bearer token-".Length..], CultureInfo.InvariantCulture) is var number && number >= FirstGoodToken && number <= _tokens;

    private const string Unauthenticated = """{"error":{"code":401,"status":"UNAUTHENTICATED","message":"Request had invalid authentication credentials."}}""";

    // ---- Data Manager: any invalid field refuses the whole request

    private (int, string, int) DataManager(HttpContext http, string text)
    {
        if (!IsSignedIn(http))
            return (401, Unauthenticated, 0);
        var body = JsonElement.Parse(text);
        var events = body.GetProperty("events").EnumerateArray().ToList();
        if (UnknownMember(body, "destinations", "events", "encoding", "consent", "validateOnly") is { } unknown)
            return (400, Invalid("INVALID_ARGUMENT", unknown), events.Count);
        var destination = body.GetProperty("destinations").EnumerateArray().Single();
        if (destination.GetProperty("operatingAccount").GetRawText() != """{"accountType":"GOOGLE_ADS","accountId":"1234567890"}""" || !Digits().IsMatch(destination.Text("productDestinationId")!))
            return (400, Invalid("INVALID_DESTINATION", "destinations[0]"), events.Count);
        for (var i = 0; i < events.Count; i++)
            if (WrongIn(events[i], body) is { } wrong)
                return (400, Invalid("INVALID_FORMAT", $"events[{i}].{wrong}"), events.Count);
        foreach (var sent in events)
            Taken.Enqueue(($"data_manager {destination.Text("productDestinationId")}", sent.Text("transactionId")!, sent));
        return (200, $$"""{"requestId":"{{Guid.NewGuid()}}"}""", events.Count);
    }

    private static string? WrongIn(JsonElement sent, JsonElement body)
    {
        if (UnknownMember(sent, "eventTimestamp", "transactionId", "eventSource", "conversionValue", "currency", "adIdentifiers", "userData") is { } unknown)
            return unknown;
        if (!Rfc3339().IsMatch(sent.Text("eventTimestamp") ?? ""))
            return "event_timestamp";
        if (sent.Text("eventSource") is not ("WEB" or "OTHER" or "IN_STORE"))
            return "event_source";
        if (!sent.TryGetProperty("adIdentifiers", out _) && !sent.TryGetProperty("userData", out _))
            return "user_data";
        if (!sent.TryGetProperty("userData", out var user))
            return null;
        return body.Text("encoding") == "HEX" && user.GetProperty("userIdentifiers").EnumerateArray().All(identifier =>
            identifier.EnumerateObject().Single() is { Name: "emailAddress" or "phoneNumber" } member && Hash().IsMatch(member.Value.GetString()!)) ? null : "user_data.user_identifiers";
    }

    private static string Invalid(string reason, string field) =>
        $$$"""{"error":{"code":400,"status":"INVALID_ARGUMENT","message":"There was a problem with the request.","details":[{"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":"INVALID_ARGUMENT"},{"@type":"type.googleapis.com/google.rpc.BadRequest","fieldViolations":[{"field":"{{{field}}}","description":"is invalid","reason":"{{{reason}}}"}]}]}}""";

    // ---- Google Ads API: 200, and failed rows by their index

    private (int, string, int) ClickUpload(HttpContext http, string text)
    {
        if (!IsSignedIn(http))
            return (401, Unauthenticated, 0);
        if (http.Request.Headers["developer-token"] != DeveloperToken || http.Request.Headers["login-customer-id"] != "9998887777")
            return (403, """{"error":{"code":403,"status":"PERMISSION_DENIED","message":"no"}}""", 0);
        var body = JsonElement.Parse(text);
        var (list, names) = (string)http.Request.RouteValues["call"]! switch
        {
            "1234567890:uploadClickConversions" => ("conversions", "conversionAction conversionDateTime conversionValue currencyCode orderId gclid gbraid wbraid userIdentifiers consent"),
            "1234567890:uploadConversionAdjustments" => ("conversionAdjustments", "adjustmentType conversionAction orderId adjustmentDateTime restatementValue"),
            _ => ("", ""),
        };
        if (list.Length == 0 || UnknownMember(body, list, "partialFailure", "validateOnly") is not null || !body.GetProperty("partialFailure").GetBoolean())
            return (400, """{"error":{"code":400,"status":"INVALID_ARGUMENT","message":"Invalid JSON payload received."}}""", 0);
        var rows = body.GetProperty(list).EnumerateArray().ToList();
        if (rows.Any(row => UnknownMember(row, names.Split(' ')) is not null || !Digits().IsMatch(row.Text("conversionAction")!.Replace("customers/1234567890/conversionActions/", "", StringComparison.Ordinal))))
            return (400, """{"error":{"code":400,"status":"INVALID_ARGUMENT","message":"Invalid JSON payload received."}}""", rows.Count);
        var errors = new List<string>();
        for (var i = 0; i < rows.Count; i++)
            if (rows[i].Text("orderId")!.StartsWith("expired", StringComparison.Ordinal))
                errors.Add($$$"""{"errorCode":{"conversionUploadError":"EXPIRED_EVENT"},"message":"too late","location":{"fieldPathElements":[{"fieldName":"conversions","index":{{{i}}}}]}}""");
            else
                Taken.Enqueue((list, rows[i].Text("orderId")!, rows[i]));
        return (200, errors.Count == 0 ? """{"results":[]}""" : $$$"""{"results":[],"partialFailureError":{"code":3,"message":"Multiple errors in details.","details":[{"errors":[{{{string.Join(',', errors)}}}]}]}}""", rows.Count);
    }

    // ---- Google Analytics: takes everything

    private (int, string, int) Analytics(HttpContext http, string text)
    {
        var body = JsonElement.Parse(text);
        if (http.Request.Query["measurement_id"] == "G-ABC123" && http.Request.Query["api_secret"] == "ga-secret" && body.Text("client_id") is { Length: > 0 })
            Taken.Enqueue(("google_analytics", body.GetProperty("events")[0].GetProperty("params").Text("transaction_id") ?? "", body));
        return (204, "", 1);
    }

    // ---- Microsoft: a list of errors with their indexes

    private (int, string, int) Microsoft(HttpContext http, string text)
    {
        if (http.Request.Headers.Authorization != $"Bearer {MicrosoftToken}")
            return (401, """{"error":{"code":"Unauthorized","message":"no"},"traceId":"x"}""", 0);
        var events = JsonElement.Parse(text).GetProperty("data").EnumerateArray().ToList();
        var errors = events.Select((e, i) => (Wrong: WrongIn(e), i)).Where(e => e.Wrong is not null)
            .Select(e => $$"""{"index":{{e.i}},"propertyName":"{{e.Wrong}}","errorMessage":"is invalid"}""").ToList();
        if (errors.Count > 0)
            return (400, $$"""{"error":{"code":"InvalidRequest","message":"invalid","details":[{{string.Join(',', errors)}}]},"traceId":"x"}""", events.Count);
        foreach (var sent in events)
            Taken.Enqueue(("microsoft", sent.Text("eventId")!, sent));
        return (200, $$"""{"eventsReceived":{{events.Count}},"traceId":"x"}""", events.Count);
    }

    private static string? WrongIn(JsonElement sent) =>
        UnknownMember(sent, "eventType", "eventName", "eventId", "eventTime", "eventSourceUrl", "referrerUrl", "pageTitle", "adStorageConsent", "userData", "customData")
        ?? (sent.GetProperty("eventTime").GetInt64() > 100_000_000_000 ? "eventTime" : null)
        ?? UnknownMember(sent.GetProperty("userData"), "em", "ph", "externalId", "clientIpAddress", "clientUserAgent", "msclkid")
        ?? (sent.GetProperty("userData").Text("em") is { } em && !Hash().IsMatch(em) ? "userData.em" : null)
        ?? (sent.TryGetProperty("customData", out var custom) && custom.Text("transactionId")?.StartsWith("poison", StringComparison.Ordinal) == true ? "customData.transactionId" : null);

    // ---- The customer's own tables

    private (int, string, int) Sheets(HttpContext http, string text)
    {
        if (!IsSignedIn(http))
            return (401, Unauthenticated, 0);
        var range = http.Request.RouteValues["range"]!.ToString();
        if (range != "'Event log'!A1:append" || http.Request.Query["valueInputOption"] != "RAW")
            return (400, $$$"""{"error":{"code":400,"status":"INVALID_ARGUMENT","message":"Unable to parse range: {{{range}}}"}}""", 0);
        var rows = JsonElement.Parse(text).GetProperty("values").EnumerateArray().ToList();
        foreach (var row in rows)
            Taken.Enqueue(("google_sheets", row[2].GetString()!, row));
        return (200, $$$"""{"updates":{"updatedRows":{{{rows.Count}}}}}""", rows.Count);
    }

    private (int, string, int) Tinybird(HttpContext http, string text)
    {
        if (http.Request.Headers.Authorization != "Bearer tinybird-token" || http.Request.Query["name"] != "clarity_events" || http.Request.Query["wait"] != "true")
            return (403, """{"error":"Invalid token"}""", 0);
        var rows = text.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => JsonElement.Parse(line)).ToList();
        foreach (var row in rows)
            Taken.Enqueue(("tinybird", row.Text("event_id")!, row));
        return (200, $$"""{"successful_rows":{{rows.Count}},"quarantined_rows":0}""", rows.Count);
    }

    private (int, string, int) Table(HttpContext http, string text)
    {
        if (http.Request.Headers["apikey"] != "sb_secret_1" || http.Request.Headers.Authorization != "Bearer sb_secret_1")
            return (401, """{"code":"PGRST301","message":"No suitable key or wrong key type"}""", 0);
        var rows = JsonElement.Parse(text).EnumerateArray().ToList();
        if (rows.Select(row => string.Join(',', row.EnumerateObject().Select(m => m.Name))).Distinct().Count() > 1)
            return (400, """{"code":"PGRST102","message":"All object keys must match"}""", rows.Count);
        foreach (var row in rows)
            Taken.Enqueue(("supabase", row.Text("event_id")!, row));
        return (201, "", rows.Count);
    }

    // ---- A customer's receiver, as the Standard Webhooks libraries verify

    private (int, string, int) Webhook(HttpContext http, string text)
    {
        var (id, timestamp, signature) = (http.Request.Headers["webhook-id"].ToString(), http.Request.Headers["webhook-timestamp"].ToString(), http.Request.Headers["webhook-signature"].ToString());
        if (!long.TryParse(timestamp, NumberStyles.None, CultureInfo.InvariantCulture, out var seconds)
            || Math.Abs(TimeProvider.System.GetUtcNow().ToUnixTimeSeconds() - seconds) > 300 || id.Length == 0 || id.Contains('.', StringComparison.Ordinal))
            return (400, "bad headers", 1);
        var expected = "v1," + Convert.ToBase64String(HMACSHA256.HashData(WebhookKey, Encoding.UTF8.GetBytes($"{id}.{timestamp}.{text}")));
        if (!signature.Split(' ').Any(s => CryptographicOperations.FixedTimeEquals(Encoding.ASCII.GetBytes(s), Encoding.ASCII.GetBytes(expected))))
            return (401, "bad signature", 1);
        var body = JsonElement.Parse(text);
        if (body.Text("id") != id)
            return (422, "another id", 1);
        Taken.Enqueue(("webhook", body.GetProperty("data").Text("event_id")!, body));
        return (200, "thank you", 1);
    }

    private static string? UnknownMember(JsonElement json, params string[] known) =>
        json.EnumerateObject().Where(m => !known.Contains(m.Name)).Select(m => m.Name).FirstOrDefault();

    [GeneratedRegex("^[0-9]+$")]
    private static partial Regex Digits();

    [GeneratedRegex("^[0-9a-f]{64}$")]
    private static partial Regex Hash();

    [GeneratedRegex(@"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?Z$")]
    private static partial Regex Rfc3339();
}

/// <summary>The app with a strict server in the places of those it delivers to; addresses in private networks are allowed, as the server is in one.</summary>
public sealed class AppWithReceivers : AppFixture
{
    private StrictReceivers? _receivers;

    /// <summary>The server in their places.</summary>
    public StrictReceivers Receivers => _receivers!;

    protected override IReadOnlyDictionary<string, string> Settings => new Dictionary<string, string>
    {
        ["Destinations:GoogleAds:BaseUrl"] = Receivers.Url,
        ["Destinations:GoogleAnalytics:BaseUrl"] = Receivers.Url,
        ["Destinations:Microsoft:BaseUrl"] = Receivers.Url,
        ["Destinations:GoogleSheets:BaseUrl"] = Receivers.Url,
        ["Destinations:Tinybird:BaseUrl"] = Receivers.Url,
        ["OAuth:Google:TokenUrl"] = Receivers.Url + "/token",
        ["OAuth:Google:ClientId"] = StrictReceivers.ClientId,
        ["OAuth:Google:ClientSecret"] = StrictReceivers.ClientSecret,
        ["Clarity:AllowPrivateNetworks"] = "true",
    };

    public override async Task InitializeAsync()
    {
        _receivers = await StrictReceivers.StartAsync();
        await base.InitializeAsync();
    }

    public override async ValueTask DisposeAsync()
    {
        await base.DisposeAsync();
        await Receivers.DisposeAsync();
        GC.SuppressFinalize(this);
    }
}
