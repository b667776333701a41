using System.Globalization;

namespace ClarityTracking.Core.Health.Volume;

/// <summary>A likely reason why the snippet says nothing, or says less than it could.</summary>
/// <param name="Code">Stable word.</param>
/// <param name="What">The reason, sentence case.</param>
/// <param name="Then">What was seen, and what to do.</param>
public sealed record SilenceCause(string Code, string What, string Then);

/// <summary>What is known about the browsers of a website.</summary>
/// <param name="LastAt">Their newest event (UTC); null = there never was one.</param>
/// <param name="IsSilent">They have been silent for longer than chance explains.</param>
/// <param name="OthersSince">Events of servers, webhooks and link clicks since then.</param>
/// <param name="ScriptAt">When a page last fetched the snippet, as far as it is known (UTC).</param>
/// <param name="ScriptVersion">Which version it got.</param>
/// <param name="RefusedAt">When a request was last refused for its key (UTC).</param>
/// <param name="RefusedAs"><c>revoked</c>, <c>unknown</c> or <c>missing</c>.</param>
/// <param name="Dropped">Events refused since the newest one, by reason, most first; duplicates are not among them.</param>
/// <param name="DroppedReason">The most frequent reason.</param>
/// <param name="ImageShare">Of browsers' events of the last day, the share that came as images, because nothing else got through.</param>
/// <param name="DeniedShare">Of the newest 200 page views, the share without consent to anything; null where none tells.</param>
public sealed record SilenceFacts(DateTimeOffset? LastAt, bool IsSilent, long OthersSince, DateTimeOffset? ScriptAt, string? ScriptVersion, DateTimeOffset? RefusedAt, string? RefusedAs,
    long Dropped, string? DroppedReason, double ImageShare, double? DeniedShare);

/// <summary>Names the causes of silence, the one with most evidence first. Pure.</summary>
public static class SilenceCauses
{
    // pages keep the script for an hour, so for so long nobody need fetch it
    private static readonly TimeSpan ScriptKept = TimeSpan.FromHours(1);
    private const double ManyImages = .02, ManyDenied = .9;

    /// <summary>Causes, also of what is lost while events come.</summary>
    public static IReadOnlyList<SilenceCause> Of(SilenceFacts facts, DateTimeOffset now)
    {
        var causes = new List<SilenceCause>();
        var since = facts.LastAt ?? now.AddDays(-1);
        if (facts.RefusedAt > since || facts.RefusedAt > now.AddHours(-1))
            causes.Add(facts.RefusedAs == "revoked"
                ? new("revoked_key", "The page still carries a key that was revoked", "Requests with it are answered with 401, unknown_key. Put the website's working key into the snippet.")
                : new("unknown_key", "The page carries a key that does not exist", "Requests from the website's domain are answered with 401, unknown_key. Copy the snippet from the Install page again."));
        if (facts.Dropped > 0)
            causes.Add(new("refused_events", "Events come, but are refused",
                string.Create(CultureInfo.InvariantCulture, $"{facts.Dropped:#,0} since the last good one, mostly {facts.DroppedReason?.Replace('_', ' ')}. The events page shows them with their reason.")));
        if (facts.IsSilent)
            AddOfSilence(causes, facts, now, since);
        if (facts.ImageShare >= ManyImages)
            causes.Add(new("csp_connect", "A content security policy forbids requests",
                string.Create(CultureInfo.InvariantCulture, $"{100 * facts.ImageShare:0.#} % of browsers' events of the last day came as images, the last resort: one event each, long ones not at all. Add this app's address to connect-src.")));
        if (facts.DeniedShare >= ManyDenied)
            causes.Add(new("consent_denied", "Consent is refused by default",
                string.Create(CultureInfo.InvariantCulture, $"{100 * facts.DeniedShare:0} % of the newest page views say that nothing is allowed. See whether the banner tells a default before the visitor has chosen, and never the choice.")));
        return causes;
    }

    private static void AddOfSilence(List<SilenceCause> causes, SilenceFacts facts, DateTimeOffset now, DateTimeOffset since)
    {
        var others = string.Create(CultureInfo.InvariantCulture, $"{facts.OthersSince:#,0} other events (clicks on links, servers, webhooks) came meanwhile");
        if (facts.ScriptAt > since)
        {
            causes.Add(new("script_error", "The snippet is loaded, but does not send",
                $"A page fetched it (version {facts.ScriptVersion}) after the last event. Look into the browser's console: a content security policy without this app in connect-src, a consent banner that never answers, or an error before the snippet's own code."));
            return;
        }
        if (facts.OthersSince > 0)
            causes.Add(new("tag_gone", "The tag is not in the page any more",
                $"{others}, so people are there{(facts.ScriptAt is { } at && now - at > ScriptKept ? ", and no page fetched the snippet" : "")}. After a deploy, look for the script in the page's source; in Tag Manager, see whether the container was published."));
        causes.Add(new("script_blocked", "The page may not load the snippet", "A new content security policy without this app in script-src, or a blocker that has learned the address: the snippet can be served by the website's own word or domain (Settings)."));
        if (facts.OthersSince == 0)
            causes.Insert(causes.FindIndex(c => c.Code == "script_blocked"), new("site_down", "Nobody comes", "Nothing else came either: no click, no order, no webhook. See whether the website itself is up."));
    }
}
