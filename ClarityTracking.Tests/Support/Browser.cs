using System.Diagnostics;
using Microsoft.Playwright;

namespace ClarityTracking.Tests.Support;

/// <summary>A real Chromium, shared by a test class.</summary>
public sealed class Browser : IAsyncLifetime
{
    private IPlaywright? _playwright;
    private IBrowser? _browser;
    private IBrowser? _keeper;
    private readonly List<IPage> _pages = [];

    // a full machine takes its time; what is expected sooner or later is waited for. Of all assertions in the process.
    static Browser() => Assertions.SetDefaultExpectTimeout(30_000);

    public async Task InitializeAsync()
    {
        _playwright = await Playwright.CreateAsync();
        _browser = await LaunchAsync();
    }

    private Task<IBrowser> LaunchAsync(params string[] notByPlaywright) => _playwright!.Chromium.LaunchAsync(new()
    {
        ExecutablePath = Find(),
        Args = ["--no-sandbox", "--disable-dev-shm-usage", "--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-first-run"],
        IgnoreDefaultArgs = notByPlaywright,
    });

    /// <summary>A page of a browser that keeps left pages as real ones do; Playwright's has no back/forward cache.</summary>
    public async Task<IPage> NewPageThatIsKeptAsync()
    {
        _keeper ??= await LaunchAsync("--disable-back-forward-cache");
        return await (await _keeper.NewContextAsync()).NewPageAsync();
    }

    public async Task DisposeAsync()
    {
        // what was on screen at the end helps to read a failure
        if (Environment.GetEnvironmentVariable("CLARITY_SCREENSHOTS") is { Length: > 0 } folder)
            for (var i = 0; i < _pages.Count; i++)
                await _pages[i].ScreenshotAsync(new() { Path = Path.Combine(folder, $"page-{i}.png"), FullPage = true });
        if (_browser is not null)
            await _browser.DisposeAsync();
        if (_keeper is not null)
            await _keeper.DisposeAsync();
        _playwright?.Dispose();
    }

    /// <summary>A new visitor: no cookies, no storage.</summary>
    public async Task<IPage> NewPageAsync(bool dark = false, int width = 1280, int height = 860)
    {
        var context = await _browser!.NewContextAsync(new()
        {
            ViewportSize = new() { Width = width, Height = height },
            ColorScheme = dark ? ColorScheme.Dark : ColorScheme.Light,
            Locale = "en-GB",
            TimezoneId = "Europe/Berlin",
        });
        context.SetDefaultTimeout(20_000);
        var page = await context.NewPageAsync();
        _pages.Add(page);
        return page;
    }

    /// <summary>A Chromium that shows an address and that nobody drives; ends when it is disposed.</summary>
    public static IDisposable Start(string url) => new Undriven(url);

    private sealed class Undriven : IDisposable
    {
        private readonly string _profile = Directory.CreateTempSubdirectory("clarity-chromium-").FullName;
        private readonly Process _process;

        public Undriven(string url)
        {
            // a port nobody connects to keeps the headless browser running
            var start = new ProcessStartInfo(Find()!, ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
                "--remote-debugging-port=0", "--user-data-dir=" + _profile, url])
            { RedirectStandardError = true, RedirectStandardOutput = true };
            _process = Process.Start(start)!;
            _process.BeginErrorReadLine();
            _process.BeginOutputReadLine();
        }

        public void Dispose()
        {
            _process.Kill(entireProcessTree: true);
            _process.WaitForExit();
            _process.Dispose();
            Directory.Delete(_profile, recursive: true);
        }
    }

    /// <summary>CLARITY_BROWSER, else what lies along PATH, else what Playwright or the distribution installs.</summary>
    private static string? Find()
    {
        if (Environment.GetEnvironmentVariable("CLARITY_BROWSER") is { Length: > 0 } named)
            return named;
        if (OnPath() is { } found)
            return found;
        if (Microsoft.Playwright.Program.Main(["install", "chromium"]) == 0)
            return null; // Playwright's own
        if (OperatingSystem.IsLinux() && File.Exists("/usr/bin/apt-get"))
        {
            var install = "apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium fonts-inter fonts-noto-core";
            using var apt = Process.Start("sh", ["-c", Environment.UserName == "root" ? install : $"sudo -n sh -c '{install}'"]);
            apt.WaitForExit();
        }
        return OnPath() ?? throw new InvalidOperationException("No Chromium found and none could be installed. Install chromium, or set CLARITY_BROWSER to its path.");
    }

    private static string? OnPath() => (from folder in (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator)
                                        from name in (string[])["chromium", "chromium-browser", "google-chrome", "chrome.exe"]
                                        let path = Path.Combine(folder, name)
                                        where File.Exists(path)
                                        select path).FirstOrDefault();
}
