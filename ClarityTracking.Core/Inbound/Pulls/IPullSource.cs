using System.Globalization;
using System.Text.Json;
using ClarityTracking.Core.Destinations;

namespace ClarityTracking.Core.Inbound.Pulls;

/// <summary>
/// A source whose API lists what its webhooks would have told. One question, one answer, one page; where to go on is a text that the source
/// makes and reads itself, so that a pull can stop anywhere. Pure, like <see cref="ISource"/>.
/// </summary>
public interface IPullSource
{
    /// <summary>Why nothing can be asked yet, a sentence that says what to do; null = all is there.</summary>
    string? PullNeeds(JsonElement settings, JsonElement credentials);

    /// <summary>The question of this step.</summary>
    /// <param name="at">Where the pull stands.</param>
    /// <param name="access">Base address, settings and credentials.</param>
    DestinationRequest PullRequest(PullPosition at, DestinationAccess access);

    /// <summary>
    /// What an answer tells, as webhooks would have told it: the same entity ids, refund ids, actions and words of state, so that what is known
    /// already adds nothing. Records with <see cref="InboundRecord.NeedsFetch"/> are completed by look-ups.
    /// </summary>
    /// <param name="at">Where the pull stood when it asked.</param>
    /// <param name="answer">The answer.</param>
    /// <param name="settings">The connection's settings.</param>
    PulledPage ReadPulled(PullPosition at, PullAnswer answer, JsonElement settings);
}

/// <summary>What a sender answered.</summary>
/// <param name="Json">The body.</param>
/// <param name="Paging">Headers that tell of further pages, see <see cref="Delivery.CallResult.Paging"/>.</param>
public sealed record PullAnswer(JsonElement Json, IReadOnlyDictionary<string, string> Paging);

/// <summary>Where a pull stands.</summary>
/// <param name="Since">Made at or after (UTC).</param>
/// <param name="Until">Made before (UTC): when the pull was asked for.</param>
/// <param name="Cursor">What the source gave last; null = the beginning.</param>
public sealed record PullPosition(DateTimeOffset Since, DateTimeOffset Until, string? Cursor)
{
    /// <summary>A time as senders' APIs take it: UTC, whole seconds.</summary>
    public static string Text(DateTimeOffset time) => time.UtcDateTime.ToString("yyyy-MM-ddTHH:mm:ss'Z'", CultureInfo.InvariantCulture);
}

/// <summary>One page.</summary>
/// <param name="Records">In the order they happened, as far as the page shows.</param>
/// <param name="Next">Where to go on; null = that was all.</param>
/// <param name="Error">What the answer lacks, a few words; null = it could be read.</param>
public sealed record PulledPage(IReadOnlyList<InboundRecord> Records, string? Next, string? Error = null)
{
    /// <summary>The answer has not the shape it should have.</summary>
    public static PulledPage Strange(string error) => new([], null, error);
}
