using ClarityTracking.Core.Data;
using ClarityTracking.Core.Ingestion.Store;
using Npgsql;
using Quartz;

namespace ClarityTracking.Web.Jobs;

/// <summary>
/// The schedule: Quartz with its store in our database, so that each run happens once for all nodes, survives restarts and leaves a
/// history. A job is a few lines that call Core and may run twice without harm. Times are UTC.
/// </summary>
public static class JobServices
{
    public static IServiceCollection AddClarityJobs(this IServiceCollection services, string connectionString)
    {
        services.AddSingleton<JobsOverview>().AddSingleton<EventKeys>().AddSingleton<Retention>();
        services.AddOptions<RetentionOptions>().BindConfiguration("Clarity:Retention").ValidateDataAnnotations().ValidateOnStart();
        services.AddQuartz(quartz =>
        {
            quartz.ConfigureScheduler(options =>
            {
                options.InstanceName = "clarity";
                options.GenerateInstanceId = true;
            });
            quartz.UsePersistentStore(store =>
            {
                store.UsePostgres(NpgsqlFactory.Instance, connectionString);
                store.UseClustering(cluster => cluster.CheckinInterval = TimeSpan.FromSeconds(10));
                store.ProvisionSchema(); // its tables are named qrtz_*
                store.UseExecutionHistory();
                store.ConfigureStore(options => options.MisfireThreshold = TimeSpan.FromMinutes(1));
            });
            quartz.Schedule<PartitionJob>("partitions", "0 10 * * * ?");
            quartz.Schedule<RetentionJob>("retention", "0 30 2 * * ?");
            quartz.Schedule<ForgetEventKeysJob>("forget-event-keys", "0 20 * * * ?");
            quartz.Schedule<ForgetSaltsJob>("forget-salts", "0 1 0 * * ?");
            quartz.Schedule<OAuthRefreshJob>("oauth-refresh", "20 0/5 * * * ?");
            quartz.Schedule<PlatformScoresJob>("platform-scores", "0 40 * * * ?");
            quartz.Schedule<AdSpendJob>("ad-spend", "45 * * * * ?");
            quartz.Schedule<AlertJob>("alerts", "0 * * * * ?");
        });
        services.AddQuartzExecutionHistory(history => history.Retention = TimeSpan.FromDays(30));
        return services.AddQuartzHostedService(options => options.WaitForJobsToComplete = true);
    }

    /// <summary>A run that nobody was up for happens once as soon as a node is; a failed run is tried again after 1, 2, 4, 8 and 16 minutes.</summary>
    private static void Schedule<TJob>(this IQuartzBuilder quartz, string name, string cron) where TJob : class, IJob =>
        quartz.ScheduleJob<TJob>(
            trigger => trigger.WithIdentity(name)
                .WithCronSchedule(cron, schedule => schedule.InTimeZone(TimeZoneInfo.Utc).WithMisfireInstruction(CronTriggerMisfireInstruction.FireAndProceed))
                .WithRetryPolicy(RetryPolicy.Exponential(5, TimeSpan.FromMinutes(1), 2)),
            job => job.WithIdentity(name).DisallowConcurrentExecution());
}
