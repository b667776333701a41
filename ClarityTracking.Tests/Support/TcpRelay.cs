using System.Net;
using System.Net.Sockets;

namespace ClarityTracking.Tests.Support;

/// <summary>A port that leads to another one and can be cut: what an unplugged cable looks like to the app.</summary>
public sealed class TcpRelay : IAsyncDisposable
{
    private readonly int _target;
    private readonly CancellationTokenSource _stop = new();
    private readonly List<TcpClient> _open = [];
    private TcpListener? _listener;

    public TcpRelay(int target)
    {
        _target = target;
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
            await Task.WhenAny(client.GetStream().CopyToAsync(server.GetStream()), server.GetStream().CopyToAsync(client.GetStream()));
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
}
