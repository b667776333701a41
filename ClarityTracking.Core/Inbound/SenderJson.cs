using System.Globalization;
using System.Text.Json;

namespace ClarityTracking.Core.Inbound;

/// <summary>Reads a sender's JSON leniently: what is absent, null, empty or of another kind is null.</summary>
static class SenderJson
{
    extension(JsonElement json)
    {
        /// <summary>The member at a path of names; undefined when there is none.</summary>
        internal JsonElement At(params ReadOnlySpan<string> path)
        {
            var at = json;
            foreach (var name in path)
                if (at.ValueKind != JsonValueKind.Object || !at.TryGetProperty(name, out at))
                    return default;
            return at;
        }

        /// <summary>A text (or number, as it is written) at a path, trimmed.</summary>
        internal string? Text(params ReadOnlySpan<string> path)
        {
            var at = json.At(path);
            var text = at.ValueKind switch
            {
                JsonValueKind.String => at.GetString()!.Replace("\0", "", StringComparison.Ordinal).Trim(), // no database keeps a zero
                JsonValueKind.Number => at.GetRawText(),
                _ => null,
            };
            return string.IsNullOrEmpty(text) ? null : text;
        }

        /// <summary>A whole number at a path.</summary>
        internal long? Whole(params ReadOnlySpan<string> path) =>
            json.At(path) is { ValueKind: JsonValueKind.Number } number && number.TryGetInt64(out var value) ? value : null;

        /// <summary>A switch at a path.</summary>
        internal bool? Flag(params ReadOnlySpan<string> path) => json.At(path).ValueKind switch
        {
            JsonValueKind.True => true,
            JsonValueKind.False => false,
            _ => null,
        };

        /// <summary>The elements of a list at a path; none when it is no list.</summary>
        internal IEnumerable<JsonElement> List(params ReadOnlySpan<string> path) =>
            json.At(path) is { ValueKind: JsonValueKind.Array } list ? list.EnumerateArray() : [];

        /// <summary>The members of an object at a path; none when it is no object.</summary>
        internal IEnumerable<JsonProperty> Members(params ReadOnlySpan<string> path) =>
            json.At(path) is { ValueKind: JsonValueKind.Object } members ? members.EnumerateObject() : [];

        /// <summary>A time at a path, ISO 8601; one without offset is UTC.</summary>
        internal DateTimeOffset? Time(params ReadOnlySpan<string> path) => ReadTime(json.Text(path));

        /// <summary>An amount in major units at a path, text or number.</summary>
        internal decimal? Amount(params ReadOnlySpan<string> path) => Money.Read(json.Text(path));
    }

    /// <summary>A time in ISO 8601, its offset with or without colon; one without offset is UTC. Null when it is none.</summary>
    internal static DateTimeOffset? ReadTime(string? text) =>
        text is not null && DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal | DateTimeStyles.AdjustToUniversal, out var time)
            ? time : null;

    /// <summary>Seconds since 1970.</summary>
    internal static DateTimeOffset? FromSeconds(long? seconds) =>
        seconds is >= 0 and <= 253402300799 ? DateTimeOffset.FromUnixTimeSeconds(seconds.Value) : null;

    /// <summary>Trimmed, lower case.</summary>
    internal static string? Email(string? text) => text?.Trim().ToLowerInvariant() is { Length: > 0 } email ? email : null;

    /// <summary>A whole name at its first space.</summary>
    internal static (string? First, string? Last) SplitName(string? name)
    {
        name = name?.Trim();
        if (string.IsNullOrEmpty(name))
            return (null, null);
        var space = name.IndexOf(' ', StringComparison.Ordinal);
        return space < 0 ? (name, null) : (name[..space], name[(space + 1)..].Trim());
    }

    /// <summary>The first that is not null.</summary>
    internal static string? First(params ReadOnlySpan<string?> texts)
    {
        foreach (var text in texts)
            if (text is not null)
                return text;
        return null;
    }

    /// <summary>A customer, or null when nothing of them is known.</summary>
    internal static InboundCustomer? OrNull(this InboundCustomer customer) => customer == new InboundCustomer() ? null : customer;
}
