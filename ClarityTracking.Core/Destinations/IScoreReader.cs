using System.Text.Json;
using ClarityTracking.Core.Delivery;

namespace ClarityTracking.Core.Destinations;

/// <summary>
/// A platform that tells how well it can use our events. Pure like <see cref="IDestination"/>: it builds one request and reads one answer;
/// <see cref="Health.PlatformScoreFetcher"/> makes the call, once a day for each connection.
/// </summary>
public interface IScoreReader
{
    /// <summary>Key of the contract (<c>meta</c>); the destination of the same platform lends base address and credentials.</summary>
    string Platform { get; }

    /// <summary>What the platform calls its score.</summary>
    string ScoreName { get; }

    /// <summary>How late the score is and of which time, in one sentence.</summary>
    string Lag { get; }

    /// <summary>It gives each event a number from 0 to 10, which our estimate is an estimate of.</summary>
    bool RatesByNumber { get; }

    /// <summary>Whose scores these are: the dataset or ad account of a connection's settings. Another one's history is another history.</summary>
    string SourceOf(JsonElement settings);

    /// <summary>The platform's name of one of our events on this connection; null = it is not sent.</summary>
    string? NameOf(string eventName, JsonElement settings);

    /// <summary>The one call.</summary>
    DestinationRequest BuildRequest(DestinationAccess access);

    /// <summary>What the answer says. Never throws on a strange body.</summary>
    ScoreAnswer Read(int httpStatus, string body);
}

/// <summary>What a platform answered when asked for scores.</summary>
public abstract record ScoreAnswer
{
    private ScoreAnswer() { }

    /// <summary>It told something; a score may be unknown all the same.</summary>
    /// <param name="Scores">One for each event name.</param>
    public sealed record Told(IReadOnlyList<PlatformScore> Scores) : ScoreAnswer;

    /// <summary>It refused, or did not answer.</summary>
    /// <param name="Kind">What follows from it.</param>
    /// <param name="Reason">In the platform's words, and what to do.</param>
    public sealed record Failed(FailureKind Kind, string Reason) : ScoreAnswer;
}

/// <summary>What a platform says about one of its event names.</summary>
/// <param name="EventName">The platform's name; empty = all events together.</param>
/// <param name="Score">Its number; null where it gives none.</param>
/// <param name="Verdict">
/// <see cref="Scored"/>, <see cref="Unknown"/>, <see cref="CoverageOnly"/>, or the platform's own word (<c>good</c>, <c>fair</c>, <c>needs_improvement</c>).
/// </param>
/// <param name="Detail">What else it says.</param>
public sealed record PlatformScore(string EventName, decimal? Score, string Verdict, ScoreDetail Detail)
{
    /// <summary>There is a number.</summary>
    public const string Scored = "scored";

    /// <summary>The platform answered, but with nothing that could be a score.</summary>
    public const string Unknown = "unknown";

    /// <summary>The platform rates all events together, and of this one tells the keys only.</summary>
    public const string CoverageOnly = "coverage_only";

    /// <summary>The answer as it came, where nothing of it could be read.</summary>
    internal static PlatformScore OfStrange(JsonElement answer) => new("", null, Unknown, new ScoreDetail([], [], ScoreDetail.Kept(answer)));
}

/// <summary>What stands beside a score.</summary>
/// <param name="Keys">Match keys the platform saw, by our names where we have one.</param>
/// <param name="Facts">Coverage, deduplication, freshness, additional conversions, troubles.</param>
/// <param name="Answer">The platform's own JSON.</param>
public sealed record ScoreDetail(IReadOnlyList<ScoreKey> Keys, IReadOnlyList<ScoreFact> Facts, JsonElement Answer)
{
    private const int LongestAnswer = 64 * 1024;

    /// <summary>The JSON to keep: itself, or its beginning as text when it is far longer than any real one.</summary>
    internal static JsonElement Kept(JsonElement answer) =>
        answer.GetRawText() is { Length: > LongestAnswer } text ? JsonSerializer.SerializeToElement(text[..2000]) : answer;
}

/// <summary>Share of events on which the platform saw a match key.</summary>
/// <param name="Key">Our name, else the platform's.</param>
/// <param name="Share">0 to 1.</param>
public sealed record ScoreKey(string Key, decimal Share);

/// <summary>A figure or sentence of the platform.</summary>
/// <param name="Group"><c>coverage</c>, <c>dedup</c>, <c>freshness</c>, <c>additional_conversions</c> or <c>trouble</c>.</param>
/// <param name="Name">What it is about.</param>
/// <param name="Percent">0 to 100, as the platform gives it; null where it is words only.</param>
/// <param name="Text">The platform's words.</param>
public sealed record ScoreFact(string Group, string Name, decimal? Percent, string? Text);
