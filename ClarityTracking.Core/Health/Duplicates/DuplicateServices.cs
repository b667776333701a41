using Microsoft.Extensions.DependencyInjection;

namespace ClarityTracking.Core.Health.Duplicates;

/// <summary>Registers what finds duplicates, shows them and stops them.</summary>
public static class DuplicateServices
{
    /// <param name="services">The container.</param>
    /// <param name="isWorker">This process looks for them.</param>
    public static IServiceCollection AddDuplicates(this IServiceCollection services, bool isWorker)
    {
        services.AddSingleton<DuplicateWorker>();
        if (isWorker)
            services.AddHostedService(provider => provider.GetRequiredService<DuplicateWorker>());
        return services.AddSingleton<DuplicateQueries>().AddSingleton<DuplicateService>();
    }
}
