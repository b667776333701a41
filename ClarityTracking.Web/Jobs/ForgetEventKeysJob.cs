using ClarityTracking.Core.Ingestion.Store;
using Quartz;

namespace ClarityTracking.Web.Jobs;

/// <summary>Hourly: forgets the event ids that are past the 7 days in which a repeated event is a duplicate.</summary>
public sealed class ForgetEventKeysJob(EventKeys keys) : IJob
{
    public async ValueTask Execute(IJobExecutionContext context, CancellationToken cancellationToken) =>
        context.Result = JobRunReport.Succeeded($"Forgot {await keys.ForgetAsync(cancellationToken)} event keys");
}
