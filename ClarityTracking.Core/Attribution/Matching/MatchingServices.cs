using ClarityTracking.Core.People;
using Microsoft.Extensions.DependencyInjection;

namespace ClarityTracking.Core.Attribution.Matching;

/// <summary>Registers matching.</summary>
public static class MatchingServices
{
    /// <summary>Keys, the queue, answers and what people say to them.</summary>
    /// <param name="services">The container.</param>
    /// <param name="works">Matches in this process.</param>
    public static IServiceCollection AddMatching(this IServiceCollection services, bool works)
    {
        services.AddSingleton<LinkageKeys>().AddSingleton<ConversionsQueued>().AddSingleton<ConversionLinkage>();
        services.AddSingleton<MatchReader>().AddSingleton<MatchCalibration>().AddSingleton<MatchWorker>();
        services.AddSingleton<MatchQueries>().AddSingleton<MatchDecisions>().AddSingleton<MatchSettings>();
        if (works)
            services.AddHostedService(provider => provider.GetRequiredService<MatchWorker>());
        return services;
    }
}
