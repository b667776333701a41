using System.Diagnostics;
using System.Globalization;
using System.IO.Compression;
using System.Text.RegularExpressions;
using Xunit.Abstractions;

namespace ClarityTracking.Tests.Tracker;

/// <summary>The snippet's own checks, so that <c>dotnet test</c> runs everything there is.</summary>
public sealed partial class TrackerUnitTests(ITestOutputHelper output)
{
    /// <summary>Fewer mean that node did not find the test files.</summary>
    private const int FewestTests = 100;

    [Fact]
    public async Task Types_OfSourcesAndTests_AreSound()
    {
        var (exitCode, text) = await NpmAsync("run", "check");
        Assert.True(exitCode == 0, text);
    }

    [Fact]
    public async Task Tests_AgainstTheShippedScript_Pass()
    {
        var (exitCode, text) = await NpmAsync("test");
        output.WriteLine(text);
        Assert.True(exitCode == 0, text);
        Assert.Equal(0, Total(text, "fail"));
        Assert.InRange(Total(text, "pass"), FewestTests, int.MaxValue);
    }

    /// <summary>The README tells the size of each script as the build printed it, and none is over its budget.</summary>
    [Fact]
    public async Task Sizes_InTheReadme_AreThoseOfTheBuild()
    {
        var readme = await File.ReadAllTextAsync(Path.Combine(Folder(), "README.md"));
        var scripts = Directory.GetFiles(Path.Combine(Folder(), "..", "ClarityTracking.Web", "wwwroot", "tracker"), "*.js");
        Assert.InRange(scripts.Length, 8, 20);
        foreach (var script in scripts)
        {
            var bytes = await File.ReadAllBytesAsync(script);
            var packed = new byte[BrotliEncoder.GetMaxCompressedLength(bytes.Length)];
            Assert.True(BrotliEncoder.TryCompress(bytes, packed, out var size, quality: 11, window: 22));
            var name = Path.GetFileName(script);
            Assert.InRange(size, 1, name == "t.js" ? 3000 : 2500);
            Assert.Contains(string.Create(CultureInfo.InvariantCulture, $"| `{name}` | {bytes.Length:N0} | {size:N0} |"), readme, StringComparison.Ordinal);
        }
    }

    /// <summary>node ends with lines such as "# pass 61"; with a terminal's reporter the mark differs.</summary>
    private static int Total(string text, string word) =>
        Totals().Matches(text).LastOrDefault(m => m.Groups[1].Value == word) is { } line
            ? int.Parse(line.Groups[2].Value, CultureInfo.InvariantCulture)
            : throw new InvalidOperationException($"node told no number of '{word}':\n{text}");

    private static async Task<(int ExitCode, string Output)> NpmAsync(params string[] arguments)
    {
        // npm is a script on Windows, which only its command processor starts
        var start = OperatingSystem.IsWindows() ? new ProcessStartInfo("cmd.exe", ["/c", "npm", .. arguments]) : new ProcessStartInfo("npm", arguments);
        start.WorkingDirectory = Folder();
        start.RedirectStandardOutput = start.RedirectStandardError = start.RedirectStandardInput = true;
        start.Environment["NO_COLOR"] = "1";
        start.Environment.Remove("NODE_OPTIONS");
        using var deadline = new CancellationTokenSource(TimeSpan.FromMinutes(5));
        using var process = Process.Start(start)!;
        process.StandardInput.Close();
        try
        {
            var (text, errors) = (process.StandardOutput.ReadToEndAsync(deadline.Token), process.StandardError.ReadToEndAsync(deadline.Token));
            await process.WaitForExitAsync(deadline.Token);
            return (process.ExitCode, await text + await errors);
        }
        finally
        {
            if (!process.HasExited)
                process.Kill(entireProcessTree: true);
        }
    }

    private static string Folder()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
            if (File.Exists(Path.Combine(folder.FullName, "wwwroot-tracker", "package.json")))
                return Path.Combine(folder.FullName, "wwwroot-tracker");
        throw new InvalidOperationException("wwwroot-tracker was not found above " + AppContext.BaseDirectory);
    }

    [GeneratedRegex(@"^\W+(pass|fail) (\d+)\s*$", RegexOptions.Multiline)]
    private static partial Regex Totals();
}
