using ClarityTracking.Core.Connections.OAuth;
using Quartz;

namespace ClarityTracking.Web.Jobs;

/// <summary>Every five minutes: refreshes granted tokens that end soon, and pauses connections whose access has ended.</summary>
public sealed class OAuthRefreshJob(OAuthRefresh refresh) : IJob
{
    public async ValueTask Execute(IJobExecutionContext context, CancellationToken cancellationToken)
    {
        var result = await refresh.RunAsync(cancellationToken);
        context.Result = JobRunReport.Succeeded($"Refreshed {result.Refreshed}, to be tried again {result.Failed}, paused {result.Paused}");
    }
}
