using ClarityTracking.Core.Connections;
using ClarityTracking.Core.Reports;
using ClarityTracking.Web.Components.Shared;

namespace ClarityTracking.Web.Components.Pages.Websites;

/// <summary>Why a website needs a person, the most urgent reason first.</summary>
/// <param name="Urgency">Higher comes first.</param>
/// <param name="Because">Completes "Needs attention because …".</param>
/// <param name="Page">The page of the website where to act.</param>
internal sealed record Attention(int Urgency, string Because, string Page)
{
    private static readonly TimeSpan LongSilence = TimeSpan.FromHours(24);

    /// <summary>The most urgent reason; null when all is well.</summary>
    public static Attention? Of(PortfolioRow row, DateTimeOffset now)
    {
        if (row.Connections.FirstOrDefault(c => c.Enabled && c.State == ConnectionState.Paused) is { } paused)
            return new(5, $"{paused.Name} is paused: {paused.StateReason ?? "its credentials were refused"}", "connections");
        if (row.LastEventAt is null)
            return new(1, "no event has arrived yet", "install");
        if (now - row.LastEventAt.Value > LongSilence)
            return new(4, $"no event has arrived for {Words.Span(now - row.LastEventAt.Value)}", "install");
        if (row.Dead > 0)
            return new(3, $"{Words.Count(row.Dead, "delivery", "deliveries")} died in the last 24 h", "deliveries?status=dead");
        if (row.Connections.FirstOrDefault(c => c.Enabled && c.State == ConnectionState.Degraded) is { } degraded)
            return new(2, $"{degraded.Name} does not answer as it should", "connections");
        if (row.OpenAlerts > 0)
            return new(2, $"{Words.Count(row.OpenAlerts, "alert is", "alerts are")} open", "alerts");
        return row.Connections.Any(c => c.Enabled) ? null : new(1, "no connection is on, so nothing is delivered", "connections");
    }
}
