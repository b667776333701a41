using System.Collections.Concurrent;
using System.Net.WebSockets;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace ClarityTracking.Core.Health.InstallCheck;

/// <summary>A conversation with a browser in the Chrome DevTools Protocol (chromedevtools.github.io/devtools-protocol, November 2026).</summary>
internal sealed class DevTools : IAsyncDisposable
{
    /// <summary>Longer messages are not taken: a page can make the browser tell of texts of any length. A look at 2 MiB of a page, escaped twice, is shorter.</summary>
    private const int LongestMessage = 16 * 1024 * 1024;

    private readonly ClientWebSocket _socket = new();
    private readonly ConcurrentDictionary<int, TaskCompletionSource<JsonElement>> _waiting = new();
    private readonly SemaphoreSlim _sending = new(1);
    private readonly CancellationTokenSource _end = new();
    private readonly TaskCompletionSource _gone = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private Task? _reading;
    private IOException? _over;
    private int _id;

    /// <summary>Called for every event, in their order: method and parameters.</summary>
    public Action<string, JsonElement>? OnEvent { get; set; }

    /// <summary>Ends with the conversation; never fails.</summary>
    public Task Gone => _gone.Task;

    /// <summary>The page told more than is taken in: it ended the conversation.</summary>
    public bool IsOverfull { get; private set; }

    public async Task ConnectAsync(Uri address, CancellationToken cancel)
    {
        await _socket.ConnectAsync(address, cancel);
        _reading = ReadAsync();
    }

    /// <summary>Sends a command and waits for its result.</summary>
    /// <exception cref="IOException">The browser refused it or is gone.</exception>
    public async Task<JsonElement> SendAsync(string method, JsonObject? parameters, string? session, CancellationToken cancel)
    {
        var id = Interlocked.Increment(ref _id);
        var result = _waiting[id] = new TaskCompletionSource<JsonElement>(TaskCreationOptions.RunContinuationsAsynchronously);
        if (_over is not null)
            throw new IOException(_over.Message, _over);
        var message = new JsonObject { ["id"] = id, ["method"] = method, ["params"] = parameters ?? [] };
        if (session is not null)
            message["sessionId"] = session;
        await _sending.WaitAsync(cancel);
        try
        {
            await _socket.SendAsync(JsonSerializer.SerializeToUtf8Bytes(message), WebSocketMessageType.Text, true, cancel);
        }
        catch (Exception error) when (error is WebSocketException or InvalidOperationException)
        {
            throw new IOException("The browser has gone.", error);
        }
        finally
        {
            _sending.Release();
        }
        return await result.Task.WaitAsync(cancel);
    }

    public async ValueTask DisposeAsync()
    {
        await _end.CancelAsync();
        _socket.Abort();
        if (_reading is not null)
            await _reading;
        _socket.Dispose();
        _sending.Dispose();
        _end.Dispose();
    }

    private async Task ReadAsync()
    {
        var buffer = new byte[64 * 1024];
        Exception? why = null;
        try
        {
            while (true)
            {
                using var message = new MemoryStream();
                ValueWebSocketReceiveResult part;
                do
                {
                    part = await _socket.ReceiveAsync(buffer.AsMemory(), _end.Token);
                    if (message.Length + part.Count > LongestMessage)
                    {
                        IsOverfull = true;
                        throw new IOException($"The browser told more than {LongestMessage} bytes at once.");
                    }
                    message.Write(buffer, 0, part.Count);
                }
                while (!part.EndOfMessage);
                if (part.MessageType == WebSocketMessageType.Close)
                    break;
                Take(JsonElement.Parse(message.ToArray()));
            }
        }
        catch (Exception error) // whatever it is, nobody reads any more: who waits must be told
        {
            why = error;
        }
        _over = new IOException("The browser has gone.", why);
        foreach (var waiting in _waiting.Values)
            waiting.TrySetException(_over);
        _gone.TrySetResult();
        _socket.Abort();
    }

    private void Take(JsonElement json)
    {
        if (json.TryGetProperty("id", out var id) && _waiting.TryRemove(id.GetInt32(), out var waiting))
        {
            if (json.TryGetProperty("error", out var error))
                waiting.TrySetException(new IOException($"The browser refused: {error}"));
            else
                waiting.TrySetResult(json.GetProperty("result"));
        }
        else if (json.TryGetProperty("method", out var method) && json.TryGetProperty("params", out var parameters))
            OnEvent?.Invoke(method.GetString()!, parameters);
    }
}
