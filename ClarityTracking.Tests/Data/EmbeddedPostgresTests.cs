using ClarityTracking.Core.Data;
using ClarityTracking.Tests.Support;
using Npgsql;

namespace ClarityTracking.Tests.Data;

public sealed class EmbeddedPostgresTests
{
    [Fact]
    public async Task Start_AfterAFirstStartThatWasCutOff_MakesTheClusterAnew()
    {
        await using var database = NpgsqlDataSource.Create(await TestDatabase.CreateAsync());
        await using var show = database.CreateCommand("SHOW data_directory");
        var name = Path.GetFileName((string)(await show.ExecuteScalarAsync())!);
        var folder = Directory.CreateTempSubdirectory("clarity-first-start-");
        if (!OperatingSystem.IsWindows())
            folder.UnixFileMode |= UnixFileMode.OtherRead | UnixFileMode.OtherExecute;
        var unfinished = Directory.CreateDirectory(Path.Combine(folder.FullName, name + ".new"));
        await File.WriteAllTextAsync(Path.Combine(unfinished.FullName, "PG_VERSION"), name[2..]);

        await using var server = await EmbeddedPostgres.StartAsync(folder.FullName, [AppContext.BaseDirectory], temporary: true, CancellationToken.None);
        Assert.Equal(Path.Combine(folder.FullName, name), server.Cluster);
        Assert.False(unfinished.Exists && Directory.Exists(unfinished.FullName));
        await TestDatabase.RunAsync(server.ConnectionString, "SELECT 1");
    }

    [Fact]
    public async Task Dispose_ServerOfAnotherApp_IsLeftRunning_OfAKilledApp_IsStopped()
    {
        var folder = Directory.CreateTempSubdirectory("clarity-owner-");
        if (!OperatingSystem.IsWindows())
            folder.UnixFileMode |= UnixFileMode.OtherRead | UnixFileMode.OtherExecute;
        var first = await StartAsync(folder);
        await using (var guest = await StartAsync(folder))
            Assert.Equal(first.ConnectionString, guest.ConnectionString);
        await TestDatabase.RunAsync(first.ConnectionString, "SELECT 1"); // the guest left it alone

        await File.WriteAllTextAsync(first.Cluster + ".owner", "2147483646"); // the first one was killed
        await (await StartAsync(folder)).DisposeAsync();
        await Assert.ThrowsAnyAsync<NpgsqlException>(() => TestDatabase.RunAsync(first.ConnectionString, "SELECT 1"));
        folder.Delete(recursive: true);
    }

    private static Task<EmbeddedPostgres> StartAsync(DirectoryInfo folder) =>
        EmbeddedPostgres.StartAsync(folder.FullName, [AppContext.BaseDirectory], temporary: false, CancellationToken.None);
}
