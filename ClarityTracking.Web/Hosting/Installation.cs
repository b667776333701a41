using System.Security.Cryptography;
using ClarityTracking.Core.Data;
using Npgsql;

namespace ClarityTracking.Web.Hosting;

/// <summary>What this installation stands on: its database and its master key, made on the first start when none is given.</summary>
public sealed class Installation : IAsyncDisposable
{
    private readonly EmbeddedPostgres? _embedded;

    private Installation(string connectionString, byte[] masterKey, EmbeddedPostgres? embedded) =>
        (ConnectionString, MasterKey, _embedded) = (connectionString, masterKey, embedded);

    /// <summary>Where the data lies, for people; no password in it.</summary>
    public string DataPlace
    {
        get
        {
            var server = new NpgsqlConnectionStringBuilder(ConnectionString);
            return _embedded is { } embedded ? $"{embedded.Cluster} (own PostgreSQL, port {server.Port})" : $"PostgreSQL {server.Host}:{server.Port}/{server.Database}";
        }
    }

    /// <summary>PostgreSQL: the operator's or the embedded one.</summary>
    public string ConnectionString { get; }

    /// <summary>32 bytes that encrypt credentials, personal data and the key ring.</summary>
    public byte[] MasterKey { get; }

    /// <summary>True when the app runs its own PostgreSQL.</summary>
    public bool IsEmbedded => _embedded is not null;

    /// <summary>Reads the settings and starts the embedded PostgreSQL when no connection string is given.</summary>
    /// <exception cref="InvalidOperationException">A setting is wrong; the message names it.</exception>
    public static async Task<Installation> PrepareAsync(IConfiguration configuration, IHostEnvironment environment, CancellationToken cancel)
    {
        var dataDirectory = Path.Combine(environment.ContentRootPath, configuration["Clarity:DataDirectory"] ?? ".data");
        var masterKey = ReadMasterKey(configuration["Clarity:MasterKey"], dataDirectory);
        if (configuration.GetConnectionString("Clarity") is { Length: > 0 } connectionString)
            return new Installation(connectionString, masterKey, embedded: null);
        var embedded = await EmbeddedPostgres.StartAsync(dataDirectory, [environment.ContentRootPath, AppContext.BaseDirectory], temporary: false, cancel);
        return new Installation(embedded.ConnectionString, masterKey, embedded);
    }

    public async ValueTask DisposeAsync()
    {
        if (_embedded is not null)
            await _embedded.DisposeAsync();
    }

    private static byte[] ReadMasterKey(string? setting, string dataDirectory)
    {
        if (setting is { Length: > 0 })
            return KeyFrom(setting, "Clarity__MasterKey");
        Directory.CreateDirectory(dataDirectory);
        var file = Path.Combine(dataDirectory, "master.key");
        if (!File.Exists(file))
        {
            var options = new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write };
            if (!OperatingSystem.IsWindows())
                options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
            using var writer = new StreamWriter(file, options);
            writer.WriteLine(Convert.ToBase64String(RandomNumberGenerator.GetBytes(32)));
        }
        return KeyFrom(File.ReadAllText(file).Trim(), file);
    }

    private static byte[] KeyFrom(string text, string source)
    {
        Span<byte> key = stackalloc byte[48];
        return Convert.TryFromBase64String(text, key, out var length) && length == 32
            ? key[..32].ToArray()
            : throw new InvalidOperationException($"{source} must hold 32 random bytes in base64, as 'openssl rand -base64 32' prints them.");
    }
}
