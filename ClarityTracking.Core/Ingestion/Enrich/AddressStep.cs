using System.Text;
using ClarityTracking.Core.Ingestion.Store;
using ClarityTracking.Core.Ingestion.Validate;

namespace ClarityTracking.Core.Ingestion.Enrich;

/// <summary>
/// Reads the query and the fragment of the page's address once: campaign parameters (utm_*), click ids the sender did not tell, and secrets or email
/// addresses, which are taken out of the stored address.
/// </summary>
internal static class AddressStep
{
    private const int LongestCampaignText = 300;

    public static Drop? Read(EventDraft draft, IngestContext context)
    {
        draft.Url = Clean(draft, draft.Url, "url", collect: true);
        draft.Referrer = Clean(draft, draft.Referrer, "referrer", collect: false);
        return ReadUtm(draft, areToldOutright: context.Source is EventSource.Server);
    }

    /// <summary>
    /// Campaign parameters told outright, by senders that know them but not the address; they win: <c>utm: {source, medium, …}</c>, and with a secret key
    /// <c>properties.utm_source</c> and so on (a page may keep those of an older visit there).
    /// </summary>
    private static Drop? ReadUtm(EventDraft draft, bool areToldOutright)
    {
        if (areToldOutright && draft.Properties.ValueKind == System.Text.Json.JsonValueKind.Object)
        {
            var properties = new FieldReader(draft.Properties);
            foreach (var name in CampaignNames)
                if (properties.Text(Encoding.UTF8.GetBytes($"utm_{name}"), LongestCampaignText) is { } text)
                    (draft.Utm ??= [])[name] = text;
            if (properties.Drop is not null)
                return properties.Drop;
        }
        var fields = new FieldReader(draft.Json);
        var utm = fields.Object("utm"u8);
        if (utm.ValueKind == System.Text.Json.JsonValueKind.Object)
            foreach (var name in CampaignNames)
                if (utm.TryGetProperty(name, out var value) && fields.TextOf(value, "utm"u8, LongestCampaignText) is { } text)
                    (draft.Utm ??= [])[name] = text;
        return fields.Drop;
    }

    private static readonly string[] CampaignNames = ["source", "medium", "campaign", "term", "content", "id"];

    private static string? Clean(EventDraft draft, string? address, string field, bool collect)
    {
        if (address is null)
            return null;
        var hash = address.IndexOf('#', StringComparison.Ordinal);
        var queryEnd = hash < 0 ? address.Length : hash;
        var question = address.IndexOf('?', 0, queryEnd);
        StringBuilder? cleaned = null;
        if (question >= 0)
            CleanParameters(draft, address, question + 1, queryEnd, field, collect, ref cleaned);
        // Sign-ins answer in the fragment (#access_token=…), single-page apps keep a whole address there (#/cart?email=…).
        if (hash >= 0 && address.IndexOf('=', hash) is > 0 and var equals)
            CleanParameters(draft, address, address.LastIndexOf('?', equals, equals - hash) is >= 0 and var inner ? inner + 1 : hash + 1,
                address.Length, field, collect, ref cleaned);
        return cleaned?.ToString() ?? address;
    }

    private static void CleanParameters(EventDraft draft, string address, int start, int end, string field, bool collect, ref StringBuilder? cleaned)
    {
        while (start <= end)
        {
            var stop = address.IndexOf('&', start, end - start);
            if (stop < 0)
                stop = end;
            var equals = address.IndexOf('=', start, stop - start);
            if (equals > start)
            {
                var name = address.AsSpan(start, equals - start);
                var value = address.AsSpan(equals + 1, stop - equals - 1);
                if (value.Length > 0 && IsPrivate(name, value))
                {
                    cleaned ??= new StringBuilder(address);
                    cleaned.Replace(value.ToString(), "[redacted]", equals + 1 + cleaned.Length - address.Length, value.Length);
                    (draft.Redacted ??= []).Add($"{field}.{name}");
                }
                else if (collect)
                    Collect(draft, name, value);
            }
            start = stop + 1;
        }
    }

    private static bool IsPrivate(ReadOnlySpan<char> name, ReadOnlySpan<char> value)
    {
        Span<byte> utf8 = stackalloc byte[64];
        return (name.Length <= 64 && Encoding.UTF8.TryGetBytes(name, utf8, out var length) && Secrets.IsSecretName(utf8[..length]))
            || (value.Contains('@') || value.Contains("%40", StringComparison.OrdinalIgnoreCase));
    }

    private static void Collect(EventDraft draft, ReadOnlySpan<char> name, ReadOnlySpan<char> value)
    {
        if (name.StartsWith("utm_", StringComparison.OrdinalIgnoreCase))
        {
            if (name.Length <= 24 && Decode(value.ToString().Replace('+', ' ')) is { Length: > 0 and <= LongestCampaignText } text)
                (draft.Utm ??= [])[name[4..].ToString().ToLowerInvariant()] = text;
        }
        else if (ClickIdNames.All.GetAlternateLookup<ReadOnlySpan<char>>().TryGetValue(name, out var clickId)
            && draft.ClickIds?.ContainsKey(clickId) != true
            && Decode(value.ToString()) is { Length: > 0 and <= 1000 } id)
        {
            // a plus stays a plus: ids are opaque, and no platform means a space
            (draft.ClickIds ??= [])[clickId] = new ClickId(id, null);
        }
    }

    /// <summary>Percent-decodes once; a text that decodes to what no database keeps counts as absent.</summary>
    private static string? Decode(string text)
    {
        var decoded = Uri.UnescapeDataString(text);
        return decoded.Contains('\0') ? null : decoded;
    }
}
