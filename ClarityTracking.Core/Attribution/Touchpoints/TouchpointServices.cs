using ClarityTracking.Core.Conversions;
using ClarityTracking.Core.People;
using Microsoft.Extensions.DependencyInjection;

namespace ClarityTracking.Core.Attribution.Touchpoints;

/// <summary>Registers touchpoints. The worker is hosted by <see cref="CoreServices"/> where workers run.</summary>
public static class TouchpointServices
{
    /// <summary>Writers.</summary>
    public static IServiceCollection AddTouchpoints(this IServiceCollection services) =>
        services.AddSingleton<TouchpointWriter>().AddSingleton<TrackedConversions>().AddSingleton<PersonTokens>().AddSingleton<PersonWriter>().AddSingleton<PersonFollower>()
            .AddSingleton<PersonQueries>().AddSingleton<PersonMerges>().AddSingleton<PersonErasure>().AddSingleton<PersonExport>();
}
