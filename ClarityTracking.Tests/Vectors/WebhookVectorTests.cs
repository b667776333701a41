using System.Globalization;
using System.Text;
using System.Text.Json;
using ClarityTracking.Core.Inbound;
using Microsoft.Extensions.DependencyInjection;

namespace ClarityTracking.Tests.Vectors;

/// <summary>
/// Every sender's golden vectors: signatures made by the senders' own libraries, and what each payload means. Entries marked
/// <c>normative: false</c> tell what a library happens to do and bind nobody.
/// </summary>
public sealed class WebhookVectorTests
{
    static readonly SourceCatalog Catalog = Build();
    static readonly DateTimeOffset Now = new(2026, 11, 20, 8, 0, 5, TimeSpan.Zero);

    public static TheoryData<string, string> Signatures => Rows("signature_vectors", v => !v.TryGetProperty("normative", out var n) || n.GetBoolean());

    public static TheoryData<string, string> Payloads => Rows("payload_vectors", _ => true);

    /// <summary>A sender without vectors, or vectors without a sender, would be tested by nothing.</summary>
    [Fact]
    public void EverySender_HasVectors() =>
        Assert.Equal(VectorFile.Names("webhooks", "").Select(Path.GetFileNameWithoutExtension), Catalog.All.Select(s => s.Info.Platform).Order(StringComparer.Ordinal));

    [Theory, MemberData(nameof(Signatures))]
    public void Signature(string platform, string id)
    {
        var vector = Find(platform, "signature_vectors", id);
        var expect = vector.GetProperty("expect");
        var (settings, request) = SignedRequest(vector);

        var verdict = Catalog.Find(platform)!.Verify(request, settings, [vector.GetProperty("secret").GetString()!]);

        Assert.Equal(expect.GetProperty("valid").GetBoolean(), verdict.IsValid);
        Assert.Equal(expect.TryGetProperty("is_ping", out var ping) && ping.GetBoolean(), verdict.IsPing);
    }

    /// <summary>Whatever was signed: one changed byte of the body makes it worthless, and so does the secret's last character.</summary>
    [Theory, MemberData(nameof(Signatures))]
    public void TamperedSignature(string platform, string id)
    {
        var vector = Find(platform, "signature_vectors", id);
        if (!vector.GetProperty("expect").GetProperty("valid").GetBoolean() || platform == "skool") // a static token signs nothing
            return;
        var (settings, request) = SignedRequest(vector);
        var (source, secret) = (Catalog.Find(platform)!, vector.GetProperty("secret").GetString()!);
        for (var i = 0; i < request.Body.Length; i++)
        {
            var body = request.Body.ToArray();
            body[i] ^= 1;
            Assert.False(source.Verify(request with { Body = body }, settings, [secret]).IsValid, $"byte {i}");
        }
        Assert.False(source.Verify(request, settings, [secret[..^5] + (secret[^5] == 'A' ? 'B' : 'A') + secret[^4..]]).IsValid);
        Assert.False(source.Verify(request, settings, []).IsValid);
        Assert.False(source.Verify(request, settings, [""]).IsValid);
        Assert.True(source.Verify(request, settings, ["another secret 0123456789", secret]).IsValid); // while it is being changed, both are valid
    }

    [Theory, MemberData(nameof(Payloads))]
    public void Payload(string platform, string id)
    {
        var vector = Find(platform, "payload_vectors", id);
        var (source, settings) = (Catalog.Find(platform)!, JsonElement.Parse("{}"));
        var body = vector.TryGetProperty("body", out var form) ? form.GetString()! : vector.GetProperty("payload").GetRawText();
        var request = new InboundRequest("POST", "https://track.example.com/", Headers(vector), Encoding.UTF8.GetBytes(body), Now);

        var reading = SourceReading.Of(source, request, settings);

        var expect = vector.GetProperty("expect");
        if (expect.ValueKind == JsonValueKind.Object && expect.TryGetProperty("reject", out _))
        {
            Assert.NotNull(reading.Error);
            Assert.Equal(expect.Text("error_field"), reading.Field);
            return;
        }
        Assert.Null(reading.Error);
        var answers = vector.TryGetProperty("fetched_appointment", out var appointment) ? new Dictionary<string, JsonElement> { ["appointment"] = appointment } : [];
        var records = reading.Records.Select(r => answers.Count > 0 ? source.Complete(r, answers, settings) : r).Select(r => r.ToJson()).ToList();
        var wanted = expect.ValueKind == JsonValueKind.Array ? expect.EnumerateArray().ToList() : [expect];
        Assert.Equal(wanted.Count, records.Count);
        for (var i = 0; i < wanted.Count; i++)
            AssertHolds(wanted[i], records[i], "");
    }

    /// <summary>A sample that a connection sends to itself is signed as the sender would, and means something.</summary>
    [Theory, MemberData(nameof(Platforms))]
    public void Sample_IsSignedAndMeansSomething(string platform)
    {
        var source = Catalog.Find(platform)!;
        var secret = "whsec_" + Convert.ToBase64String(Enumerable.Range(0, 32).Select(i => (byte)i).ToArray());
        var sample = source.Sample("https://track.example.com/webhooks/x/token", JsonElement.Parse("{}"), secret, Now);

        Assert.True(source.Verify(sample with { ReceivedAt = Now.AddSeconds(2) }, JsonElement.Parse("{}"), [secret]).IsValid);
        Assert.False(source.Verify(sample, JsonElement.Parse("{}"), ["whsec_" + Convert.ToBase64String(new byte[32])]).IsValid);
        var reading = SourceReading.Of(source, sample, JsonElement.Parse("{}"));
        Assert.Null(reading.Error);
        Assert.Contains(reading.Records, r => r.Action != InboundAction.Ignored && r.EntityId is not null);
    }

    public static TheoryData<string> Platforms => [.. Catalog.All.Select(s => s.Info.Platform)];

    /// <summary>What no sender would send must not break anything.</summary>
    [Theory, MemberData(nameof(Platforms))]
    public void StrangeBodies_AreRefusedOrIgnored(string platform)
    {
        var source = Catalog.Find(platform)!;
        foreach (var body in new[] { "", "null", "[]", "{}", "[[]]", "\"x\"", "{\"data\":1}", "{\"type\":\"\\ud800\"}", "{\"type\":{}}", "action=&id=", "\0", "{\"payload\":[1,2]}",
            "{\"event\":\"invitee.created\",\"payload\":null}", "[{\"objectId\":\"x\"}]", new string('[', 200) })
        {
            var reading = SourceReading.Of(source, new InboundRequest("POST", "https://x.example.com/", new Dictionary<string, string>(), Encoding.UTF8.GetBytes(body), Now), JsonElement.Parse("{}"));
            Assert.True(reading.Error is not null || reading.Records.Count > 0, body);
        }
    }

    static (JsonElement Settings, InboundRequest Request) SignedRequest(JsonElement vector)
    {
        var at = vector.TryGetProperty("now_unix_ms", out var ms) ? DateTimeOffset.FromUnixTimeMilliseconds(ms.GetInt64())
            : vector.TryGetProperty("now_unix", out var s) ? DateTimeOffset.FromUnixTimeSeconds(s.GetInt64()) : Now;
        var settings = vector.Text("configured_notification_url") is { } url ? JsonSerializer.SerializeToElement(new { notification_url = url }) : JsonElement.Parse("{}");
        return (settings, new InboundRequest(vector.Text("method") ?? "POST", vector.Text("url") ?? "https://track.example.com/", Headers(vector),
            Convert.FromBase64String(vector.GetProperty("body_base64").GetString()!), at));
    }

    static Dictionary<string, string> Headers(JsonElement vector) =>
        new(vector.TryGetProperty("headers", out var headers) ? headers.EnumerateObject().ToDictionary(h => h.Name, h => h.Value.GetString()!) : [], StringComparer.OrdinalIgnoreCase);

    /// <summary>All that is wanted is there; what is there beyond it must not contradict, and fields the vector lists are listed whole.</summary>
    static void AssertHolds(JsonElement wanted, JsonElement found, string path)
    {
        switch (wanted.ValueKind)
        {
            case JsonValueKind.Object:
                Assert.True(found.ValueKind == JsonValueKind.Object, $"{path} is missing");
                foreach (var member in wanted.EnumerateObject())
                {
                    Assert.True(found.TryGetProperty(member.Name, out var value), $"{path}.{member.Name} is missing in {found}");
                    AssertHolds(member.Value, value, $"{path}.{member.Name}");
                }
                if (path is ".attribution" or ".customer" or ".related")
                    Assert.Equal(wanted.EnumerateObject().Select(m => m.Name).Order(), found.EnumerateObject().Select(m => m.Name).Order());
                break;
            case JsonValueKind.Array:
                Assert.Equal(wanted.GetArrayLength(), found.GetArrayLength());
                for (var i = 0; i < wanted.GetArrayLength(); i++)
                    AssertHolds(wanted[i], found[i], string.Create(CultureInfo.InvariantCulture, $"{path}[{i}]"));
                break;
            default:
                Assert.True(wanted.ToString() == found.ToString(), $"{path}: wanted {wanted}, found {found}");
                break;
        }
    }

    static JsonElement Find(string platform, string set, string id) =>
        VectorFile.Read($"webhooks/{platform}.json").GetProperty(set).EnumerateArray().Single(v => v.GetProperty("id").GetString() == id);

    static TheoryData<string, string> Rows(string set, Func<JsonElement, bool> isWanted)
    {
        var rows = new TheoryData<string, string>();
        foreach (var source in Catalog.All)
            foreach (var vector in VectorFile.Read($"webhooks/{source.Info.Platform}.json").GetProperty(set).EnumerateArray().Where(isWanted))
                rows.Add(source.Info.Platform, vector.GetProperty("id").GetString()!);
        return rows;
    }

    static SourceCatalog Build()
    {
        var services = new ServiceCollection();
        services.AddSources();
        return new SourceCatalog(services.Where(d => d.ServiceType == typeof(ISource)).Select(d => (ISource)Activator.CreateInstance(d.ImplementationType!)!));
    }
}
