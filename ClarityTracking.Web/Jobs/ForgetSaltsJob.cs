using ClarityTracking.Core.Ingestion.Identify;
using Quartz;

namespace ClarityTracking.Web.Jobs;

/// <summary>Daily, just after midnight UTC: deletes the salt of the day that is over, also when no event comes to make the next one.</summary>
public sealed class ForgetSaltsJob(DailySalts salts) : IJob
{
    public async ValueTask Execute(IJobExecutionContext context, CancellationToken cancellationToken) =>
        context.Result = JobRunReport.Succeeded($"Forgot {await salts.ForgetAsync(cancellationToken)} daily salts");
}
