using ClarityTracking.Core.Connections;
using ClarityTracking.Core.Delivery.Jobs;
using ClarityTracking.Web.Components.Shared;

namespace ClarityTracking.Web.Components.Pages.Deliveries;

/// <summary>Replays and backfills in words.</summary>
internal static class JobWords
{
    /// <summary>What it is: <c>Replay to Meta: purchase, refused by the platform</c>.</summary>
    public static string Title(DeliveryJob job, IReadOnlyList<ConnectionDetails> connections)
    {
        var to = job.ConnectionId is { } id ? $" to {connections.FirstOrDefault(c => c.Id == id)?.Name ?? "a deleted connection"}" : "";
        if (job.Kind == JobKind.Backfill)
            return $"Earlier events{to}";
        string[] details =
        [
            .. job.Request.Ids is { } ids ? [Words.Count(ids, "delivery", "deliveries")] : new[] { job.Request.Status is { } status ? StatusWords.Of(status) : "Dead" },
            .. job.Request.EventName is { } name ? [EventWords.Name(name)] : Array.Empty<string>(),
            .. job.Request.Reason is { } reason ? [StatusWords.Reason(reason)] : Array.Empty<string>(),
        ];
        return $"Replay{to}: {string.Join(", ", details)}";
    }

    /// <summary>How far it came.</summary>
    public static string Progress(DeliveryJob job) => job.Status switch
    {
        JobStatus.Queued => "Begins in a moment.",
        JobStatus.Running => $"{Words.Count(job.Handled)} of {Words.Count(job.Plan.Matched)} looked at, {Words.Count(job.Sent)} queued.",
        JobStatus.Done => $"{Sent(job)}{LeftOut(job)}.",
        JobStatus.Cancelled => $"Stopped after {Words.Count(job.Handled)} of {Words.Count(job.Plan.Matched)}. {Sent(job)}{LeftOut(job)}.",
        JobStatus.Failed => $"{job.Detail} {Sent(job)}{LeftOut(job)}.",
    };

    /// <summary>Reasons with their counts, most first: <c>too old (20), no consent (4)</c>.</summary>
    public static string Counts(IReadOnlyDictionary<string, long> reasons) =>
        string.Join(", ", reasons.OrderByDescending(r => r.Value).ThenBy(r => r.Key, StringComparer.Ordinal).Select(r => $"{StatusWords.Reason(r.Key)} ({Words.Count(r.Value)})"));

    private static string Sent(DeliveryJob job) => $"{Words.Count(job.Sent)} of {Words.Count(job.Handled, job.Kind == JobKind.Replay ? "delivery" : "event", job.Kind == JobKind.Replay ? "deliveries" : "events")} sent";

    private static string LeftOut(DeliveryJob job) => job.LeftOut.Count == 0 ? "" : $"; left out: {Counts(job.LeftOut)}";
}
