using System.Globalization;
using System.Text.Json;
using ClarityTracking.Core.Delivery;
using ClarityTracking.Core.Ingestion.Identify;

namespace ClarityTracking.Core.Destinations.Pinterest;

/// <summary>
/// Pinterest's event quality score: one word for all website events that came by the Conversions API, and for each event name the share that
/// carries each component (API description 5.28.0, 2026-08; developers.pinterest.com, get event quality score). There is no number.
/// </summary>
public sealed class PinterestScores : IScoreReader
{
    private const int MostEvents = 500;

    /// <summary>Components that tell a person, by our names; the others tell of the event.</summary>
    private static readonly Dictionary<string, string> Keys = new(StringComparer.Ordinal)
    {
        ["hashed_email"] = MatchKeyNames.Email,
        ["click_id_epik"] = "epik",
        ["advertiser_external_id"] = MatchKeyNames.ExternalId,
        ["ip_address"] = MatchKeyCheck.Address,
        ["user_agent"] = MatchKeyCheck.Agent,
        ["hashed_maid"] = "hashed_maid",
    };

    /// <inheritdoc />
    public string Platform => "pinterest";

    /// <inheritdoc />
    public string ScoreName => "Event quality";

    /// <inheritdoc />
    public string Lag => "Pinterest rates the 14 days before it is asked, all events together; how late it counts them it does not say.";

    /// <inheritdoc />
    public bool RatesByNumber => false;

    /// <inheritdoc />
    public string SourceOf(JsonElement settings) => ConnectionJson.Text(settings, "ad_account_id") ?? "";

    /// <inheritdoc />
    public string? NameOf(string eventName, JsonElement settings) => PinterestEventNames.Find(eventName, settings);

    /// <inheritdoc />
    public DestinationRequest BuildRequest(DestinationAccess access)
    {
        var account = Uri.EscapeDataString(SourceOf(access.Settings));
        var token = ConnectionJson.Text(access.Credentials, "access_token") ?? "";
        return new DestinationRequest(HttpMethod.Get,
            new Uri(access.Url($"v5/ad_accounts/{account}/conversion_eqs?lookback_period=14d&source_platform=WEB&ingestion_source=CONVERSIONS_API")), [],
            new Dictionary<string, string> { ["Authorization"] = $"Bearer {token}" }, [token]);
    }

    /// <inheritdoc />
    public ScoreAnswer Read(int httpStatus, string body)
    {
        if (httpStatus is < 200 or >= 300)
            return Failure(httpStatus, body);
        if (AnswerJson.TryRead(body, out var other))
            return new ScoreAnswer.Told([PlatformScore.OfStrange(other)]);
        if (!AnswerJson.TryRead(body, out var answer, JsonValueKind.Array))
            return Failure(httpStatus, body);
        // filters may be ignored: what is of the tag or of apps is not ours
        var ours = answer.EnumerateArray().Where(entry => AnswerJson.Text(entry, "source_platform") is null or "WEB"
            && AnswerJson.Text(entry, "ingestion_source") is null or "CONVERSIONS_API").ToList();
        return ours switch
        {
            [] => new ScoreAnswer.Told([PlatformScore.OfStrange(answer)]),
            [var first, ..] => new ScoreAnswer.Told([Overall(first), .. ByEvent(AnswerJson.Member(first, "quality_components"))]),
        };
    }

    private static ScoreAnswer.Failed Failure(int httpStatus, string body)
    {
        if (!AnswerJson.TryRead(body, out var error))
        {
            var later = HttpStatusKind.Unreadable(httpStatus);
            return new ScoreAnswer.Failed(later.Kind, later.Reason);
        }
        var reason = AnswerJson.Reason(AnswerJson.Number(error, "code")?.ToString(CultureInfo.InvariantCulture), AnswerJson.Text(error, "message"));
        var failed = new ScoreAnswer.Failed(HttpStatusKind.Of(httpStatus), reason.Length > 0 ? reason : $"HTTP {httpStatus}");
        return failed.Kind == FailureKind.Credential ? failed with { Reason = failed.Reason + ". Reading the score needs a token with the scope ads:read; a conversion token may not have it." } : failed;
    }

    private static PlatformScore Overall(JsonElement entry)
    {
        var verdict = AnswerJson.Text(entry, "overall_status") switch
        {
            "GOOD" => "good",
            "FAIR" => "fair",
            "NEEDS_IMPROVEMENT" => "needs_improvement",
            _ => PlatformScore.Unknown,
        };
        return new PlatformScore("", null, verdict, new ScoreDetail([], [], ScoreDetail.Kept(entry)));
    }

    /// <summary>Turned round: the answer lists events below each component.</summary>
    private static IEnumerable<PlatformScore> ByEvent(JsonElement components)
    {
        if (components.ValueKind != JsonValueKind.Object)
            return [];
        var all = from component in components.EnumerateObject()
                  where component.Value.ValueKind == JsonValueKind.Object
                  from entry in component.Value.EnumerateObject()
                  where entry.Name.Length is > 0 and <= 100 && entry.Value.ValueKind == JsonValueKind.Object
                  group (Component: component.Name, entry.Value) by entry.Name.ToLowerInvariant();
        return all.Take(MostEvents).Select(e => new PlatformScore(e.Key, null, PlatformScore.CoverageOnly, new ScoreDetail(
            [.. e.Where(c => Keys.ContainsKey(c.Component)).Select(c => (c.Component, Share: AnswerJson.Decimal(c.Value, "coverage")))
                .Where(c => c.Share is >= 0 and <= 100).Select(c => new ScoreKey(Keys[c.Component], c.Share!.Value / 100))],
            [.. e.SelectMany(c => Facts(c.Component, c.Value))],
            JsonSerializer.SerializeToElement(e.GroupBy(c => c.Component).ToDictionary(c => c.Key, c => c.First().Value)))));
    }

    private static IEnumerable<ScoreFact> Facts(string component, JsonElement details)
    {
        if (!Keys.ContainsKey(component) && AnswerJson.Decimal(details, "coverage") is { } share)
            yield return new ScoreFact(component == "external_event_id" ? "dedup" : "coverage", component, share, null);
        if (AnswerJson.Decimal(details, "overlap") is { } overlap)
            yield return new ScoreFact("dedup", $"{component} also seen from the tag", overlap, null);
        foreach (var issue in AnswerJson.Entries(details, "issues"))
            yield return new ScoreFact("trouble", AnswerJson.Text(issue, "name") ?? component, null, AnswerJson.Text(issue, "reason"));
    }
}
