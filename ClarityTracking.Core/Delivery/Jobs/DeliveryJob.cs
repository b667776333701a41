using System.Text.Json;
using System.Text.Json.Serialization;

namespace ClarityTracking.Core.Delivery.Jobs;

/// <summary>What a job does.</summary>
public enum JobKind
{
    /// <summary>Sends deliveries again that ended without success, or makes those that wait due now.</summary>
    Replay,
    /// <summary>Sends a connection stored events that it has no delivery for.</summary>
    Backfill,
}

/// <summary>How far a job is.</summary>
public enum JobStatus
{
    /// <summary>No worker has begun it.</summary>
    Queued,
    /// <summary>Batches are being done.</summary>
    Running,
    /// <summary>All of it is done.</summary>
    Done,
    /// <summary>Somebody stopped it; what it had queued until then is sent.</summary>
    Cancelled,
    /// <summary>It cannot go on; <see cref="DeliveryJob.Detail"/> says why.</summary>
    Failed,
}

/// <summary>What a replay or backfill does.</summary>
/// <param name="Matched">Deliveries, or for a backfill events, that fit.</param>
/// <param name="TooOld">Of these: older than the platform takes, or the event is no longer kept.</param>
/// <param name="AlreadyDelivered">Of these: the platform has the event already; for a backfill: the connection has a delivery for it, whatever became of that.</param>
/// <param name="WillSend">The rest.</param>
public sealed record ReplayPlan(long Matched, long TooOld, long AlreadyDelivered, long WillSend);

/// <summary>A replay or backfill as its users see it. Times are UTC.</summary>
/// <param name="Id">UUIDv7 of when it was asked for.</param>
/// <param name="Kind">What it does.</param>
/// <param name="Status">How far it is.</param>
/// <param name="Detail">Why it failed; null when it did not.</param>
/// <param name="ConnectionId">The one it is for; null = all of the website.</param>
/// <param name="Request">What was asked for.</param>
/// <param name="Plan">What was announced when it was asked for.</param>
/// <param name="Handled">So many of <see cref="ReplayPlan.Matched"/> have been looked at: the sum of the next two.</param>
/// <param name="Sent">Given to the delivery queue.</param>
/// <param name="LeftOut">Not sent, by reason: <c>too_old</c>, <c>already_delivered</c>, <c>gone</c>, or a word of <see cref="Routing.SkipReason"/>.</param>
/// <param name="CreatedBy">Email of the user or hint of the key.</param>
/// <param name="CreatedAt">When it was asked for.</param>
/// <param name="StartedAt">When a worker began.</param>
/// <param name="FinishedAt">When it ended, in whatever way.</param>
public sealed record DeliveryJob(Guid Id, JobKind Kind, JobStatus Status, string? Detail, Guid? ConnectionId, JobRequest Request, ReplayPlan Plan, long Handled, long Sent,
    IReadOnlyDictionary<string, long> LeftOut, string CreatedBy, DateTimeOffset CreatedAt, DateTimeOffset? StartedAt, DateTimeOffset? FinishedAt)
{
    /// <summary>Can still be cancelled.</summary>
    [JsonIgnore]
    public bool IsOpen => Status is JobStatus.Queued or JobStatus.Running;
}

/// <summary>What was asked for, as far as it is shown.</summary>
/// <param name="Status">Of the deliveries.</param>
/// <param name="From">Routed, or for a backfill arrived, at or after (UTC).</param>
/// <param name="To">Before (UTC).</param>
/// <param name="EventName">Events of this name.</param>
/// <param name="Reason">Deliveries with this reason.</param>
/// <param name="Ids">How many were named by id; null = none was.</param>
public sealed record JobRequest(DeliveryStatus? Status, DateTimeOffset? From, DateTimeOffset? To, string? EventName, string? Reason, int? Ids);

/// <summary>How requests and counts are kept in the job's row.</summary>
internal static class JobJson
{
    public static readonly JsonSerializerOptions Options = new(JsonSerializerDefaults.Web)
    {
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
        Converters = { new JsonStringEnumConverter(JsonNamingPolicy.SnakeCaseLower, allowIntegerValues: false) },
    };
}
