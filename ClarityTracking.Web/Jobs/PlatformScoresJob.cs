using ClarityTracking.Core.Health;
using Quartz;

namespace ClarityTracking.Web.Jobs;

/// <summary>Hourly: asks platforms for their own quality scores, each connection once a day. What a platform refuses is kept with its reason and fails no run.</summary>
public sealed class PlatformScoresJob(PlatformScoreFetcher fetcher) : IJob
{
    public async ValueTask Execute(IJobExecutionContext context, CancellationToken cancellationToken)
    {
        var run = await fetcher.FetchDueAsync(cancellationToken);
        context.Result = JobRunReport.Succeeded($"Asked for {run.Asked} connections: {run.Told} told their scores, {run.Failed} did not");
    }
}
