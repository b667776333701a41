using System.Net;
using System.Text;
using System.Text.Json;
using ClarityTracking.Core.Ingestion;
using ClarityTracking.Core.Ingestion.Enrich;
using ClarityTracking.Core.Ingestion.Store;
using ClarityTracking.Core.Ingestion.Validate;
using Microsoft.Extensions.Configuration;

namespace ClarityTracking.Core.Links;

/// <summary>A request for a link, as the browser sent it.</summary>
/// <param name="Query">The short address's own query, without question mark.</param>
/// <param name="Ip">The client's address.</param>
/// <param name="UserAgent">The client's user agent.</param>
/// <param name="Referrer">Where it came from.</param>
/// <param name="Purpose">What the browser says it fetches for.</param>
/// <param name="PrivacySignal"><c>gpc</c> or <c>dnt</c>.</param>
/// <param name="At">UTC.</param>
public sealed record LinkVisit(string Query, string? Ip, string? UserAgent, string? Referrer, string? Purpose, string? PrivacySignal, DateTimeOffset At);

/// <summary>
/// Follows a link: the click is in the database before the redirect is answered (it shares intake's group commit), and the target carries the
/// click's id. Bots, previews and prefetches are led on without being counted.
/// </summary>
public sealed class LinkRedirect(IngestPipeline pipeline, IConfiguration configuration)
{
    /// <summary>Name of the event a click is.</summary>
    public const string ClickName = "link_click";

    private const int LongestReferrer = 2000;

    /// <summary>Where to send the browser.</summary>
    public async Task<string> FollowAsync(CampaignLink link, LinkVisit visit)
    {
        var target = WithCampaign(link, visit.Query);
        if (BotVerdict.Of(visit.UserAgent, visit.Purpose) is not null)
            return target;
        var trackingId = Guid.CreateVersion7(visit.At);
        try
        {
            var result = await pipeline.TakeInAsync([ClickOf(link, visit, trackingId, target)],
                new IngestContext { Owner = link.Owner, Source = EventSource.Link, ReceivedAt = visit.At, PrivacySignal = visit.PrivacySignal });
            if (result.Accepted == 0)
                return target;
        }
        catch (IntakeUnavailableException)
        {
            return target; // the customer's visitor must arrive; an id of a click that is not stored would be a lie
        }
        return Added(target, [("ct_tracking_id", trackingId.ToString()), ("ct_campaign_link_id", link.Id.ToString())]);
    }

    private JsonElement ClickOf(CampaignLink link, LinkVisit visit, Guid trackingId, string target) => JsonSerializer.SerializeToElement(new
    {
        event_id = trackingId.ToString(),
        event_type = "custom",
        timestamp = visit.At.ToUnixTimeMilliseconds(),
        properties = new { event_name = ClickName, url = target, referrer = visit.Referrer is { Length: <= LongestReferrer } from ? from : null, slug = link.Slug, channel = link.Channel },
        click_ids = new { ct_tracking_id = trackingId.ToString(), ct_campaign_link_id = link.Id.ToString() },
        user = new { ip = KeptAddress(link, visit.Ip), user_agent = visit.UserAgent is { Length: <= 2000 } agent ? agent : null },
    });

    /// <summary>
    /// The address as it is kept: cut to its network (<c>/24</c>, <c>/48</c>) unless the operator keeps it whole (<c>Clarity:Links:TruncateIp</c>
    /// is false); nothing in privacy mode.
    /// </summary>
    private string? KeptAddress(CampaignLink link, string? ip)
    {
        if (ip is null || link.Owner.PrivacyMode || !IPAddress.TryParse(ip, out var address))
            return null;
        return configuration["Clarity:Links:TruncateIp"] is "false" or "False" ? ip : Truncated(address);
    }

    internal static string Truncated(IPAddress address)
    {
        var bytes = address.GetAddressBytes();
        bytes.AsSpan(bytes.Length == 4 ? 3 : 6).Clear();
        return new IPAddress(bytes).ToString();
    }

    /// <summary>The target with the link's campaign parameters and what an ad platform added to the short address; its own query is kept and wins.</summary>
    public static string WithCampaign(CampaignLink link, string query)
    {
        var own = NamesIn(link.TargetUrl);
        var more = new List<(string, string)>();
        foreach (var pair in query.Split('&', StringSplitOptions.RemoveEmptyEntries))
            if (pair.IndexOf('=', StringComparison.Ordinal) is > 0 and var equals && Uri.UnescapeDataString(pair[..equals]) is var name
                && (ClickIdNames.All.ContainsKey(name) || name.StartsWith("utm_", StringComparison.OrdinalIgnoreCase))
                && !name.StartsWith("ct_", StringComparison.OrdinalIgnoreCase) && own.Add(name))
                more.Add((name, Uri.UnescapeDataString(pair[(equals + 1)..].Replace('+', ' '))));
        foreach (var (name, value) in link.Utm)
            if (own.Add($"utm_{name}"))
                more.Add(($"utm_{name}", value));
        return Added(link.TargetUrl, more);
    }

    private static HashSet<string> NamesIn(string url)
    {
        var names = new HashSet<string>(StringComparer.OrdinalIgnoreCase);
        if (url.Split('#')[0].IndexOf('?', StringComparison.Ordinal) is >= 0 and var question)
            foreach (var pair in url.Split('#')[0][(question + 1)..].Split('&', StringSplitOptions.RemoveEmptyEntries))
                names.Add(Uri.UnescapeDataString(pair.Split('=')[0]));
        return names;
    }

    private static string Added(string url, List<(string Name, string Value)> parameters)
    {
        if (parameters.Count == 0)
            return url;
        var hash = url.IndexOf('#', StringComparison.Ordinal);
        var (address, fragment) = hash < 0 ? (url, "") : (url[..hash], url[hash..]);
        var built = new StringBuilder(address);
        var separator = !address.Contains('?', StringComparison.Ordinal) ? '?' : address[^1] is '?' or '&' ? '\0' : '&';
        foreach (var (name, value) in parameters)
        {
            if (separator != '\0')
                built.Append(separator);
            built.Append(Uri.EscapeDataString(name)).Append('=').Append(Uri.EscapeDataString(value));
            separator = '&';
        }
        return built.Append(fragment).ToString();
    }
}
