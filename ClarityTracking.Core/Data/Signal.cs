using System.Threading.Channels;

namespace ClarityTracking.Core.Data;

/// <summary>
/// Says "there is work" to a worker of the same process, so that it need not wait for its next look at the database. Saying it many
/// times before it is heard is the same as once; a signal lost with a process costs one polling interval.
/// </summary>
public class Signal
{
    private readonly Channel<bool> _channel = Channel.CreateBounded<bool>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });

    /// <summary>There is work.</summary>
    public void Raise() => _channel.Writer.TryWrite(true);

    /// <summary>Returns when there is work, or after <paramref name="atMost"/>.</summary>
    public async Task WaitAsync(TimeSpan atMost, CancellationToken cancel)
    {
        using var timeout = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        timeout.CancelAfter(atMost);
        try
        {
            await _channel.Reader.ReadAsync(timeout.Token);
        }
        catch (OperationCanceledException) when (!cancel.IsCancellationRequested)
        {
            // time for the next look
        }
    }
}
