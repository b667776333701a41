using ClarityTracking.Core.Data;
using Npgsql;
using Quartz;

namespace ClarityTracking.Web.Jobs;

/// <summary>Daily: makes the coming weeks' partitions. The start of the app does the same, so that no node ever waits for this job.</summary>
public sealed class PartitionJob(NpgsqlDataSource database, TimeProvider clock) : IJob
{
    public async ValueTask Execute(IJobExecutionContext context, CancellationToken cancellationToken)
    {
        if (await Partitions.EnsureAsync(database, clock.GetUtcNow(), cancellationToken) is { Count: > 0 } notMade)
            throw new JobExecutionException($"Not made, rows of these weeks go to the default partition: {string.Join(", ", notMade)}");
    }
}
