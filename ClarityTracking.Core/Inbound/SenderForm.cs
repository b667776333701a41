using System.Net;
using System.Text;
using System.Text.Json;

namespace ClarityTracking.Core.Inbound;

/// <summary>Reads bodies of HTML forms.</summary>
static class SenderForm
{
    /// <summary>The fields of a form (application/x-www-form-urlencoded) as a JSON object of texts; the first of a name counts.</summary>
    internal static JsonElement Read(InboundRequest request)
    {
        var fields = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var pair in Encoding.UTF8.GetString(request.Body.Span).Split('&', StringSplitOptions.RemoveEmptyEntries))
        {
            var equals = pair.IndexOf('=', StringComparison.Ordinal);
            if (equals > 0)
                fields.TryAdd(WebUtility.UrlDecode(pair[..equals]), WebUtility.UrlDecode(pair[(equals + 1)..]));
        }
        return JsonSerializer.SerializeToElement(fields);
    }
}
