using ClarityTracking.Core.Reports;
using ClarityTracking.Web.Components.Shared;

namespace ClarityTracking.Web.Components.Pages.Install;

/// <summary>A likely reason why nothing arrives.</summary>
/// <param name="What">The reason, sentence case.</param>
/// <param name="Then">How to recognise it and what to do.</param>
/// <param name="Code">Text to copy for it; null = none.</param>
internal sealed record Cause(string What, string Then, string? Code = null);

/// <summary>Why nothing arrives, as far as it can be told from here.</summary>
internal static class Causes
{
    /// <summary>Events that came with a working key and were refused all the same.</summary>
    public static string InWords(Refusal refusal) =>
        $"{Words.Count(refusal.Count, "event was", "events were")} refused in the last hour ({Words.Sentence(refusal.Reason).ToLowerInvariant()})"
        + (refusal.Detail is { } detail ? $": {detail}" : ".");

    /// <summary>The likely reasons, the one we know most about first.</summary>
    /// <param name="plan">The snippet as chosen.</param>
    /// <param name="stack">The way it is added.</param>
    public static IEnumerable<Cause> Of(TagPlan plan, Stack stack)
    {
        var anotherKey = new Cause("Another key", $"The request to {new Uri(plan.Collect).AbsolutePath} is answered with 401 and X-Clarity-Refusal: unknown_key. "
            + $"Where the snippet stands, it must carry {Words.Middle(plan.Key, 18)}.");
        if (!stack.HasOptions)
        {
            yield return anotherKey;
            yield break;
        }
        var origin = plan.Origin.TrimEnd('/');
        var script = plan.Script[plan.Origin.Length..];
        if (Uri.TryCreate(plan.Origin, UriKind.Absolute, out var url) && url.Scheme == Uri.UriSchemeHttp && !url.IsLoopback)
            yield return new("The app is reached without https", $"Pages on https may not load {plan.Script}. Reach the app by https, and set Clarity__PublicUrl to that address.");
        if (plan.Options.Has(SnippetOptions.Consent))
            yield return new("The visitor has not been asked yet", "With \"Hold until consent\" nothing is sent before your banner has answered. Accept it once and look again.");
        yield return new("The tag is not in the page", stack.Key switch
        {
            "gtm" => "Publish the container, or open the site from Tag Manager's preview. View the page's source for your container's id.",
            "wordpress" => $"View the page's source and look for {script}. If it is missing, empty the cache of your cache plugin; if it is there, exclude it from \"delay\" or \"combine JavaScript\".",
            "shopify" => $"View the page's source and look for {script}. The theme you edited must be the published one.",
            "nextjs" => $"Deploy it, then look for {script} in the Network tab: Next.js adds the script while the page runs.",
            _ => $"View the page's source and look for {script}.",
        });
        yield return new("An ad blocker", $"The Network tab shows {script} as blocked. Try a private window without extensions; "
            + (plan.Options.Address == ScriptAddress.App ? "for your visitors, load it from an address of your own (options, \"Loaded from\")." : "this address is the one that is blocked least."));
        yield return new("A content security policy", $"The console says that the page refused {script}. Add this origin to both directives of the site's policy"
            + (plan.Options.Address == ScriptAddress.Own ? ", or 'self' where the site is on the same domain." : ".")
            + " Scripts inside the page, as Tag Manager's and the examples above, need its nonce as well.", $"script-src {origin}; connect-src {origin}");
        yield return anotherKey;
    }
}
