using ClarityTracking.Core.Data;
using Quartz;

namespace ClarityTracking.Web.Jobs;

/// <summary>Daily: drops the weeks that are past their retention.</summary>
public sealed partial class RetentionJob(Retention retention, ILogger<RetentionJob> log) : IJob
{
    public async ValueTask Execute(IJobExecutionContext context, CancellationToken cancellationToken)
    {
        var removed = await retention.RunAsync(cancellationToken);
        LogRemoved(removed.Partitions.Count, string.Join(", ", removed.Partitions), removed.Rows);
        context.Result = JobRunReport.Succeeded($"Dropped {removed.Partitions.Count} partitions, deleted {removed.Rows} rows of default partitions");
    }

    [LoggerMessage(2101, LogLevel.Information, "Retention dropped {Count} partitions ({Partitions}) and {Rows} rows of default partitions")]
    private partial void LogRemoved(int count, string partitions, long rows);
}
