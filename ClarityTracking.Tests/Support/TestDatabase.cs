using ClarityTracking.Core;
using ClarityTracking.Core.Data;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Npgsql;

namespace ClarityTracking.Tests.Support;

/// <summary>
/// One temporary PostgreSQL for all tests, with a migrated database that others are copied from: a fresh database costs some 50 ms.
/// </summary>
public static class TestDatabase
{
    private const string Template = "migrated", FolderPrefix = "clarity-tests-";
    private static readonly Lazy<Task<EmbeddedPostgres>> Server = new(StartAsync);
    private static readonly SemaphoreSlim Copying = new(1, 1);
    private static int _number;

    /// <summary>The connection string of a new, migrated, empty database.</summary>
    public static async Task<string> CreateAsync()
    {
        var server = await Server.Value;
        var name = $"test_{Interlocked.Increment(ref _number)}";
        await Copying.WaitAsync(); // PostgreSQL copies a template for one at a time
        try
        {
            await RunAsync(server.ConnectionString, $"CREATE DATABASE {name} TEMPLATE {Template}");
        }
        finally
        {
            Copying.Release();
        }
        return new NpgsqlConnectionStringBuilder(server.ConnectionString) { Database = name, MaxPoolSize = 20 }.ConnectionString;
    }

    /// <summary>Runs SQL that answers nothing, as the owner of everything.</summary>
    public static async Task RunAsync(string connectionString, string sql)
    {
        await using var connection = new NpgsqlConnection(connectionString);
        await connection.OpenAsync();
        await using var command = new NpgsqlCommand(sql, connection);
        await command.ExecuteNonQueryAsync();
    }

    /// <summary>Folders of test runs that ended before they could tidy up. Another run may be doing the same; what it holds is left to it.</summary>
    private static void RemoveLeftovers()
    {
        if (!OperatingSystem.IsLinux())
            return;
        foreach (var folder in Directory.GetDirectories(Path.GetTempPath(), FolderPrefix + "*").Where(f => !Directory.Exists($"/proc/{f[(f.LastIndexOf('-') + 1)..]}")))
            try
            {
                Directory.Delete(folder, recursive: true);
            }
            catch (Exception error) when (error is IOException or UnauthorizedAccessException)
            {
                Console.Error.WriteLine($"{folder} could not be removed: {error.Message}");
            }
    }

    private static async Task<EmbeddedPostgres> StartAsync()
    {
        RemoveLeftovers();
        var folder = Path.Combine(Path.GetTempPath(), $"{FolderPrefix}{Environment.ProcessId}");
        var server = await EmbeddedPostgres.StartAsync(folder, [AppContext.BaseDirectory], temporary: true, CancellationToken.None);
        AppDomain.CurrentDomain.ProcessExit += (_, _) => server.DisposeAsync().AsTask().Wait(TimeSpan.FromSeconds(20));
        await RunAsync(server.ConnectionString, $"CREATE DATABASE {Template}");
        var connectionString = new NpgsqlConnectionStringBuilder(server.ConnectionString) { Database = Template, Pooling = false }.ConnectionString;
        var services = new ServiceCollection();
        services.AddLogging().AddSingleton<IConfiguration>(new ConfigurationBuilder().Build());
        services.AddClarityCore(connectionString, new byte[32]);
        await using var provider = services.BuildServiceProvider();
        await DataServices.MigrateAsync(provider, CancellationToken.None);
        return server;
    }
}
