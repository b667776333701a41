using System.Collections.Concurrent;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;
using ClarityTracking.Core.Delivery;

namespace ClarityTracking.Core.Health.InstallCheck;

/// <summary>
/// The only way of the check's browser to anything: an HTTP proxy on this machine's loopback that looks names up itself, connects to what it looked
/// up and only to public networks (<see cref="PublicNetworks"/>), redirects, frames and scripts included, and lets so many bytes through.
/// </summary>
internal sealed class FilteringProxy : IAsyncDisposable
{
    private const int LongestHead = 64 * 1024;
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource _end = new();
    private readonly PublicNetworks _networks;
    private readonly long _mostBytes;
    private readonly Task _accepting;
    private long _bytes;

    /// <param name="networks">Which addresses are public.</param>
    /// <param name="mostBytes">Of all answers together; then every connection ends.</param>
    public FilteringProxy(PublicNetworks networks, long mostBytes)
    {
        (_networks, _mostBytes) = (networks, mostBytes);
        _listener.Start();
        _accepting = AcceptAsync();
    }

    /// <summary>Where it listens.</summary>
    public string Address => $"127.0.0.1:{((IPEndPoint)_listener.LocalEndpoint).Port}";

    /// <summary>Where an address leads: host and port.</summary>
    public static string PlaceOf(Uri url) => $"{url.Host}:{url.Port}";

    /// <summary>Hosts and ports that were refused because they are not public.</summary>
    public ConcurrentDictionary<string, bool> Refused { get; } = new(StringComparer.OrdinalIgnoreCase);

    /// <summary>More was asked for than is let through.</summary>
    public bool IsFull => Interlocked.Read(ref _bytes) > _mostBytes;

    public async ValueTask DisposeAsync()
    {
        await _end.CancelAsync();
        _listener.Stop();
        await _accepting;
        _end.Dispose();
    }

    private async Task AcceptAsync()
    {
        try
        {
            while (true)
                _ = ServeAsync(await _listener.AcceptTcpClientAsync(_end.Token));
        }
        catch (Exception error) when (error is OperationCanceledException or SocketException or ObjectDisposedException)
        {
            // it ends
        }
    }

    private async Task ServeAsync(TcpClient browser)
    {
        using (browser)
            try
            {
                var cancel = _end.Token;
                var from = browser.GetStream();
                if (await ReadHeadAsync(from, cancel) is not { } read)
                    return;
                var (head, rest) = read;
                var lines = head.Split("\r\n");
                if (lines[0].Split(' ') is not [var method, var target, _])
                    return;
                var isTunnel = method == "CONNECT";
                if (!Uri.TryCreate(isTunnel ? $"https://{target}" : target, UriKind.Absolute, out var url) || url.Scheme is not ("http" or "https"))
                    return;
                Stream server;
                try
                {
                    server = await _networks.ConnectAsync(url.IdnHost.Trim('[', ']'), url.Port, cancel);
                }
                catch (HttpRequestException)
                {
                    Refused[PlaceOf(url)] = true;
                    await from.WriteAsync("HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"u8.ToArray(), cancel);
                    return;
                }
                catch (SocketException)
                {
                    await from.WriteAsync("HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"u8.ToArray(), cancel);
                    return;
                }
                await using (server)
                {
                    long? up = null; // a tunnel has no end of its own
                    if (isTunnel)
                        await from.WriteAsync("HTTP/1.1 200 OK\r\n\r\n"u8.ToArray(), cancel);
                    else
                    {
                        // one request on each connection: the next one may be to another host
                        var headers = lines[1..].Where(l => !l.StartsWith("Proxy-", StringComparison.OrdinalIgnoreCase) && !l.StartsWith("Connection:", StringComparison.OrdinalIgnoreCase)).TakeWhile(l => l.Length > 0).ToList();
                        var length = headers.Find(h => h.StartsWith("Content-Length:", StringComparison.OrdinalIgnoreCase)) is { } told && long.TryParse(told.AsSpan(15), NumberStyles.AllowLeadingWhite, CultureInfo.InvariantCulture, out var n) ? n : 0;
                        await server.WriteAsync(Encoding.Latin1.GetBytes($"{method} {url.PathAndQuery} HTTP/1.1\r\n{string.Join("\r\n", headers)}\r\nConnection: close\r\n\r\n"), cancel);
                        up = length - rest.Length;
                    }
                    await server.WriteAsync(rest, cancel);
                    using var both = CancellationTokenSource.CreateLinkedTokenSource(cancel);
                    var sending = PumpAsync(from, server, up, counts: false, both.Token);
                    await PumpAsync(server, from, null, counts: true, both.Token);
                    await both.CancelAsync();
                    await sending;
                }
            }
            catch (Exception error) when (error is IOException or SocketException or OperationCanceledException or ObjectDisposedException or InvalidOperationException)
            {
                // either side has gone
            }
    }

    private static async Task<(string Head, byte[] More)?> ReadHeadAsync(NetworkStream from, CancellationToken cancel)
    {
        var buffer = new byte[LongestHead];
        var length = 0;
        while (length < buffer.Length)
        {
            var read = await from.ReadAsync(buffer.AsMemory(length), cancel);
            if (read == 0)
                return null;
            length += read;
            if (buffer.AsSpan(0, length).IndexOf("\r\n\r\n"u8) is >= 0 and var end)
                return (Encoding.Latin1.GetString(buffer, 0, end + 2), buffer[(end + 4)..length]);
        }
        return null;
    }

    private async Task PumpAsync(Stream from, Stream to, long? most, bool counts, CancellationToken cancel)
    {
        var buffer = new byte[32 * 1024];
        var left = most ?? long.MaxValue;
        try
        {
            while (left > 0)
            {
                var read = await from.ReadAsync(buffer.AsMemory(0, (int)Math.Min(buffer.Length, left)), cancel);
                if (read == 0 || (counts && Interlocked.Add(ref _bytes, read) > _mostBytes))
                    return;
                left -= read;
                await to.WriteAsync(buffer.AsMemory(0, read), cancel);
            }
        }
        catch (Exception error) when (error is IOException or SocketException or OperationCanceledException or ObjectDisposedException)
        {
            // the other side ends it
        }
    }
}
