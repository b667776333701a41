using System.Text.Json;

namespace ClarityTracking.Tests.Vectors;

/// <summary>A file of golden vectors: cases that several implementations of the same rule agree or disagree on.</summary>
static class VectorFile
{
    static readonly string Root = Path.Combine(AppContext.BaseDirectory, "Vectors", "data");

    /// <summary>The whole file.</summary>
    internal static JsonElement Read(string path)
    {
        using var document = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(Root, path)));
        return document.RootElement.Clone();
    }

    /// <summary>Every case of an array, by the id it carries.</summary>
    internal static IReadOnlyDictionary<string, JsonElement> Cases(string path) =>
        Read(path).GetProperty("cases").EnumerateArray().ToDictionary(c => c.GetProperty("id").GetString()!);

    /// <summary>Files of a folder whose names begin alike.</summary>
    internal static IEnumerable<string> Names(string folder, string prefix) =>
        Directory.EnumerateFiles(Path.Combine(Root, folder), prefix + "*.json").Select(f => $"{folder}/{Path.GetFileName(f)}").Order(StringComparer.Ordinal);

    /// <summary>Rows for a theory.</summary>
    internal static TheoryData<string> Ids(string path)
    {
        var rows = new TheoryData<string>();
        foreach (var id in Cases(path).Keys)
            rows.Add(id);
        return rows;
    }

    /// <summary>A string property, or null when it is absent or null.</summary>
    internal static string? Text(this JsonElement from, string name) =>
        from.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;
}
