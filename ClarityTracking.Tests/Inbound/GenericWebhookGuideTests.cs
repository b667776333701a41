using System.Diagnostics;
using System.Globalization;
using System.Runtime.CompilerServices;
using System.Security.Cryptography;
using System.Text;
using ClarityTracking.Tests.Support;

namespace ClarityTracking.Tests.Inbound;

/// <summary>The examples of docs/integrations/generic-webhook.md, taken from the page and run.</summary>
public sealed class GenericWebhookGuideTests(AppFixture app) : IClassFixture<AppFixture>
{
    [Theory]
    [InlineData("bash", "bash", "-ec", "booking|curl-1|38.50")]
    [InlineData("js", "node", "-e", "order|node-1|120.00")]
    public async Task Script_IsTaken(string language, string program, string option, string conversion)
    {
        var sender = await Sender.ConnectAsync(app);
        var start = new ProcessStartInfo(program, [option, Example(language)]) { RedirectStandardError = true, RedirectStandardOutput = true };
        (start.Environment["URL"], start.Environment["SECRET"]) = (app.Url.TrimEnd('/') + sender.Path, sender.Secret);
        using var process = Process.Start(start)!;
        var (output, error) = (process.StandardOutput.ReadToEndAsync(), process.StandardError.ReadToEndAsync());
        await process.WaitForExitAsync();
        Assert.True(process.ExitCode == 0, await output + await error);
        await AssertTakenAsync(sender, conversion);
    }

    [Fact]
    public async Task CSharp_IsTaken()
    {
        var sender = await Sender.ConnectAsync(app);
        using var http = new HttpClient();
        await SendAsync(http, app.Url.TrimEnd('/') + sender.Path, sender.Secret, "msg_cs_1",
            """{"type":"lead.created","timestamp":"2026-11-20T10:00:00Z","data":{"lead_id":"cs-1","value":"5.00","customer":{"email":"jane@example.com"}}}""");
        await AssertTakenAsync(sender, "lead|cs-1|5.00");
        // the page shows what ran just now
        Assert.Contains(Plain(Example("csharp")), Plain(await File.ReadAllTextAsync(ThisFile())), StringComparison.Ordinal);

        static async Task SendAsync(HttpClient http, string url, string secret, string id, string body)
        {
            var key = Convert.FromBase64String(secret["whsec_".Length..]);
            var timestamp = DateTimeOffset.UtcNow.ToUnixTimeSeconds().ToString(CultureInfo.InvariantCulture);
            var signature = HMACSHA256.HashData(key, Encoding.UTF8.GetBytes($"{id}.{timestamp}.{body}"));
            using var request = new HttpRequestMessage(HttpMethod.Post, url) { Content = new StringContent(body, Encoding.UTF8, "application/json") };
            request.Headers.Add("webhook-id", id);
            request.Headers.Add("webhook-timestamp", timestamp);
            request.Headers.Add("webhook-signature", "v1," + Convert.ToBase64String(signature));
            using var answer = await http.SendAsync(request);
            answer.EnsureSuccessStatusCode();
        }
    }

    private async Task AssertTakenAsync(Sender sender, string conversion)
    {
        await sender.ProcessedAsync();
        Assert.Equal(conversion, await app.ValueAsync<string>($"SELECT concat_ws('|', kind, sender_id, value) FROM conversions WHERE website_id = '{sender.Site.Id}'"));
    }

    private static string Example(string language)
    {
        var page = File.ReadAllText(Path.Combine(Path.GetDirectoryName(ThisFile())!, "..", "..", "docs", "integrations", "generic-webhook.md"));
        var begin = page.IndexOf($"```{language}\n", StringComparison.Ordinal) + language.Length + 4;
        return page[begin..page.IndexOf("\n```", begin, StringComparison.Ordinal)];
    }

    /// <summary>Without indentation.</summary>
    private static string Plain(string code) => string.Join('\n', code.Split('\n').Select(line => line.Trim()));

    private static string ThisFile([CallerFilePath] string path = "") => path;
}
