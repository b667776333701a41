using ClarityTracking.Core.Spend;
using Quartz;

namespace ClarityTracking.Web.Jobs;

/// <summary>Every minute: imports the spend that is due, each connection once a day, and what a person asked for. What a platform refuses is kept with its reason and fails no run.</summary>
public sealed class AdSpendJob(SpendImporter importer) : IJob
{
    public async ValueTask Execute(IJobExecutionContext context, CancellationToken cancellationToken)
    {
        var run = await importer.RunDueAsync(cancellationToken);
        context.Result = JobRunReport.Succeeded($"{run.Done} imports ended, {run.Failed} failed, {run.Later} go on later");
    }
}
