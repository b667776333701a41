using System.Threading.Channels;
using ClarityTracking.Core.Data;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace ClarityTracking.Core.Ingestion.Store;

/// <summary>
/// Makes events durable. Requests that arrive while a commit runs share the next one (group commit): a bounded queue, a few writer
/// loops with a connection each, one transaction per group. A request is answered only after its commit.
/// </summary>
public sealed partial class EventWriter(NpgsqlDataSource database, EventsStored stored, TimeProvider clock, ILogger<EventWriter> log) : BackgroundService
{
    /// <summary>While one loop waits for the disk, the other fills the next transaction.</summary>
    private const int Loops = 2;
    private const int MostRowsPerCommit = 1000;
    private const int MostRowsQueued = 20_000;
    private static readonly TimeSpan RetryWhenFull = TimeSpan.FromSeconds(1), RetryWhenAway = TimeSpan.FromSeconds(5);

    private readonly Channel<WriteRequest> _queue = Channel.CreateUnbounded<WriteRequest>(new() { SingleReader = false });
    private int _rowsQueued;
    private volatile bool _databaseAway;

    /// <summary>Rows waiting for a commit.</summary>
    public int RowsQueued => Volatile.Read(ref _rowsQueued);

    /// <summary>The last commit failed because the database did not answer, and none has succeeded since.</summary>
    public bool IsDatabaseAway => _databaseAway;

    /// <summary>Stores a request. Not cancellable: a browser that has left still wants its events kept.</summary>
    /// <exception cref="IntakeUnavailableException">Nothing of it was stored.</exception>
    public Task<WriteResult> WriteAsync(WriteRequest request)
    {
        if (_databaseAway)
            throw new IntakeUnavailableException("The database is away.", RetryWhenAway);
        var size = SizeOf(request);
        if (Interlocked.Add(ref _rowsQueued, size) > MostRowsQueued)
        {
            Interlocked.Add(ref _rowsQueued, -size);
            throw new IntakeUnavailableException("Too many events are waiting to be stored.", RetryWhenFull);
        }
        if (!_queue.Writer.TryWrite(request))
        {
            Interlocked.Add(ref _rowsQueued, -size);
            throw new IntakeUnavailableException("The app is shutting down.", RetryWhenAway);
        }
        return request.Done.Task;
    }

    /// <summary>Takes no more requests and stores those it has.</summary>
    public override async Task StopAsync(CancellationToken cancellationToken)
    {
        _queue.Writer.TryComplete();
        if (ExecuteTask is { } running)
            await running.WaitAsync(cancellationToken);
        await base.StopAsync(cancellationToken);
    }

    protected override Task ExecuteAsync(CancellationToken stoppingToken) =>
        Task.WhenAll(Enumerable.Range(0, Loops).Select(_ => Task.Run(LoopAsync, CancellationToken.None)));

    private async Task LoopAsync()
    {
        await using var transaction = new EventTransaction(database, clock);
        var group = new List<WriteRequest>();
        while (await _queue.Reader.WaitToReadAsync())
        {
            var rows = 0;
            while (rows < MostRowsPerCommit && _queue.Reader.TryRead(out var request))
            {
                group.Add(request);
                rows += SizeOf(request);
            }
            await StoreAsync(transaction, group);
            Interlocked.Add(ref _rowsQueued, -rows);
            group.Clear();
        }
    }

    private async Task StoreAsync(EventTransaction transaction, List<WriteRequest> group)
    {
        try
        {
            var duplicates = await transaction.CommitAsync(group);
            _databaseAway = false;
            stored.Raise();
            for (var i = 0; i < group.Count; i++)
                group[i].Done.SetResult(new WriteResult(duplicates[i], []));
        }
        catch (PostgresException error) when (DataErrors.IsAboutRows(error))
        {
            await StoreApartAsync(transaction, group, error);
        }
        catch (Exception error) // whatever it was, those who wait must hear that nothing is stored
        {
            await transaction.ResetAsync();
            if (error is NpgsqlException or IOException or TimeoutException)
                NoteAway(error);
            else
                LogUnexpected(error);
            foreach (var request in group)
                request.Done.SetException(new IntakeUnavailableException("The events could not be stored.", RetryWhenAway, error));
        }
    }

    /// <summary>One row the database refuses must not spoil the others: halves are tried until it stands alone.</summary>
    private async Task StoreApartAsync(EventTransaction transaction, List<WriteRequest> group, PostgresException error)
    {
        if (group.Count > 1)
        {
            var half = group.Count / 2;
            await StoreAsync(transaction, group.Take(half).ToList());
            await StoreAsync(transaction, group.Skip(half).ToList());
            return;
        }
        var request = group[0];
        if (request.Rows.Count == 0)
        {
            LogNotStorable(error.SqlState, error.MessageText); // refused events only: their sender has their names already
            request.Done.SetResult(new WriteResult(0, []));
            return;
        }
        var refused = new List<int>();
        WriteRequest[] parts;
        if (request.Dropped.Count > 0)
            parts = [new(request.Rows, []), new([], request.Dropped)];
        else if (request.Rows.Count > 1)
            parts = [new([.. request.Rows.Take(request.Rows.Count / 2)], []), new([.. request.Rows.Skip(request.Rows.Count / 2)], [])];
        else
        {
            LogNotStorable(error.SqlState, error.MessageText);
            refused.Add(request.Rows[0].Index);
            parts = [new([], [RefusedOf(request.Rows[0].Event)])];
        }
        foreach (var part in parts)
            await StoreAsync(transaction, [part]);
        await JoinAsync(request, parts, refused);
    }

    /// <summary>Answers a request by its parts: as unavailable only when nothing of it is stored, else with what is not stored.</summary>
    private static async Task JoinAsync(WriteRequest request, WriteRequest[] parts, List<int> notStored)
    {
        var duplicates = 0;
        IntakeUnavailableException? unavailable = null;
        foreach (var part in parts)
            try
            {
                var result = await part.Done.Task;
                duplicates += result.Duplicates;
                notStored.AddRange(result.NotStorable);
            }
            catch (IntakeUnavailableException error)
            {
                unavailable = error;
                notStored.AddRange(part.Rows.Select(r => r.Index));
            }
        if (unavailable is not null && notStored.Count == request.Rows.Count)
            request.Done.SetException(unavailable);
        else
            request.Done.SetResult(new WriteResult(duplicates, notStored));
    }

    private static DroppedEvent RefusedOf(Event refused) => new()
    {
        WorkspaceId = refused.WorkspaceId,
        WebsiteId = refused.WebsiteId,
        Id = refused.Id,
        ReceivedAt = refused.ReceivedAt,
        EventId = refused.EventId,
        Name = refused.Name,
        Reason = DropReason.NotStorable.Word(),
        Detail = "The database refused this event.",
    };

    /// <summary>Refuses new requests at once while the database is away, until it answers again.</summary>
    private void NoteAway(Exception error)
    {
        if (_databaseAway)
            return;
        _databaseAway = true;
        LogAway(error);
        _ = Task.Run(ProbeAsync);
    }

    private async Task ProbeAsync()
    {
        while (_databaseAway && !_queue.Reader.Completion.IsCompleted)
        {
            try
            {
                await using var connection = await database.OpenConnectionAsync();
                await using var ping = new NpgsqlCommand("SELECT 1", connection);
                await ping.ExecuteNonQueryAsync();
                _databaseAway = false;
                LogBack();
            }
            catch (Exception error) when (error is NpgsqlException or IOException or TimeoutException)
            {
                await Task.Delay(TimeSpan.FromMilliseconds(500), clock);
            }
        }
    }

    private static int SizeOf(WriteRequest request) => Math.Max(1, request.Rows.Count + request.Dropped.Count);

    [LoggerMessage(1001, LogLevel.Error, "The database is away; intake answers 503 until it is back")]
    private partial void LogAway(Exception error);

    [LoggerMessage(1002, LogLevel.Information, "The database is back; intake goes on")]
    private partial void LogBack();

    [LoggerMessage(1003, LogLevel.Warning, "An event could not be stored: {SqlState} {Message}")]
    private partial void LogNotStorable(string sqlState, string message);

    [LoggerMessage(1004, LogLevel.Error, "A group of events could not be stored")]
    private partial void LogUnexpected(Exception error);
}
