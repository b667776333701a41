using ClarityTracking.Core.Conversions;
using ClarityTracking.Core.Inbound.Generic;
using Microsoft.Extensions.DependencyInjection;

namespace ClarityTracking.Core.Inbound;

/// <summary>Registers sources: one line each.</summary>
public static class InboundServices
{
    /// <summary>Sources, their intake, and the conversions they tell of. The worker is hosted by <see cref="CoreServices"/> where workers run.</summary>
    public static IServiceCollection AddSources(this IServiceCollection services)
    {
        services.AddSingleton<ISource, GenericSource>();
        services.AddSingleton<SourceCatalog>().AddSingleton<SourceDirectory>().AddSingleton<WebhooksReceived>().AddSingleton<InboundIntake>();
        services.AddSingleton<VisitorMemory>().AddSingleton<ConversionWriter>().AddSingleton<ConversionIntake>();
        services.AddSingleton<InboundWorker>().AddSingleton<InboundQueries>().AddSingleton<InboundFailures>();
        return services;
    }
}
