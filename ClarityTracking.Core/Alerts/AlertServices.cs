using ClarityTracking.Core.Alerts.Channels;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;

namespace ClarityTracking.Core.Alerts;

/// <summary>Registers alerts, in the order of an alert's way.</summary>
public static class AlertServices
{
    /// <param name="services">The container.</param>
    /// <param name="isWorker">This process sends.</param>
    public static IServiceCollection AddAlerts(this IServiceCollection services, bool isWorker)
    {
        services.AddSingleton<AlertEvaluator>().AddSingleton<AlertComposer>().AddSingleton<AlertDigests>().AddSingleton<AlertMessagesQueued>().AddSingleton<AlertSender>();
        if (isWorker)
            services.AddHostedService<AlertWorker>().AddHostedService<VolumeWatch>();
        services.AddOptions<SmtpOptions>().BindConfiguration("Clarity:Smtp").ValidateOnStart();
        services.AddSingleton<IValidateOptions<SmtpOptions>, SmtpOptions>();
        services.AddSingleton<Mailer>();
        return services.AddSingleton<AlertService>().AddSingleton<AlertRuleService>().AddSingleton<AlertChannelService>();
    }
}
