using System.Text.Json;
using System.Text.RegularExpressions;

namespace ClarityTracking.Tests.Support.Platforms;

/// <summary>Says what is wrong with a value (<c>path: message</c>); null = nothing.</summary>
delegate string? Rule(JsonElement value, string path);

/// <summary>Builds the strict shape of a platform's request. Objects are closed: a member nobody named is an error.</summary>
static class Rules
{
    internal static readonly Rule Bool = (v, path) => v.ValueKind is JsonValueKind.True or JsonValueKind.False ? null : $"{path}: Not a valid boolean";

    internal static readonly Rule Number = (v, path) => v.ValueKind == JsonValueKind.Number ? null : $"{path}: Not a valid number";

    internal static readonly Rule Integer = (v, path) => v.ValueKind == JsonValueKind.Number && v.TryGetInt64(out _) ? null : $"{path}: Not a valid integer";

    internal static readonly Rule Text = (v, path) => v.ValueKind == JsonValueKind.String && v.GetString()!.Length > 0 ? null : $"{path}: Not a valid string";

    internal static readonly Rule Hash = Like("^[0-9a-f]{64}$");

    internal static readonly Rule Currency = Like("^[A-Z]{3}$");

    internal static readonly Rule Amount = Like(@"^-?[0-9]+(\.[0-9]+)?$");

    internal static readonly Rule WebUrl = Like("^https?://");

    /// <summary>Seconds since 1970 of the last <paramref name="maxAge"/>, or a little ahead; milliseconds are not.</summary>
    internal static Rule Seconds(TimeSpan maxAge) => Time(v => DateTimeOffset.FromUnixTimeSeconds(v), 253_402_300_799, maxAge);

    internal static Rule Milliseconds(TimeSpan maxAge) => Time(v => DateTimeOffset.FromUnixTimeMilliseconds(v), 253_402_300_799_999, maxAge);

    internal static Rule Like(string pattern) => (v, path) =>
        v.ValueKind == JsonValueKind.String && Regex.IsMatch(v.GetString()!, pattern) ? null : $"{path}: Not a valid value";

    internal static Rule OneOf(params string[] values) => (v, path) =>
        v.ValueKind == JsonValueKind.String && values.Contains(v.GetString()) ? null : $"{path}: Must be one of {string.Join(", ", values)}";

    internal static Rule List(Rule each, int most = int.MaxValue) => (v, path) =>
    {
        if (v.ValueKind != JsonValueKind.Array || v.GetArrayLength() == 0)
            return $"{path}: Not a list with entries";
        if (v.GetArrayLength() > most)
            return $"{path}: More than {most} entries";
        var index = 0;
        foreach (var entry in v.EnumerateArray())
            if (each(entry, $"{path}.{index++}") is { } error)
                return error;
        return null;
    };

    /// <summary>A closed object; a name that ends in ! is required.</summary>
    internal static Rule Object(params (string Name, Rule Rule)[] members) => (v, path) =>
    {
        if (v.ValueKind != JsonValueKind.Object)
            return $"{path}: Not an object";
        foreach (var member in v.EnumerateObject())
        {
            var rule = members.FirstOrDefault(m => m.Name.TrimEnd('!') == member.Name).Rule;
            if (rule is null)
                return $"{path}.{member.Name}: Unknown field";
            if (rule(member.Value, $"{path}.{member.Name}") is { } error)
                return error;
        }
        foreach (var (name, _) in members)
            if (name.EndsWith('!') && !v.TryGetProperty(name.TrimEnd('!'), out _))
                return $"{path}.{name.TrimEnd('!')}: Missing data for required field";
        return null;
    };

    static Rule Time(Func<long, DateTimeOffset> read, long latest, TimeSpan maxAge) => (v, path) =>
    {
        if (v.ValueKind != JsonValueKind.Number || !v.TryGetInt64(out var number) || number < 0 || number > latest)
            return $"{path}: Not a valid integer";
        var age = TimeProvider.System.GetUtcNow() - read(number);
        return age > maxAge ? $"{path}: timestamp must be less than {maxAge.TotalHours}h0m0s old" : age < -TimeSpan.FromHours(1) ? $"{path}: timestamp is in the future" : null;
    };
}
