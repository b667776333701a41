using System.Text.Json;
using ClarityTracking.Core.Delivery;
using ClarityTracking.Core.Ingestion.Identify;

namespace ClarityTracking.Core.Destinations.Meta;

/// <summary>
/// Meta's Dataset Quality API: for each event name of a dataset the composite score of event match quality, the keys Meta saw, its coverage of
/// the pixel's events, deduplication, freshness and additional conversions reported (documentation of 2026-09-12; field list also in Business
/// SDK 24.0.1). Website events only. Any block may be missing.
/// </summary>
public sealed class MetaScores : IScoreReader
{
    private const int MostEvents = 500, LongestName = 100;

    private const string Fields = "web{event_name,"
        + "event_match_quality{composite_score,match_key_feedback{identifier,coverage{percentage},potential_aly_acr_increase{percentage,description}},"
        + "diagnostics{name,description,solution,percentage,affected_event_count,total_event_count}},"
        + "event_coverage{percentage,goal_percentage,description,potential_aly_acr_increase{percentage,description}},"
        + "dedupe_key_feedback{dedupe_key,browser_events_with_dedupe_key{percentage,description},server_events_with_dedupe_key{percentage,description},"
        + "overall_browser_coverage_from_dedupe_key{percentage,description}},"
        + "data_freshness{upload_frequency,description},event_potential_aly_acr_increase{percentage,description},acr{percentage,description}}";

    private static readonly Dictionary<string, string> NoHeaders = [];

    /// <summary>Meta's identifiers by our names.</summary>
    private static readonly Dictionary<string, string> Keys = new(StringComparer.Ordinal)
    {
        ["email"] = MatchKeyNames.Email,
        ["phone"] = MatchKeyNames.Phone,
        ["ip_address"] = MatchKeyCheck.Address,
        ["user_agent"] = MatchKeyCheck.Agent,
        ["first_name"] = MatchKeyNames.FirstName,
        ["last_name"] = MatchKeyNames.LastName,
        ["city"] = MatchKeyNames.City,
        ["state"] = MatchKeyNames.State,
        ["zip"] = MatchKeyNames.Zip,
        ["date_of_birth"] = MatchKeyNames.DateOfBirth,
        ["gender"] = MatchKeyNames.Gender,
    };

    /// <inheritdoc />
    public string Platform => "meta";

    /// <inheritdoc />
    public string ScoreName => "Event match quality";

    /// <inheritdoc />
    public string Lag => "Meta does not say which time its score is of; by public reports it is about the last 48 hours, shown one to two days late.";

    /// <inheritdoc />
    public bool RatesByNumber => true;

    /// <inheritdoc />
    public string SourceOf(JsonElement settings) => ConnectionJson.Text(settings, "dataset_id") ?? "";

    /// <inheritdoc />
    public string? NameOf(string eventName, JsonElement settings) => MetaEventNames.Find(eventName, settings);

    /// <inheritdoc />
    public DestinationRequest BuildRequest(DestinationAccess access)
    {
        var dataset = Uri.EscapeDataString(SourceOf(access.Settings));
        var (url, secrets) = MetaCall.Sign(access, $"dataset_quality?dataset_id={dataset}&fields={Uri.EscapeDataString(Fields)}&");
        return new DestinationRequest(HttpMethod.Get, url, [], NoHeaders, secrets);
    }

    /// <inheritdoc />
    public ScoreAnswer Read(int httpStatus, string body)
    {
        if (MetaAnswer.Failure(httpStatus, body, out var answer) is { } failure)
            return new ScoreAnswer.Failed(failure.Kind, failure.Kind == FailureKind.Credential
                ? failure.Reason + ". Reading scores needs partial access to the dataset and, for tokens of an app, ads_read with ads_management or business_management; a token made in Events Manager does."
                : failure.Reason);
        var rows = AnswerJson.Entries(answer, "web").Where(row => AnswerJson.Text(row, "event_name") is { Length: > 0 and <= LongestName })
            .DistinctBy(row => AnswerJson.Text(row, "event_name")).Take(MostEvents).Select(Score).ToList();
        return new ScoreAnswer.Told(rows.Count > 0 ? rows : [PlatformScore.OfStrange(answer)]);
    }

    private static PlatformScore Score(JsonElement row)
    {
        var quality = AnswerJson.Member(row, "event_match_quality");
        var score = AnswerJson.Decimal(quality, "composite_score") is { } number and >= 0 and <= 10 ? number : (decimal?)null;
        return new PlatformScore(AnswerJson.Text(row, "event_name")!, score, score is null ? PlatformScore.Unknown : PlatformScore.Scored,
            new ScoreDetail([.. KeysOf(quality)], [.. Facts(row, quality)], ScoreDetail.Kept(row)));
    }

    private static IEnumerable<ScoreKey> KeysOf(JsonElement quality)
    {
        foreach (var key in AnswerJson.Entries(quality, "match_key_feedback"))
            if (AnswerJson.Text(key, "identifier") is { Length: > 0 } identifier
                && AnswerJson.Decimal(AnswerJson.Member(key, "coverage"), "percentage") is { } percent and >= 0 and <= 100)
                yield return new ScoreKey(Keys.GetValueOrDefault(identifier, identifier), percent / 100);
    }

    private static IEnumerable<ScoreFact> Facts(JsonElement row, JsonElement quality)
    {
        var coverage = AnswerJson.Member(row, "event_coverage");
        if (Percent("coverage", "events of the pixel that also came by server", coverage) is { } share)
            yield return share;
        if (AnswerJson.Decimal(coverage, "goal_percentage") is { } goal)
            yield return new ScoreFact("coverage", "goal", goal, null);
        // the documentation writes this member in two ways
        foreach (var name in (string[])["dedupe_key_feedback", "dedup_key_feedback"])
            foreach (var dedup in AnswerJson.Entries(row, name))
                foreach (var fact in Dedup(dedup))
                    yield return fact;
        var freshness = AnswerJson.Member(row, "data_freshness");
        if (AnswerJson.Text(freshness, "upload_frequency") is { } frequency)
            yield return new ScoreFact("freshness", frequency, null, AnswerJson.Text(freshness, "description"));
        if (Percent("additional_conversions", "reported thanks to the server's events", AnswerJson.Member(row, "acr")) is { } reported)
            yield return reported;
        if (Percent("additional_conversions", "more to gain", AnswerJson.Member(row, "event_potential_aly_acr_increase")) is { } gain)
            yield return gain;
        foreach (var key in AnswerJson.Entries(quality, "match_key_feedback"))
            if (AnswerJson.Text(key, "identifier") is { } identifier && Percent("additional_conversions", identifier, AnswerJson.Member(key, "potential_aly_acr_increase")) is { } more)
                yield return more;
        foreach (var trouble in AnswerJson.Entries(quality, "diagnostics"))
            yield return new ScoreFact("trouble", AnswerJson.Text(trouble, "name") ?? "diagnostic", AnswerJson.Decimal(trouble, "percentage"),
                AnswerJson.Reason(AnswerJson.Text(trouble, "description"), AnswerJson.Text(trouble, "solution")));
    }

    private static IEnumerable<ScoreFact> Dedup(JsonElement dedup)
    {
        var key = AnswerJson.Text(dedup, "dedupe_key") ?? AnswerJson.Text(dedup, "dedup_key") ?? "key";
        foreach (var (member, words) in ((string, string)[])[("browser_events_with_dedupe_key", "on browser events"), ("server_events_with_dedupe_key", "on server events"),
            ("overall_browser_coverage_from_dedupe_key", "pairs browser and server")])
            if (Percent("dedup", $"{key} {words}", AnswerJson.Member(dedup, member)) is { } fact)
                yield return fact;
    }

    private static ScoreFact? Percent(string group, string name, JsonElement from) =>
        AnswerJson.Decimal(from, "percentage") is { } percent ? new ScoreFact(group, name, percent, AnswerJson.Text(from, "description")) : null;
}
