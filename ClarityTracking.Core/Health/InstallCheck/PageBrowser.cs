using System.Collections.Concurrent;
using System.Diagnostics;
using System.Text.Json;
using System.Text.Json.Nodes;
using ClarityTracking.Core.Delivery;
using Microsoft.Extensions.Configuration;

namespace ClarityTracking.Core.Health.InstallCheck;

/// <summary>
/// Opens one page in a Chromium of its own process and profile, which reaches nothing but through <see cref="FilteringProxy"/>, and tells what was
/// seen. Bounds: time, bytes of all answers, one renderer with a small heap. As root the browser has no sandbox of its own, so it does not run then (<see cref="MayRun"/>).
/// </summary>
internal sealed class PageBrowser(PublicNetworks networks, IConfiguration configuration)
{
    private const long MostBytes = 30 * 1024 * 1024;
    private const int MostRequests = 1000;
    private const string TooMuch = "The page is larger than the check takes in.";

    /// <summary>How long the browser may take to start; and a page, from the question to the look at it.</summary>
    internal TimeSpan StartLimit { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>See <see cref="StartLimit"/>.</summary>
    internal TimeSpan PageLimit { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>How long after the page has loaded its snippet may take to send something.</summary>
    internal TimeSpan SnippetLimit { get; init; } = TimeSpan.FromSeconds(8);

    private static readonly TimeSpan Aftermath = TimeSpan.FromSeconds(1);

    /// <summary>The operator's browser (<c>Clarity:InstallCheck:Browser</c>: a path, or <c>none</c>), else CLARITY_BROWSER, else what lies along PATH; null = there is none.</summary>
    public string? Find()
    {
        var named = configuration["Clarity:InstallCheck:Browser"] is { Length: > 0 } set ? set : Environment.GetEnvironmentVariable("CLARITY_BROWSER");
        if (!string.IsNullOrEmpty(named))
            return File.Exists(named) ? named : null;
        return (from folder in (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator)
                from name in (string[])["chromium", "chromium-browser", "google-chrome", "chrome", "chrome.exe"]
                let path = Path.Combine(folder, name)
                where File.Exists(path)
                select path).FirstOrDefault();
    }

    /// <summary>
    /// Whether a browser may run here: as root it refuses its sandbox, and the pages are strangers'. The operator may allow it all the same
    /// (<c>Clarity:InstallCheck:AllowUnsandboxed</c>, default false), in a container that holds nothing else.
    /// </summary>
    public bool MayRun => !LacksSandbox || (bool.TryParse(configuration["Clarity:InstallCheck:AllowUnsandboxed"], out var allowed) && allowed);

    private static bool LacksSandbox => OperatingSystem.IsLinux() && Environment.IsPrivilegedProcess;

    /// <summary>Looks at a page.</summary>
    /// <param name="browser">Path of the browser.</param>
    /// <param name="url">The page.</param>
    /// <param name="collect">Whether a request is the snippet's, sending events: once answered nothing more is waited for.</param>
    /// <param name="cancel">Ends it.</param>
    /// <exception cref="IOException">The browser does not run here.</exception>
    public async Task<PageSight> LookAsync(string browser, Uri url, Func<string, bool> collect, CancellationToken cancel)
    {
        if (!MayRun)
            throw new IOException("As root the browser would run without its sandbox.");
        var profile = Directory.CreateTempSubdirectory("clarity-check-").FullName;
        await using var proxy = new FilteringProxy(networks, MostBytes);
        using var process = Start(browser, profile, proxy.Address);
        try
        {
            await using var tools = new DevTools();
            var seen = new Seen(collect);
            tools.OnEvent = seen.Take;
            string session;
            using (var starting = Limit(StartLimit, cancel))
                session = await OpenAsync(tools, process, profile, starting.Token, cancel);
            using var page = Limit(PageLimit, cancel);
            try
            {
                await tools.SendAsync("Page.navigate", new JsonObject { ["url"] = url.AbsoluteUri }, session, page.Token);
                await Task.WhenAny(seen.Loaded.Task, tools.Gone).WaitAsync(page.Token);
                if (seen.IsAnswered)
                {
                    await Task.WhenAny(seen.Sent.Task, Task.Delay(SnippetLimit, page.Token));
                    await Task.Delay(Aftermath, page.Token); // what was answered first may have been the question whether it may be sent
                }
            }
            catch (OperationCanceledException) when (!cancel.IsCancellationRequested)
            {
                seen.IsLate = true; // what has come so far is looked at
            }
            catch (IOException) when (tools.IsOverfull)
            {
                // the sight names it
            }
            return await SightAsync(tools, session, url, seen, proxy, cancel);
        }
        finally
        {
            await EndAsync(process, profile);
        }
    }

    private static Process Start(string browser, string profile, string proxy)
    {
        List<string> flags =
        [
            "--headless=new", "--remote-debugging-port=0", $"--user-data-dir={profile}", "--no-first-run", "--no-default-browser-check", "--disable-gpu", "--disable-dev-shm-usage",
            "--disable-extensions", "--disable-sync", "--disable-background-networking", "--disable-component-update", "--disable-domain-reliability", "--disable-breakpad",
            "--metrics-recording-only", "--mute-audio", "--deny-permission-prompts", "--disable-features=Translate,MediaRouter,OptimizationHints",
            // everything by the proxy, this machine included; and no name is looked up beside it
            $"--proxy-server=http://{proxy}", "--proxy-bypass-list=<-loopback>", "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1", "--disable-quic",
            "--force-webrtc-ip-handling-policy=disable_non_proxied_udp", "--webrtc-ip-handling-policy=disable_non_proxied_udp",
            "--renderer-process-limit=1", "--js-flags=--max-old-space-size=256",
        ];
        if (LacksSandbox)
            flags.Add("--no-sandbox"); // it refuses to run as root with one
        var start = new ProcessStartInfo(browser, [.. flags, "about:blank"]) { RedirectStandardError = true, RedirectStandardOutput = true };
        // nothing of ours is its business
        foreach (var name in start.Environment.Keys.Where(k => k is not ("PATH" or "HOME" or "LANG" or "TMPDIR" or "TEMP" or "TMP" or "SystemRoot" or "USERPROFILE" or "LOCALAPPDATA")).ToList())
            start.Environment.Remove(name);
        try
        {
            var process = Process.Start(start) ?? throw new IOException("The browser did not start.");
            process.BeginErrorReadLine();
            process.BeginOutputReadLine();
            return process;
        }
        catch (System.ComponentModel.Win32Exception error)
        {
            throw new IOException($"The browser did not start: {error.Message}", error);
        }
    }

    private static async Task<string> OpenAsync(DevTools tools, Process process, string profile, CancellationToken starting, CancellationToken cancel)
    {
        try
        {
            var file = Path.Combine(profile, "DevToolsActivePort");
            string[] lines;
            while ((lines = await LinesAsync(file)).Length < 2)
            {
                if (process.HasExited)
                    throw new IOException($"The browser ended at once (code {process.ExitCode}): its sandbox may not run here.");
                await Task.Delay(50, starting);
            }
            await tools.ConnectAsync(new Uri($"ws://127.0.0.1:{lines[0]}{lines[1]}"), starting);
            var version = await tools.SendAsync("Browser.getVersion", null, null, starting);
            var target = await tools.SendAsync("Target.createTarget", new JsonObject { ["url"] = "about:blank" }, null, starting);
            var attached = await tools.SendAsync("Target.attachToTarget", new JsonObject { ["targetId"] = target.GetProperty("targetId").GetString(), ["flatten"] = true }, null, starting);
            var session = attached.GetProperty("sessionId").GetString()!;
            foreach (var domain in (string[])["Page", "Network", "Audits"])
                await tools.SendAsync($"{domain}.enable", null, session, starting);
            var agent = version.GetProperty("userAgent").GetString()!.Replace("HeadlessChrome", "Chrome", StringComparison.Ordinal) + $" {PageSight.Agent}/1.0";
            await tools.SendAsync("Network.setUserAgentOverride", new JsonObject { ["userAgent"] = agent }, session, starting);
            await tools.SendAsync("Page.setDownloadBehavior", new JsonObject { ["behavior"] = "deny" }, session, starting);
            return session;
        }
        catch (Exception error) when ((error is OperationCanceledException && !cancel.IsCancellationRequested) || error is System.Net.WebSockets.WebSocketException)
        {
            throw new IOException("The browser did not start in time.", error);
        }

        static async Task<string[]> LinesAsync(string file)
        {
            try
            {
                return await File.ReadAllLinesAsync(file);
            }
            catch (IOException)
            {
                return [];
            }
        }
    }

    private static async Task<PageSight> SightAsync(DevTools tools, string session, Uri url, Seen seen, FilteringProxy proxy, CancellationToken cancel)
    {
        var final = seen.DocumentUrl is { } told && Uri.TryCreate(told, UriKind.Absolute, out var at) ? at : url;
        var sight = new PageSight
        {
            Url = final,
            ByBrowser = true,
            Status = seen.DocumentStatus,
            Policies = seen.Policies,
            Requests = [.. seen.Requests.Values.Take(MostRequests)],
            Violations = [.. seen.Violations],
            Trouble = proxy.Refused.ContainsKey(FilteringProxy.PlaceOf(final)) ? $"{final.Host} is in a private network, where the check does not go."
                : tools.IsOverfull ? TooMuch
                : seen.DocumentFailure is { } failure ? $"{final.Host} could not be reached ({failure})."
                : seen.DocumentStatus is null ? proxy.IsFull ? TooMuch : $"{final.Host} did not answer in time." : null,
        };
        if (sight.Trouble is not null)
            return sight;
        try
        {
            using var looking = Limit(TimeSpan.FromSeconds(5), cancel);
            var globals = string.Join(",", KnownTags.All.Where(t => t.Global is not null).Select(t => $"{JsonSerializer.Serialize(t.Name)}:function(){{return {t.Global}}}"));
            var result = await tools.SendAsync("Runtime.evaluate", new JsonObject
            {
                ["expression"] = $$"""
                    (function () {
                      // a look at what is not there, or at a page's own getter, may throw: then it was not found
                      var checks = { {{globals}} }, found = [], html = document.documentElement ? document.documentElement.outerHTML : "";
                      for (var name in checks) try { if (checks[name]()) found.push(name); } catch (e) {}
                      return JSON.stringify({ html: html.slice(0, {{PageFetch.MostBytes}}), cut: html.length > {{PageFetch.MostBytes}}, found: found });
                    })()
                    """,
                ["returnByValue"] = true,
            }, session, looking.Token);
            var json = JsonElement.Parse(result.GetProperty("result").GetProperty("value").GetString()!);
            return sight with
            {
                Html = json.GetProperty("html").GetString() ?? "",
                IsCut = json.GetProperty("cut").GetBoolean() || proxy.IsFull,
                Globals = [.. json.GetProperty("found").EnumerateArray().Select(g => g.GetString()!)],
            };
        }
        catch (Exception error) when (error is IOException or JsonException or KeyNotFoundException || (error is OperationCanceledException && !cancel.IsCancellationRequested))
        {
            return sight with { Trouble = tools.IsOverfull ? TooMuch : seen.IsLate ? "The page was not done within 30 seconds and its scripts let nobody look." : "The page could not be looked at: its scripts hold the browser." };
        }
    }

    private static async Task EndAsync(Process process, string profile)
    {
        try
        {
            process.Kill(entireProcessTree: true);
            await process.WaitForExitAsync();
        }
        catch (InvalidOperationException)
        {
            // it has ended by itself
        }
        for (var tries = 0; tries < 10; tries++)
            try
            {
                Directory.Delete(profile, recursive: true);
                return;
            }
            catch (Exception error) when (error is IOException or UnauthorizedAccessException)
            {
                await Task.Delay(100); // a child is still writing
            }
    }

    private static CancellationTokenSource Limit(TimeSpan limit, CancellationToken cancel)
    {
        var source = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        source.CancelAfter(limit);
        return source;
    }

    /// <summary>What the browser tells while the page loads.</summary>
    private sealed class Seen(Func<string, bool> collect)
    {
        private string? _documentRequest;

        public TaskCompletionSource Loaded { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        /// <summary>The snippet has sent something, and was answered or kept from it.</summary>
        public TaskCompletionSource Sent { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public ConcurrentDictionary<string, PageRequest> Requests { get; } = new();

        public ConcurrentQueue<(string, string)> Violations { get; } = new();

        public IReadOnlyList<string> Policies { get; private set; } = [];

        public string? DocumentUrl { get; private set; }

        public int? DocumentStatus { get; private set; }

        public string? DocumentFailure { get; private set; }

        public bool IsLate { get; set; }

        public bool IsAnswered => DocumentStatus is not null && DocumentFailure is null;

        public void Take(string method, JsonElement told)
        {
            switch (method)
            {
                case "Network.requestWillBeSent" when Requests.Count < MostRequests:
                    var id = Text(told, "requestId")!;
                    var url = told.GetProperty("request").GetProperty("url").GetString() ?? "";
                    Requests[id] = new PageRequest(url.Length > 2000 ? url[..2000] : url, null, null);
                    if (Text(told, "type") == "Document" && (_documentRequest is null || _documentRequest == id))
                        (_documentRequest, DocumentUrl) = (id, url);
                    break;
                case "Network.responseReceived":
                    var response = told.GetProperty("response");
                    Answer(Text(told, "requestId")!, response.GetProperty("status").GetInt32(), null);
                    if (Text(told, "requestId") == _documentRequest)
                    {
                        (DocumentStatus, DocumentUrl) = (response.GetProperty("status").GetInt32(), Text(response, "url"));
                        Policies = [.. response.GetProperty("headers").EnumerateObject().Where(h => h.Name.Equals("content-security-policy", StringComparison.OrdinalIgnoreCase)).SelectMany(h => (h.Value.GetString() ?? "").Split('\n'))];
                    }
                    break;
                case "Network.loadingFailed":
                    Answer(Text(told, "requestId")!, null, Text(told, "blockedReason") ?? Text(told, "errorText") ?? "failed");
                    if (Text(told, "requestId") == _documentRequest && DocumentStatus is null)
                    {
                        DocumentFailure = Text(told, "errorText");
                        Loaded.TrySetResult();
                    }
                    break;
                case "Audits.issueAdded" when told.GetProperty("issue").GetProperty("details").TryGetProperty("contentSecurityPolicyIssueDetails", out var issue) && Violations.Count < 100:
                    if (issue.TryGetProperty("isReportOnly", out var reports) && reports.GetBoolean())
                        break;
                    Violations.Enqueue((Text(issue, "violatedDirective") ?? "", Text(issue, "blockedURL") ?? ""));
                    if (Text(issue, "blockedURL") is { } blocked && collect(blocked))
                        Sent.TrySetResult();
                    break;
                case "Page.loadEventFired":
                    if (DocumentStatus is not null) // not the empty page before
                        Loaded.TrySetResult();
                    break;
            }
        }

        private void Answer(string id, int? status, string? blocked)
        {
            if (!Requests.TryGetValue(id, out var request))
                return;
            Requests[id] = request with { Status = status ?? request.Status, Blocked = blocked };
            if (collect(request.Url))
                Sent.TrySetResult();
        }

        private static string? Text(JsonElement json, string name) => json.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;
    }
}
