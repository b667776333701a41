using ClarityTracking.Core.Alerts;
using ClarityTracking.Core.Attribution.Matching;
using ClarityTracking.Core.Attribution.Reports;
using ClarityTracking.Core.Attribution.Touchpoints;
using ClarityTracking.Core.Connections;
using ClarityTracking.Core.Connections.OAuth;
using ClarityTracking.Core.Conversions;
using ClarityTracking.Core.Data;
using ClarityTracking.Core.Delivery;
using ClarityTracking.Core.Delivery.Jobs;
using ClarityTracking.Core.Destinations;
using ClarityTracking.Core.Destinations.GoogleAds;
using ClarityTracking.Core.Destinations.GoogleAnalytics;
using ClarityTracking.Core.Destinations.GoogleSheets;
using ClarityTracking.Core.Destinations.LinkedIn;
using ClarityTracking.Core.Destinations.Meta;
using ClarityTracking.Core.Destinations.Microsoft;
using ClarityTracking.Core.Destinations.Pinterest;
using ClarityTracking.Core.Destinations.Reddit;
using ClarityTracking.Core.Destinations.Snapchat;
using ClarityTracking.Core.Destinations.Supabase;
using ClarityTracking.Core.Destinations.TikTok;
using ClarityTracking.Core.Destinations.Tinybird;
using ClarityTracking.Core.Destinations.Webhook;
using ClarityTracking.Core.Health;
using ClarityTracking.Core.Health.Bots;
using ClarityTracking.Core.Health.Duplicates;
using ClarityTracking.Core.Health.InstallCheck;
using ClarityTracking.Core.Health.Ledger;
using ClarityTracking.Core.Health.Volume;
using ClarityTracking.Core.Inbound;
using ClarityTracking.Core.Inbound.Pulls;
using ClarityTracking.Core.Ingestion;
using ClarityTracking.Core.Ingestion.Identify;
using ClarityTracking.Core.Ingestion.Store;
using ClarityTracking.Core.Ingestion.Validate;
using ClarityTracking.Core.Links;
using ClarityTracking.Core.Reports;
using ClarityTracking.Core.Routing;
using ClarityTracking.Core.Spend;
using ClarityTracking.Core.Tenancy;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;

namespace ClarityTracking.Core;

/// <summary>Registers Core: one line per feature, in the order of an event's way.</summary>
public static class CoreServices
{
    /// <param name="services">The container.</param>
    /// <param name="connectionString">PostgreSQL.</param>
    /// <param name="masterKey">32 bytes; see <see cref="SecretProtector"/>.</param>
    /// <param name="roles">Which workers run in this process.</param>
    public static IServiceCollection AddClarityCore(this IServiceCollection services, string connectionString, byte[] masterKey, NodeRoles roles = NodeRoles.All)
    {
        services.TryAddSingleton(TimeProvider.System);
        services.AddClarityData(connectionString);
        services.AddSingleton(_ => new SecretProtector(masterKey));
        services.AddSingleton<PersonalDataSealer>();
        services.AddSingleton<DailySalts>().AddSingleton<PageBursts>();
        services.AddSingleton<KeyDirectory>();
        services.AddSingleton<EventWriter>(); // on every node: the dashboard takes in its test event, workers what webhooks tell
        services.AddHostedService(provider => provider.GetRequiredService<EventWriter>());
        services.AddSingleton<IngestPipeline>();
        services.AddSingleton<EventLoader>().AddSingleton<FilterRules>();
        services.AddSingleton<EventsStored>().AddSingleton<EventsFed>();
        services.AddSingleton<DeliveriesQueued>();
        services.AddSingleton<CallArchive>();
        services.AddSingleton<DeliveryLane>();
        if (roles.HasFlag(NodeRoles.Worker))
            services.AddHostedService(provider => provider.GetRequiredService<InboundWorker>()).AddHostedService(provider => provider.GetRequiredService<PullWorker>())
                .AddHostedService<EventRouter>().AddHostedService<TouchpointWorker>().AddHostedService<DeliveryWorker>().AddHostedService<DeliveryJobWorker>()
                .AddHostedService<InstallCheckWorker>();
        services.AddSingleton<IDestination, MetaDestination>();
        services.AddSingleton<IDestination, TikTokDestination>().AddSingleton<IDestination, PinterestDestination>();
        services.AddSingleton<IDestination, SnapchatDestination>().AddSingleton<IDestination, RedditDestination>();
        services.AddSingleton<IDestination, AnalyticsDestination>().AddSingleton<IDestination, GoogleAdsDestination>();
        services.AddSingleton<IDestination, LinkedInDestination>().AddSingleton<IDestination, MicrosoftDestination>();
        services.AddSingleton<IDestination, WebhookDestination>().AddSingleton<IDestination, TinybirdDestination>();
        services.AddSingleton<IDestination, SupabaseDestination>().AddSingleton<IDestination, GoogleSheetsDestination>();
        services.AddSingleton<DestinationCatalog>();
        services.AddSingleton<IScoreReader, MetaScores>().AddSingleton<IScoreReader, PinterestScores>();
        services.AddSingleton<ISpendReader, MetaSpend>().AddSingleton<ISpendReader, GoogleAdsSpend>().AddSingleton<ISpendReader, TikTokSpend>().AddSingleton<ISpendReader, PinterestSpend>();
        services.AddHttpClient(DestinationClient.ClientName, client => client.Timeout = DeliveryLane.LongestCall);
        services.AddSingleton<PublicNetworks>();
        services.AddHttpClient(DestinationClient.UserAddressClientName, client => client.Timeout = DeliveryLane.LongestCall)
            .ConfigurePrimaryHttpMessageHandler(provider => provider.GetRequiredService<PublicNetworks>().Handler());
        services.AddSingleton<DestinationClient>().AddSingleton<AccessTokens>();
        services.AddSources();
        services.AddSingleton<LinkDirectory>().AddSingleton<LinkService>().AddSingleton<LinkRedirect>().AddSingleton<ConversionQueries>().AddSingleton<RecordedConversions>().AddSingleton<LinkConversions>();
        services.AddSingleton<PlatformCatalog>();
        services.AddTenancy();
        services.AddSingleton<FilterRuleService>().AddSingleton<FilterRulePreviews>();
        services.AddSingleton<ConnectionService>().AddSingleton<SourceSecrets>().AddSingleton<SourceTester>().AddSingleton<ConnectionTester>();
        services.AddSingleton<OAuthClient>().AddSingleton<OAuthAccounts>().AddSingleton<ShopifyWebhooks>().AddSingleton<OAuthConsent>().AddSingleton<OAuthConnections>().AddSingleton<OAuthRefresh>();
        services.AddSingleton<EventQueries>().AddSingleton<EventTraces>().AddSingleton<PortfolioQueries>();
        services.AddSingleton<DeliveryQueries>().AddSingleton<JobsQueued>().AddSingleton<DeliveryJobs>().AddSingleton<Replay>().AddSingleton<Backfill>();
        services.AddSingleton<PlatformScoreFetcher>().AddSingleton<PlatformScoreQueries>().AddSingleton<MatchQualityWeights>().AddSingleton<MatchQualityStudio>();
        services.AddSingleton<Quarantine>().AddSingleton<BotRuleService>();
        services.AddSingleton<WorkQueues>().AddSingleton<WebsiteHealthQueries>().AddSingleton<LedgerQueries>().AddSingleton<InstallationHealth>();
        services.AddSingleton<SystemMetrics>().AddSingleton<AnalyticsQueries>().AddSingleton<AttributionReports>();
        services.AddSingleton<IntakeNotes>().AddHostedService(provider => provider.GetRequiredService<IntakeNotes>());
        services.AddSingleton<VolumeMonitor>().AddSingleton<VolumeQueries>().AddSingleton<FreshnessQueries>().AddSingleton<SilenceQueries>().AddSingleton<CaptureQueries>();
        services.AddSingleton<ChecksQueued>().AddSingleton<InstallChecks>();
        services.AddSingleton<SpendImporter>().AddSingleton<SpendImports>().AddSingleton<SpendUpload>().AddSingleton<SpendQueries>();
        services.AddTouchpoints();
        services.AddMatching(roles.HasFlag(NodeRoles.Worker));
        services.AddDuplicates(roles.HasFlag(NodeRoles.Worker));
        services.AddAlerts(roles.HasFlag(NodeRoles.Worker));
        return services;
    }
}
