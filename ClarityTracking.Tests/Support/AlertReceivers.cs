using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;

namespace ClarityTracking.Tests.Support;

/// <summary>
/// Real servers in the places of a webhook's receiver, Slack and Teams. Each refuses what its original refuses; what is taken is kept by the last
/// part of its path. <c>/hook/x</c> verifies as the Standard Webhooks specification says, with the key of <see cref="Keys"/>.
/// </summary>
public sealed class AlertReceivers : IAsyncDisposable
{
    private readonly WebApplication _app;

    private AlertReceivers(WebApplication app) => _app = app;

    public string Url => _app.Urls.First();

    /// <summary>The app's clock: a signature must be fresh by it.</summary>
    public required TimeProvider Clock { get; init; }

    /// <summary>Signing keys by the last part of the path.</summary>
    public ConcurrentDictionary<string, byte[]> Keys { get; } = new();

    /// <summary>While set, everything is refused with this status.</summary>
    public int? Down { get; set; }

    /// <summary>What was taken: place and last part of the path, the webhook's id, the body.</summary>
    public ConcurrentQueue<(string Place, string Name, string? Id, JsonElement Body)> Taken { get; } = new();

    /// <summary>What was refused, in words.</summary>
    public ConcurrentQueue<string> Refused { get; } = new();

    public static async Task<AlertReceivers> StartAsync(TimeProvider clock)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        var app = builder.Build();
        var receivers = new AlertReceivers(app) { Clock = clock };
        app.MapPost("/{place}/{name}", receivers.ReceiveAsync);
        await app.StartAsync();
        return receivers;
    }

    /// <summary>Bodies that a path got.</summary>
    public IReadOnlyList<JsonElement> Of(string place, string name) => [.. Taken.Where(t => (t.Place, t.Name) == (place, name)).Select(t => t.Body)];

    public ValueTask DisposeAsync() => _app.DisposeAsync();

    private async Task<IResult> ReceiveAsync(string place, string name, HttpRequest request)
    {
        using var memory = new MemoryStream();
        await request.Body.CopyToAsync(memory);
        var wrong = request.ContentType != "application/json" ? "content type" : place switch
        {
            "hook" => Hook(request, name, memory.ToArray()),
            "slack" => Slack(JsonElement.Parse(memory.ToArray())),
            "teams" => Teams(JsonElement.Parse(memory.ToArray())),
            _ => "no such place",
        };
        if (Down is { } status)
            return Results.Text("down for maintenance", statusCode: status);
        if (wrong is not null)
        {
            Refused.Enqueue($"{place}/{name}: {wrong}");
            return Results.Text(wrong, statusCode: 400);
        }
        Taken.Enqueue((place, name, request.Headers["webhook-id"], JsonElement.Parse(memory.ToArray())));
        return place == "teams" ? Results.StatusCode(202) : Results.Text("ok");
    }

    private string? Hook(HttpRequest request, string name, byte[] body)
    {
        var (id, time) = (request.Headers["webhook-id"].ToString(), request.Headers["webhook-timestamp"].ToString());
        if (id.Length == 0 || !long.TryParse(time, out var seconds) || Math.Abs(Clock.GetUtcNow().ToUnixTimeSeconds() - seconds) > 300)
            return "no id or an old time";
        var expected = "v1," + Convert.ToBase64String(HMACSHA256.HashData(Keys[name], Encoding.ASCII.GetBytes($"{id}.{time}.").Concat(body).ToArray()));
        var json = JsonElement.Parse(body);
        return request.Headers["webhook-signature"] != expected ? "signature"
            : json.GetProperty("id").GetString() != id || json.GetProperty("data").GetProperty("alerts").ValueKind != JsonValueKind.Array ? "shape" : null;
    }

    private static string? Slack(JsonElement body) =>
        body.EnumerateObject().Any(p => p.Name is not "text") || body.GetProperty("text").GetString() is not { Length: > 0 and < 40_000 } ? "invalid_payload" : null;

    private static string? Teams(JsonElement body)
    {
        var card = body.GetProperty("attachments")[0];
        var content = card.GetProperty("content");
        return body.GetProperty("type").GetString() == "message" && card.GetProperty("contentType").GetString() == "application/vnd.microsoft.card.adaptive"
            && content.GetProperty("type").GetString() == "AdaptiveCard" && content.GetProperty("version").GetString() is "1.4"
            && content.GetProperty("body").EnumerateArray().All(b => b.GetProperty("type").GetString() == "TextBlock" && b.GetProperty("text").GetString()!.Length > 0) ? null : "no adaptive card";
    }
}

/// <summary>A mail as the server took it.</summary>
/// <param name="From">Envelope.</param>
/// <param name="To">Envelope.</param>
/// <param name="Headers">By name, decoded.</param>
/// <param name="Text">The body, decoded.</param>
public sealed record ReceivedMail(string From, IReadOnlyList<string> To, IReadOnlyDictionary<string, string> Headers, string Text);

/// <summary>
/// A mail server over TCP that holds the conversation of RFC 5321 in its order and wants a sign-in (RFC 4954, AUTH LOGIN). What comes out of turn is
/// refused, as is everything while <see cref="IsDown"/>.
/// </summary>
public sealed class MailServer : IAsyncDisposable
{
    public const string User = "clarity", Password = "mail-password";
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource _stop = new();
    private Task? _accepting;

    public int Port { get; private set; }

    /// <summary>Answers every sender with 421.</summary>
    public bool IsDown { get; set; }

    /// <summary>Mails that were taken.</summary>
    public ConcurrentQueue<ReceivedMail> Taken { get; } = new();

    public static MailServer Start()
    {
        var server = new MailServer();
        server._listener.Start();
        server.Port = ((IPEndPoint)server._listener.LocalEndpoint).Port;
        server._accepting = server.AcceptAsync();
        return server;
    }

    /// <summary>Mails to an address.</summary>
    public IReadOnlyList<ReceivedMail> To(string address) => [.. Taken.Where(m => m.To.Contains(address))];

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        _listener.Stop();
        await _accepting!;
        _stop.Dispose();
        _listener.Dispose();
    }

    private async Task AcceptAsync()
    {
        try
        {
            while (true)
                _ = TalkAsync(await _listener.AcceptTcpClientAsync(_stop.Token));
        }
        catch (OperationCanceledException)
        {
            // the test is over
        }
    }

    private async Task TalkAsync(TcpClient client)
    {
        using var _ = client;
        await using var stream = client.GetStream();
        using var reader = new StreamReader(stream, Encoding.UTF8);
        await using var writer = new StreamWriter(stream, new UTF8Encoding(false)) { NewLine = "\r\n", AutoFlush = true };
        if (IsDown)
        {
            await writer.WriteLineAsync("421 mail.example.com down for maintenance");
            return;
        }
        await writer.WriteLineAsync("220 mail.example.com ESMTP");
        var (greeted, signedIn, from, to) = (false, false, (string?)null, new List<string>());
        while (await reader.ReadLineAsync(_stop.Token) is { } line)
        {
            var answer = line switch
            {
                _ when line.StartsWith("EHLO ", StringComparison.Ordinal) => "250-mail.example.com\r\n250 AUTH LOGIN",
                _ when !greeted => "503 Send EHLO first",
                _ when line.StartsWith("AUTH LOGIN", StringComparison.OrdinalIgnoreCase) => await SignInAsync(line, reader, writer) ? "235 Signed in" : "535 Wrong name or password",
                "QUIT" => "221 Bye",
                _ when !signedIn => "530 Sign in first",
                _ when line.StartsWith("MAIL FROM:<", StringComparison.Ordinal) && from is null => "250 OK",
                _ when line.StartsWith("RCPT TO:<", StringComparison.Ordinal) && from is not null => line.Contains("@nowhere.example.com", StringComparison.Ordinal) ? "550 No such mailbox" : "250 OK",
                "DATA" when to.Count > 0 => "354 Go on",
                _ => "503 Out of turn",
            };
            greeted |= line.StartsWith("EHLO ", StringComparison.Ordinal);
            signedIn |= answer.StartsWith("235", StringComparison.Ordinal);
            if (line.StartsWith("MAIL FROM:<", StringComparison.Ordinal) && answer[0] == '2')
                from = line[11..line.IndexOf('>')];
            if (line.StartsWith("RCPT TO:<", StringComparison.Ordinal) && answer[0] == '2')
                to.Add(line[9..line.IndexOf('>')]);
            await writer.WriteLineAsync(answer);
            if (answer.StartsWith("354", StringComparison.Ordinal))
            {
                Taken.Enqueue(await ReadAsync(reader, from!, [.. to]));
                (from, to) = (null, []);
                await writer.WriteLineAsync("250 Taken");
            }
            if (answer.StartsWith("221", StringComparison.Ordinal))
                return;
        }
    }

    private static async Task<bool> SignInAsync(string line, StreamReader reader, StreamWriter writer)
    {
        var user = line.Length > 11 ? line[11..] : null;
        if (user is null)
        {
            await writer.WriteLineAsync("334 VXNlcm5hbWU6");
            user = await reader.ReadLineAsync();
        }
        await writer.WriteLineAsync("334 UGFzc3dvcmQ6");
        return (Plain(user!), Plain((await reader.ReadLineAsync())!)) == (User, Password);

        static string Plain(string base64) => Encoding.UTF8.GetString(Convert.FromBase64String(base64));
    }

    private static async Task<ReceivedMail> ReadAsync(StreamReader reader, string from, IReadOnlyList<string> to)
    {
        var (headers, last, body, isBody) = (new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase), "", new StringBuilder(), false);
        while (await reader.ReadLineAsync() is { } line && line != ".")
        {
            if (line.StartsWith('.'))
                line = line[1..];
            if (isBody)
                body.Append(line).Append('\n');
            else if (line.Length == 0)
                isBody = true;
            else if (line[0] is ' ' or '\t')
                headers[last] += "\n" + line.Trim();
            else
                headers[last = line[..line.IndexOf(':')]] = line[(line.IndexOf(':') + 1)..].Trim();
        }
        var text = headers.GetValueOrDefault("Content-Transfer-Encoding") switch
        {
            "base64" => Encoding.UTF8.GetString(Convert.FromBase64String(body.ToString())),
            "quoted-printable" => QuotedPrintable(body.ToString()),
            _ => body.ToString(),
        };
        headers["Subject"] = string.Concat(headers["Subject"].Split('\n').Select(Word));
        return new ReceivedMail(from, to, headers, text.ReplaceLineEndings("\n"));
    }

    private static string Word(string part) => part.StartsWith("=?utf-8?B?", StringComparison.OrdinalIgnoreCase) ? Encoding.UTF8.GetString(Convert.FromBase64String(part[10..^2]))
        : part.StartsWith("=?utf-8?Q?", StringComparison.OrdinalIgnoreCase) ? QuotedPrintable(part[10..^2].Replace('_', ' ')) : part;

    private static string QuotedPrintable(string text)
    {
        var bytes = new List<byte>();
        text = text.Replace("=\n", "", StringComparison.Ordinal);
        for (var i = 0; i < text.Length; i++)
            if (text[i] == '=' && i + 2 < text.Length)
            {
                bytes.Add(Convert.ToByte(text.Substring(i + 1, 2), 16));
                i += 2;
            }
            else
                bytes.AddRange(Encoding.UTF8.GetBytes(text[i].ToString()));
        return Encoding.UTF8.GetString([.. bytes]);
    }
}
