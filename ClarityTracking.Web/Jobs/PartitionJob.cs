using ClarityTracking.Core.Data;
using Npgsql;
using Quartz;

namespace ClarityTracking.Web.Jobs;

/// <summary>Hourly: makes the coming weeks' partitions, which the start of the app does too, and renews the statistics of those that are written to.</summary>
public sealed class PartitionJob(NpgsqlDataSource database, TimeProvider clock) : IJob
{
    public async ValueTask Execute(IJobExecutionContext context, CancellationToken cancellationToken)
    {
        await Partitions.AnalyzeAsync(database, clock.GetUtcNow(), cancellationToken);
        if (await Partitions.EnsureAsync(database, clock.GetUtcNow(), cancellationToken) is { Count: > 0 } notMade)
            throw new JobExecutionException($"Not made, rows of these weeks go to the default partition: {string.Join(", ", notMade)}");
    }
}
