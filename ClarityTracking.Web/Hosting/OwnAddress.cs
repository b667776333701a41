using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;

namespace ClarityTracking.Web.Hosting;

/// <summary>Where this installation can be called, for its own calls to itself.</summary>
public sealed class OwnAddress(IConfiguration configuration, IServer server)
{
    /// <summary>
    /// As the operator says (<c>Clarity:PublicUrl</c>), else where it listens. Never what a request names as its host: who calls could choose that,
    /// and we would call it.
    /// </summary>
    public Uri Value => configuration["Clarity:PublicUrl"] is { Length: > 0 } url ? new Uri(url) : Listening;

    private Uri Listening
    {
        get
        {
            var addresses = (server.Features.Get<IServerAddressesFeature>()?.Addresses ?? []).Select(BindingAddress.Parse).Where(a => !a.IsUnixPipe && !a.IsNamedPipe).ToList();
            var address = addresses.Find(a => a.Scheme == "http") ?? addresses.FirstOrDefault() ?? BindingAddress.Parse("http://localhost:5080");
            var host = address.Host is "+" or "*" or "0.0.0.0" or "[::]" ? "localhost" : address.Host;
            return new Uri($"{address.Scheme}://{host}:{address.Port}");
        }
    }
}
