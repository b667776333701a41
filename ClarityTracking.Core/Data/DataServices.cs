using System.Data.Common;
using ClarityTracking.Core.Tenancy;
using Microsoft.AspNetCore.Identity;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Diagnostics;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace ClarityTracking.Core.Data;

/// <summary>Registers the database.</summary>
public static class DataServices
{
    /// <summary>One pool for all; COPY and queues use it directly, everything else through <see cref="ClarityDb"/>.</summary>
    public static IServiceCollection AddClarityData(this IServiceCollection services, string connectionString)
    {
        services.AddSingleton(_ => NpgsqlDataSource.Create(WithDefaults(connectionString)));
        services.AddDbContextFactory<ClarityDbContext>((provider, options) => Configure(options, provider.GetRequiredService<NpgsqlDataSource>()));
        services.AddSingleton<ClarityDb>();
        services.Configure<IdentityOptions>(IdentitySchema.Configure);
        // Identity's stores take a scoped context; accounts belong to no workspace.
        services.AddScoped(provider => provider.GetRequiredService<ClarityDb>().System());
        return services;
    }

    /// <summary>Brings the schema up to date and makes the coming weeks' partitions.</summary>
    public static async Task MigrateAsync(IServiceProvider services, CancellationToken cancel)
    {
        await using (var context = services.GetRequiredService<ClarityDb>().System())
        {
            context.Database.SetCommandTimeout(LongestMigration);
            await context.Database.MigrateAsync(cancel);
        }
        var database = services.GetRequiredService<NpgsqlDataSource>();
        if (await Partitions.EnsureAsync(database, services.GetRequiredService<TimeProvider>().GetUtcNow(), cancel) is { Count: > 0 } notMade)
            services.GetRequiredService<ILoggerFactory>().CreateLogger(typeof(Partitions)).LogWarning(
                "Partitions not made, rows of these weeks go to the default partition: {Partitions}", string.Join(", ", notMade));
    }

    /// <summary>The same options at run time and at design time.</summary>
    public static void Configure(DbContextOptionsBuilder options, NpgsqlDataSource database) => options
        .UseNpgsql(database, npgsql => npgsql.MigrationsHistoryTable("migrations"))
        .AddInterceptors(Scopes)
        // The first start asks for a migrations table that is not there yet; failures that matter arrive as exceptions anyway.
        .ConfigureWarnings(warnings => warnings.Log((RelationalEventId.CommandError, LogLevel.Debug)));

    /// <summary>One statement of an upgrade, such as an index on a year of events, or waiting for another node that is upgrading.</summary>
    private static readonly TimeSpan LongestMigration = TimeSpan.FromHours(12);

    private static readonly ScopeInterceptor Scopes = new();

    /// <summary>A database that is away must be noticed in seconds, not in the driver's 15 s and 30 s.</summary>
    private static string WithDefaults(string connectionString)
    {
        var given = new NpgsqlConnectionStringBuilder(connectionString);
        // Npgsql's own builder says it contains every keyword there is
        var named = new DbConnectionStringBuilder { ConnectionString = connectionString };
        if (!named.ContainsKey("Timeout"))
            given.Timeout = 5;
        if (!named.ContainsKey("Command Timeout") && !named.ContainsKey("CommandTimeout"))
            given.CommandTimeout = 15;
        // A commit's COPY is up to a megabyte: the driver's 8 KiB would send it in a hundred pieces.
        if (!named.ContainsKey("Write Buffer Size"))
            given.WriteBufferSize = 64 * 1024;
        given.ApplicationName ??= "ClarityTracking";
        return given.ConnectionString;
    }
}
