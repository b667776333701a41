using ClarityTracking.Core.Data;
using ClarityTracking.Core.Ingestion.Store;
using ClarityTracking.Tests.Support;
using Microsoft.Extensions.Logging.Abstractions;
using Npgsql;

namespace ClarityTracking.Tests.Ingestion.Store;

/// <summary>What the writer answers and keeps when PostgreSQL refuses a row that every check has passed.</summary>
public sealed class EventWriterTests : IAsyncLifetime
{
    private static readonly DateTimeOffset Now = new(2026, 11, 20, 10, 0, 0, TimeSpan.Zero);
    private string _connectionString = "";
    private NpgsqlDataSource _database = null!;

    public async Task InitializeAsync() => _database = NpgsqlDataSource.Create(_connectionString = await TestDatabase.CreateAsync());

    public async Task DisposeAsync() => await _database.DisposeAsync();

    [Fact]
    public async Task Write_OneRowTheDatabaseRefuses_StoresTheOthersAndKeepsItsDrop()
    {
        var mixed = new WriteRequest([Row("a", 0), Row("b", 1), Row("bad", 2, "{no json"), Row("c", 3)], [Dropped("d")]);
        var alone = new WriteRequest([Row("bad2", 0, "{no json")], [Dropped("e")]);
        var results = await WriteTogetherAsync(mixed, alone, new WriteRequest([Row("f", 0)], []));
        Assert.Equal(["2", "0", ""], results.Select(r => string.Join(',', r.NotStorable)));
        Assert.Equal("a,b,c,f", await TextAsync("SELECT string_agg(event_id, ',' ORDER BY event_id) FROM events"));
        Assert.Equal("bad:not_storable,bad2:not_storable,d:wrong_type,e:wrong_type",
            await TextAsync("SELECT string_agg(event_id || ':' || reason, ',' ORDER BY event_id) FROM dropped_events"));
    }

    [Fact]
    public async Task Write_ConnectionLostAfterAPartWasStored_SaysWhichEventsAreNotStored()
    {
        await TestDatabase.RunAsync(_connectionString, """
            CREATE FUNCTION cut() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); PERFORM pg_sleep(1); RETURN NEW; END $$;
            CREATE TRIGGER cut BEFORE INSERT ON events FOR EACH ROW WHEN (NEW.event_id = 'cut') EXECUTE FUNCTION cut();
            """);
        var request = new WriteRequest([Row("a", 0), Row("b", 1), Row("bad", 2, "{no json"), Row("cut", 3)], []);
        var result = Assert.Single(await WriteTogetherAsync(request));
        Assert.Equal([2, 3], result.NotStorable.Order());
        Assert.Equal("a,b", await TextAsync("SELECT string_agg(event_id, ',' ORDER BY event_id) FROM events"));
    }

    /// <summary>Queued before the loops begin, so that they share a commit.</summary>
    private async Task<WriteResult[]> WriteTogetherAsync(params WriteRequest[] requests)
    {
        using var writer = new EventWriter(_database, new EventsStored(), TimeProvider.System, NullLogger<EventWriter>.Instance);
        var writes = requests.Select(writer.WriteAsync).ToList();
        await writer.StartAsync(CancellationToken.None);
        var results = await Task.WhenAll(writes).WaitAsync(TimeSpan.FromSeconds(30));
        await writer.StopAsync(CancellationToken.None);
        return results;
    }

    private static EventRow Row(string id, int index, string properties = "{}") => new(new Event
    {
        WorkspaceId = Guid.AllBitsSet,
        WebsiteId = Guid.AllBitsSet,
        Id = Guid.CreateVersion7(Now),
        EventId = id,
        Name = "lead",
        Source = EventSource.Browser,
        OccurredAt = Now,
        ReceivedAt = Now,
    }, null, System.Text.Encoding.UTF8.GetBytes(properties), null, index);

    private static DroppedEvent Dropped(string id) => new()
    {
        WorkspaceId = Guid.AllBitsSet,
        WebsiteId = Guid.AllBitsSet,
        Id = Guid.CreateVersion7(Now),
        ReceivedAt = Now,
        EventId = id,
        Reason = "wrong_type",
    };

    private async Task<string> TextAsync(string sql)
    {
        await using var select = _database.CreateCommand(sql);
        return (string)(await select.ExecuteScalarAsync())!;
    }
}
