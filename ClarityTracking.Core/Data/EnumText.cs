using System.Text.Json;

namespace ClarityTracking.Core.Data;

/// <summary>Enum members as the words that stand in the database, in JSON and on pages: snake_case of the member's name.</summary>
public static class EnumText
{
    /// <summary>The word of this member.</summary>
    public static string Word<T>(this T value) where T : struct, Enum => Table<T>.Words[value];

    /// <summary>The member of a word, or null when there is none.</summary>
    public static T? Parse<T>(string? word) where T : struct, Enum =>
        word is not null && Table<T>.Values.TryGetValue(word, out var value) ? value : null;

    /// <summary>All words of an enum, in the order of its members.</summary>
    public static IReadOnlyCollection<string> All<T>() where T : struct, Enum => Table<T>.Words.Values;

    private static class Table<T> where T : struct, Enum
    {
        public static readonly Dictionary<T, string> Words =
            Enum.GetValues<T>().ToDictionary(v => v, v => JsonNamingPolicy.SnakeCaseLower.ConvertName(v.ToString()));
        public static readonly Dictionary<string, T> Values = Words.ToDictionary(w => w.Value, w => w.Key, StringComparer.Ordinal);
    }
}
