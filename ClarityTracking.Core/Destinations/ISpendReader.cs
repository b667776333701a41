using System.Text.Json;
using ClarityTracking.Core.Delivery;

namespace ClarityTracking.Core.Destinations;

/// <summary>
/// A platform that tells what was spent on its ads. Pure like <see cref="IDestination"/>: it builds requests and reads answers;
/// <see cref="Spend.SpendImporter"/> makes the calls.
/// </summary>
public interface ISpendReader
{
    /// <summary>Key of the contract (<c>meta</c>); the destination of the same platform lends base address and credentials.</summary>
    string Platform { get; }

    /// <summary>Days asked for in one walk, so that an answer stays small.</summary>
    int DaysAtOnce { get; }

    /// <summary>How many days back the platform tells.</summary>
    int MostDaysBack { get; }

    /// <summary>The ad account of a connection's settings; null = none is set.</summary>
    string? AccountOf(JsonElement settings);

    /// <summary>What to do when no account is set, one sentence.</summary>
    string HowToSetAccount { get; }

    /// <summary>What its token must be allowed, one sentence; added to a refusal of credentials.</summary>
    string Access { get; }

    /// <summary>Begins to ask for some days.</summary>
    SpendWalk Begin(SpendDays days);
}

/// <summary>Days of an ad account, both included.</summary>
public sealed record SpendDays(DateOnly From, DateOnly To);

/// <summary>What one ad cost on one day.</summary>
/// <param name="Day">The account's day.</param>
/// <param name="Campaign">Campaign.</param>
/// <param name="Group">Ad set or ad group; empty where the platform tells none.</param>
/// <param name="Ad">Ad; empty where the platform tells none.</param>
/// <param name="Impressions">Times shown.</param>
/// <param name="Clicks">Clicks as the platform counts them.</param>
/// <param name="Spend">In the account's currency, whole units.</param>
public sealed record SpendRow(DateOnly Day, SpendName Campaign, SpendName Group, SpendName Ad, long Impressions, long Clicks, decimal Spend);

/// <summary>A thing of an ad account.</summary>
public sealed record SpendName(string Id, string Name)
{
    /// <summary>Not told.</summary>
    public static readonly SpendName None = new("", "");
}

/// <summary>Why a platform told nothing.</summary>
/// <param name="Kind">What follows from it.</param>
/// <param name="Reason">In the platform's words.</param>
public sealed record SpendFailure(FailureKind Kind, string Reason);

/// <summary>
/// The calls that tell some days of an account, one after the other: ask <see cref="Next"/>, send, give the answer to <see cref="Take"/>, until
/// there is no next. Touches no network itself.
/// </summary>
public abstract class SpendWalk
{
    /// <summary>What was told so far.</summary>
    public List<SpendRow> Rows { get; } = [];

    /// <summary>ISO 4217, as the platform tells it; null while unknown.</summary>
    public string? Currency { get; protected set; }

    /// <summary>IANA zone (or the platform's word for it) in which the account's days begin; null while unknown.</summary>
    public string? TimeZone { get; protected set; }

    /// <summary>The next call; null = all is told.</summary>
    public abstract DestinationRequest? Next(DestinationAccess access);

    /// <summary>Reads the answer to the last call. Never throws on a strange body.</summary>
    /// <returns>Null when it could be read.</returns>
    public abstract SpendFailure? Take(int httpStatus, string body);

    /// <summary>A row, when something was shown, clicked or spent on it.</summary>
    protected void Add(SpendRow row)
    {
        if (row.Impressions != 0 || row.Clicks != 0 || row.Spend != 0)
            Rows.Add(row);
    }

    /// <summary>A platform told something that is no spend: nothing of it is taken, rather than half.</summary>
    protected static SpendFailure Strange(string what) => new(FailureKind.Transient, $"The answer cannot be read: {what}.");
}
