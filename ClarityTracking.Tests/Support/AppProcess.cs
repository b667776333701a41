using System.Diagnostics;
using System.Net;
using System.Net.Sockets;

namespace ClarityTracking.Tests.Support;

/// <summary>The app as a process of its own, so that it can be killed.</summary>
public sealed class AppProcess : IAsyncDisposable
{
    private readonly Process _process;

    private readonly List<string> _output;

    private AppProcess(Process process, string url, List<string> output) => (_process, Url, _output) = (process, url, output);

    /// <summary>What it wrote so far: warnings and errors.</summary>
    public string Output
    {
        get
        {
            lock (_output)
                return string.Join('\n', _output);
        }
    }

    /// <summary>Where it listens.</summary>
    public string Url { get; }

    /// <summary>Starts it and waits until it answers.</summary>
    public static async Task<AppProcess> StartAsync(string connectionString, IReadOnlyDictionary<string, string>? settings = null)
    {
        var url = $"http://127.0.0.1:{FreePort()}";
        var start = new ProcessStartInfo("dotnet", [Path.Combine(AppContext.BaseDirectory, "ClarityTracking.Web.dll"), "--urls", url])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            WorkingDirectory = AppContext.BaseDirectory,
        };
        start.Environment["ConnectionStrings__Clarity"] = connectionString;
        start.Environment["Clarity__MasterKey"] = Convert.ToBase64String(new byte[32]);
        start.Environment["Logging__LogLevel__Default"] = "Warning";
        foreach (var (name, value) in settings ?? new Dictionary<string, string>())
            start.Environment[name] = value;
        var process = Process.Start(start)!;
        var output = new List<string>();
        void Keep(object _, DataReceivedEventArgs line)
        {
            lock (output)
                output.Add(line.Data ?? "");
        }
        process.OutputDataReceived += Keep;
        process.ErrorDataReceived += Keep;
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();

        using var http = new HttpClient();
        for (var waited = Stopwatch.StartNew(); waited.Elapsed < TimeSpan.FromSeconds(180); await Task.Delay(100))
        {
            if (process.HasExited)
                break;
            try
            {
                if ((await http.GetAsync($"{url}/health/live")).IsSuccessStatusCode)
                    return new AppProcess(process, url, output);
            }
            catch (HttpRequestException)
            {
                // not listening yet
            }
        }
        process.Kill();
        throw new InvalidOperationException("The app did not start: " + string.Join('\n', output));
    }

    /// <summary>SIGKILL: no clean-up, no flush.</summary>
    public async Task KillAsync()
    {
        _process.Kill();
        await _process.WaitForExitAsync();
    }

    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited)
            await KillAsync();
        _process.Dispose();
    }

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}
