using ClarityTracking.Core.Conversions;
using ClarityTracking.Core.Inbound.Acuity;
using ClarityTracking.Core.Inbound.Calcom;
using ClarityTracking.Core.Inbound.Calendly;
using ClarityTracking.Core.Inbound.Generic;
using ClarityTracking.Core.Inbound.Hubspot;
using ClarityTracking.Core.Inbound.Pulls;
using ClarityTracking.Core.Inbound.Shopify;
using ClarityTracking.Core.Inbound.Skool;
using ClarityTracking.Core.Inbound.Square;
using ClarityTracking.Core.Inbound.Stripe;
using ClarityTracking.Core.Inbound.Whop;
using ClarityTracking.Core.Inbound.WooCommerce;
using Microsoft.Extensions.DependencyInjection;

namespace ClarityTracking.Core.Inbound;

/// <summary>Registers sources: one line each.</summary>
public static class InboundServices
{
    /// <summary>Sources, their intake, and the conversions they tell of. The worker is hosted by <see cref="CoreServices"/> where workers run.</summary>
    public static IServiceCollection AddSources(this IServiceCollection services)
    {
        services.AddSingleton<ISource, GenericSource>();
        services.AddSingleton<ISource, ShopifySource>();
        services.AddSingleton<ISource, SquareSource>();
        services.AddSingleton<ISource, StripeSource>();
        services.AddSingleton<ISource, WooCommerceSource>();
        services.AddSingleton<ISource, CalendlySource>().AddSingleton<ISource, CalcomSource>().AddSingleton<ISource, AcuitySource>();
        services.AddSingleton<ISource, HubspotSource>().AddSingleton<ISource, WhopSource>().AddSingleton<ISource, SkoolSource>();
        services.AddSingleton<SourceCatalog>().AddSingleton<SourceDirectory>().AddSingleton<WebhooksReceived>().AddSingleton<InboundIntake>();
        services.AddSingleton<VisitorMemory>().AddSingleton<ConversionWriter>().AddSingleton<ConversionIntake>();
        services.AddSingleton<SenderApi>().AddSingleton<InboundWorker>().AddSingleton<InboundQueries>().AddSingleton<InboundFailures>();
        services.AddSingleton<PullsQueued>().AddSingleton<SourcePulls>().AddSingleton<PullWorker>();
        return services;
    }
}
