using ClarityTracking.Core.People;
using Microsoft.Extensions.DependencyInjection;

namespace ClarityTracking.Core.Attribution.Matching;

/// <summary>Registers matching.</summary>
public static class MatchingServices
{
    /// <summary>Keys, the queue's signal.</summary>
    public static IServiceCollection AddMatching(this IServiceCollection services) =>
        services.AddSingleton<LinkageKeys>().AddSingleton<ConversionsQueued>();
}
