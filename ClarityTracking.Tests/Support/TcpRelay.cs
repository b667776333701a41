using System.Net;
using System.Net.Sockets;

namespace ClarityTracking.Tests.Support;

/// <summary>A port that leads to another one and can be cut: what an unplugged cable looks like to the app. Or a slow one.</summary>
public sealed class TcpRelay : IAsyncDisposable
{
    private readonly int _target;
    private readonly Func<TimeSpan>? _delay;
    private readonly CancellationTokenSource _stop = new();
    private readonly List<TcpClient> _open = [];
    private TcpListener? _listener;

    /// <param name="target">The port it leads to.</param>
    /// <param name="delay">How long each packet is held up on its way; asked for every one, from several threads.</param>
    public TcpRelay(int target, Func<TimeSpan>? delay = null)
    {
        (_target, _delay) = (target, delay);
        _listener = new TcpListener(IPAddress.Loopback, 0);
        _listener.Start();
        Port = ((IPEndPoint)_listener.LocalEndpoint).Port;
        _ = AcceptAsync(_listener);
    }

    /// <summary>Where to connect.</summary>
    public int Port { get; }

    /// <summary>Drops all connections and refuses new ones.</summary>
    public void Cut()
    {
        _listener?.Stop();
        _listener = null;
        lock (_open)
        {
            _open.ForEach(c => c.Dispose());
            _open.Clear();
        }
    }

    /// <summary>Takes connections again.</summary>
    public void Restore()
    {
        _listener = new TcpListener(IPAddress.Loopback, Port);
        _listener.Start();
        _ = AcceptAsync(_listener);
    }

    public ValueTask DisposeAsync()
    {
        _stop.Cancel();
        Cut();
        _stop.Dispose();
        return ValueTask.CompletedTask;
    }

    private async Task AcceptAsync(TcpListener listener)
    {
        try
        {
            while (true)
                _ = RelayAsync(await listener.AcceptTcpClientAsync(_stop.Token));
        }
        catch (Exception error) when (error is SocketException or OperationCanceledException or ObjectDisposedException or InvalidOperationException)
        {
            // cut
        }
    }

    private async Task RelayAsync(TcpClient client)
    {
        var server = new TcpClient();
        lock (_open)
            _open.AddRange([client, server]);
        try
        {
            await server.ConnectAsync(IPAddress.Loopback, _target);
            client.NoDelay = server.NoDelay = true;
            await Task.WhenAny(CopyAsync(client.GetStream(), server.GetStream()), CopyAsync(server.GetStream(), client.GetStream()));
        }
        catch (Exception error) when (error is SocketException or IOException or ObjectDisposedException or InvalidOperationException)
        {
            // cut
        }
        finally
        {
            client.Dispose();
            server.Dispose();
        }
    }

    private async Task CopyAsync(NetworkStream from, NetworkStream to)
    {
        if (_delay is null)
        {
            await from.CopyToAsync(to);
            return;
        }
        var packet = new byte[16 * 1024];
        while (await from.ReadAsync(packet) is > 0 and var length)
        {
            if (_delay() is { Ticks: > 0 } wait)
                await Task.Delay(wait);
            await to.WriteAsync(packet.AsMemory(0, length));
        }
    }
}
