using System.Text.RegularExpressions;
using ClarityTracking.Core.Data;

namespace ClarityTracking.Tests.Architecture;

/// <summary>Rules between the parts that a compiler does not check.</summary>
public sealed partial class ArchitectureTests
{
    private static readonly string Root = FindRoot();

    [Fact]
    public void Core_References_NoWebFrameworkAndNoScheduler()
    {
        // the store types of Identity are data access, not web
        var allowed = new[] { "Microsoft.AspNetCore.Identity.EntityFrameworkCore" };
        var wrong = typeof(ClarityDb).Assembly.GetReferencedAssemblies().Select(a => a.Name!)
            .Where(name => Forbidden().IsMatch(name) && !allowed.Contains(name)).ToList();
        Assert.Empty(wrong);
    }

    [Fact]
    public void Destination_Sources_NameNoOtherDestination()
    {
        var folders = Directory.GetDirectories(Path.Combine(Root, "ClarityTracking.Core", "Destinations")).Select(d => Path.GetFileName(d)!).ToList();
        Assert.Contains("Meta", folders);
        var wrong = from folder in folders
                    from other in folders
                    where other != folder
                    from source in Sources($"ClarityTracking.Core/Destinations/{folder}")
                    where source.Text.Contains($"Destinations.{other}", StringComparison.Ordinal)
                    select $"{source.Path} names {other}";
        Assert.Empty(wrong);
    }

    [Fact]
    public void Core_Sources_NameADestinationOnlyWhereItIsRegistered()
    {
        // registration, and the estimate of Meta's own measure, which asks whether Meta could use a key
        string[] mayName = ["ClarityTracking.Core/CoreServices.cs", "ClarityTracking.Core/Health/MatchQuality.cs"];
        var folders = Directory.GetDirectories(Path.Combine(Root, "ClarityTracking.Core", "Destinations")).Select(d => Path.GetFileName(d)!).ToList();
        var wrong = from source in Sources("ClarityTracking.Core")
                    where !source.Path.Contains("Core/Destinations/", StringComparison.Ordinal) && !mayName.Contains(source.Path)
                    from folder in folders
                    where source.Text.Contains($"using ClarityTracking.Core.Destinations.{folder}", StringComparison.Ordinal)
                    select $"{source.Path} uses {folder}";
        Assert.Empty(wrong);
    }

    [Theory]
    [InlineData("ClarityTracking.Web/Endpoints")]
    [InlineData("ClarityTracking.Web/Components")]
    public void EndpointsAndPages_Sources_ReachTheDatabaseOnlyThroughCore(string folder)
    {
        var wrong = Sources(folder).Where(s => SystemAccess().IsMatch(s.Text)).Select(s => s.Path);
        Assert.Empty(wrong);
    }

    [Theory]
    [InlineData("ClarityTracking.Core")]
    [InlineData("ClarityTracking.Web")]
    public void Sources_OfTheProduct_TakeTheTimeFromTimeProvider(string folder)
    {
        var wrong = Sources(folder).Where(s => WallClock().IsMatch(s.Text)).Select(s => s.Path);
        Assert.Empty(wrong);
    }

    [Theory]
    [InlineData("var now = DateTime.UtcNow;", true)]
    [InlineData("var now = DateTimeOffset.Now;", true)]
    [InlineData("var now = clock.GetUtcNow();", false)]
    public void WallClockRule_OnExamples_FindsWhatItShould(string line, bool isFound) => Assert.Equal(isFound, WallClock().IsMatch(line));

    [Theory]
    [InlineData("await using var db = database.System();", true)]
    [InlineData("MyHandler(ClarityDbContext db)", true)]
    [InlineData("MyHandler(NpgsqlDataSource database)", true)]
    [InlineData("using System.Text.Json;", false)]
    public void SystemAccessRule_OnExamples_FindsWhatItShould(string line, bool isFound) => Assert.Equal(isFound, SystemAccess().IsMatch(line));

    private static IEnumerable<(string Path, string Text)> Sources(string folder)
    {
        var path = Path.Combine(Root, folder);
        return !Directory.Exists(path) ? [] : Directory.EnumerateFiles(path, "*.*", SearchOption.AllDirectories)
            .Where(f => f.EndsWith(".cs", StringComparison.Ordinal) || f.EndsWith(".razor", StringComparison.Ordinal))
            .Where(f => !f.Contains("/obj/", StringComparison.Ordinal) && !f.Contains("/bin/", StringComparison.Ordinal) && !f.Contains("/Migrations/", StringComparison.Ordinal))
            .Select(f => (Path.GetRelativePath(Root, f).Replace('\\', '/'), File.ReadAllText(f)));
    }

    private static string FindRoot()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
            if (File.Exists(Path.Combine(folder.FullName, "ClarityTracking.sln")))
                return folder.FullName;
        throw new InvalidOperationException("ClarityTracking.sln is in no folder above the tests.");
    }

    [GeneratedRegex(@"^(Microsoft\.AspNetCore\.|Quartz|Radzen)")]
    private static partial Regex Forbidden();

    // calls of ClarityDb.System(), and the types that go around ClarityDb.For
    [GeneratedRegex(@"\.System\(\)|\bClarityDbContext\b|\bNpgsqlDataSource\b|\bDbScope\b")]
    private static partial Regex SystemAccess();

    [GeneratedRegex(@"\bDateTime(Offset)?\.(Utc)?Now\b|\bDateTime\.Today\b")]
    private static partial Regex WallClock();
}
