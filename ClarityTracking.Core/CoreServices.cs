using ClarityTracking.Core.Destinations;
using Microsoft.Extensions.DependencyInjection;

namespace ClarityTracking.Core;

/// <summary>Registers Core: one line per feature, in the order of an event's way.</summary>
public static class CoreServices
{
    public static IServiceCollection AddClarityCore(this IServiceCollection services)
    {
        services.AddSingleton(TimeProvider.System);
        services.AddSingleton<DestinationCatalog>();
        return services;
    }
}
