using ClarityTracking.Core.Alerts;
using Quartz;

namespace ClarityTracking.Web.Jobs;

/// <summary>Every minute: measures the rules of all websites, puts what is new into messages, and makes digests that are due.</summary>
public sealed class AlertJob(AlertEvaluator evaluator, AlertComposer composer, AlertDigests digests) : IJob
{
    public async ValueTask Execute(IJobExecutionContext context, CancellationToken cancellationToken)
    {
        var run = await evaluator.RunAsync(changedSince: null, cancellationToken);
        var messages = await composer.ComposeAsync(cancellationToken) + await digests.ComposeDueAsync(cancellationToken);
        context.Result = JobRunReport.Succeeded(
            $"{run.Websites} websites measured, {run.Failed} failed, {run.Raised} alerts opened, {run.Resolved} are over, {messages} messages queued");
    }
}
