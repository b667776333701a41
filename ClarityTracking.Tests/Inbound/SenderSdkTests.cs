using System.Diagnostics;
using System.Net;
using System.Text.Json;
using ClarityTracking.Tests.Support;

namespace ClarityTracking.Tests.Inbound;

/// <summary>
/// The senders' own libraries sign (folder sdks, installed by npm on the first run), the running app decides; and it decides as the library
/// itself does.
/// </summary>
public sealed class SenderSdkTests(AppFixture app) : IClassFixture<AppFixture>
{
    private const string Text = "Größe „XL“ – 🧔🏽‍♂️ ok"; // what several bytes make must be signed as bytes

    public static TheoryData<string> Senders => ["shopify", "stripe", "square", "generic"];

    [Theory, MemberData(nameof(Senders))]
    public async Task RequestOfTheSendersLibrary_IsTaken_AndWithAWrongSecretRefused(string platform)
    {
        var sender = await Sender.ConnectAsync(app, platform);
        var body = BodyOf(platform);

        var (headers, libraryTakes) = await SignAsync(platform, sender.Secret, sender.Secret, body, app.Url + sender.Path);
        Assert.True(libraryTakes);
        Assert.Equal(HttpStatusCode.OK, (await sender.PostRawAsync(body, headers)).StatusCode);
        var webhook = await sender.ProcessedAsync();
        Assert.Equal("ok processed", $"{webhook.GetProperty("verdict").GetString()} {webhook.GetProperty("status").GetString()}");
        Assert.Equal("order 12.00", await app.ValueAsync<string>($"SELECT replace(kind, 'payment', 'order') || ' ' || value FROM conversions WHERE website_id = '{sender.Site.Id}'"));

        Assert.Equal(HttpStatusCode.Unauthorized, (await sender.PostRawAsync(body.Replace("12", "13", StringComparison.Ordinal), headers)).StatusCode);
        (headers, libraryTakes) = await SignAsync(platform, Sender.NewSecret(), sender.Secret, body, app.Url + sender.Path);
        Assert.False(libraryTakes);
        Assert.Equal(HttpStatusCode.Unauthorized, (await sender.PostRawAsync(body, headers)).StatusCode);
    }

    private static string BodyOf(string platform)
    {
        var now = DateTimeOffset.UtcNow;
        return platform switch
        {
            "shopify" => JsonSerializer.Serialize(new { id = 9, name = Text, financial_status = "paid", total_price = "12.00", currency = "EUR", processed_at = SenderMessages.Time(now) }),
            "stripe" => JsonSerializer.Serialize(new
            {
                id = "evt_1",
                @object = "event",
                type = "payment_intent.succeeded",
                created = now.ToUnixTimeSeconds(),
                livemode = true,
                data = new { @object = new { id = "pi_1", amount_received = 1200, currency = "eur", shipping = new { name = Text } } },
            }),
            "square" => JsonSerializer.Serialize(new
            {
                merchant_id = "MLA",
                type = "payment.updated",
                event_id = "e1",
                data = new { @object = new { payment = new { id = "p1", status = "COMPLETED", note = Text, updated_at = SenderMessages.Time(now), total_money = new { amount = 1200, currency = "EUR" } } } },
            }),
            _ => JsonSerializer.Serialize(new { type = "order.paid", timestamp = now, data = new { order_id = "9", value = "12.00", currency = "EUR", customer = new { name = Text } } }),
        };
    }

    private static async Task<((string, string)[] Headers, bool LibraryTakes)> SignAsync(string sender, string secret, string receiverSecret, string body, string url)
    {
        var json = JsonElement.Parse(await RunAsync("node", ["sign.mjs"], JsonSerializer.Serialize(new { sender, secret, receiverSecret, body, url, topic = "orders/paid" })));
        return ([.. json.GetProperty("headers").EnumerateObject().Select(h => (h.Name, h.Value.GetString()!))], json.GetProperty("valid").GetBoolean());
    }

    private static readonly string Folder = FindFolder();

    private static readonly Lazy<Task> Installed = new(async () =>
    {
        var (wanted, have) = (new FileInfo(Path.Combine(Folder, "package-lock.json")), new FileInfo(Path.Combine(Folder, "node_modules", ".package-lock.json")));
        if (have.Exists && have.LastWriteTimeUtc >= wanted.LastWriteTimeUtc)
            return;
        // npm is a script on Windows, which only its command processor starts
        string[] npm = OperatingSystem.IsWindows() ? ["cmd.exe", "/c", "npm"] : ["npm"];
        await RunProcessAsync(npm[0], [.. npm[1..], "ci", "--prefer-offline", "--ignore-scripts", "--no-audit", "--no-fund"], "");
        File.SetLastWriteTimeUtc(have.FullName, DateTime.UtcNow);
    });

    private static async Task<string> RunAsync(string program, string[] arguments, string input)
    {
        await Installed.Value;
        return await RunProcessAsync(program, arguments, input);
    }

    private static async Task<string> RunProcessAsync(string program, string[] arguments, string input)
    {
        using var deadline = new CancellationTokenSource(TimeSpan.FromMinutes(4));
        using var process = Process.Start(new ProcessStartInfo(program, arguments)
        {
            WorkingDirectory = Folder,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        })!;
        try
        {
            var (output, errors) = (process.StandardOutput.ReadToEndAsync(deadline.Token), process.StandardError.ReadToEndAsync(deadline.Token));
            await process.StandardInput.WriteAsync(input);
            process.StandardInput.Close();
            await process.WaitForExitAsync(deadline.Token);
            Assert.True(process.ExitCode == 0, $"{program} {string.Join(' ', arguments)}: {await output}{await errors}");
            return await output;
        }
        finally
        {
            if (!process.HasExited)
                process.Kill(entireProcessTree: true);
        }
    }

    private static string FindFolder()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
            if (File.Exists(Path.Combine(folder.FullName, "ClarityTracking.Tests", "Inbound", "sdks", "package.json")))
                return Path.Combine(folder.FullName, "ClarityTracking.Tests", "Inbound", "sdks");
        throw new InvalidOperationException("The folder sdks was not found above " + AppContext.BaseDirectory);
    }
}
