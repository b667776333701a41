using System.Net;
using Microsoft.AspNetCore.HttpOverrides;

namespace ClarityTracking.Web.Security;

/// <summary>
/// Believes <c>X-Forwarded-For</c> and <c>X-Forwarded-Proto</c> from reverse proxies on this machine and from those the operator names
/// in <c>Clarity:TrustedProxies</c> (addresses or networks, separated by commas), and from nobody else.
/// </summary>
public static class Proxies
{
    public static IServiceCollection AddTrustedProxies(this IServiceCollection services, IConfiguration configuration) =>
        services.Configure<ForwardedHeadersOptions>(options =>
        {
            options.ForwardedHeaders = ForwardedHeaders.XForwardedFor | ForwardedHeaders.XForwardedProto;
            options.ForwardLimit = null; // as many hops as are trusted
            foreach (var text in (configuration["Clarity:TrustedProxies"] ?? "").Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries))
                if (System.Net.IPNetwork.TryParse(text, out var network))
                    options.KnownIPNetworks.Add(network);
                else if (IPAddress.TryParse(text, out var address))
                    options.KnownProxies.Add(address);
                else
                    throw new InvalidOperationException($"Clarity:TrustedProxies: '{text}' is no address and no network. Write it like 10.0.0.5 or 10.0.0.0/8.");
        });
}
