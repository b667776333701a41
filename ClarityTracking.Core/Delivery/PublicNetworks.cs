using System.Net;
using System.Net.Sockets;
using Microsoft.Extensions.Configuration;

namespace ClarityTracking.Core.Delivery;

/// <summary>
/// Keeps requests to addresses that users chose out of the operator's own networks: whoever may enter a webhook's address could otherwise reach
/// the machine's neighbours through it. Operator setting <c>Clarity:AllowPrivateNetworks</c> (default false) lifts that.
/// </summary>
public sealed class PublicNetworks(IConfiguration configuration)
{
    private const string Words = "This address is in a private network; the operator allows those with Clarity__AllowPrivateNetworks.";

    /// <summary>What is not the public internet (IANA's special-purpose registry), and where it can hide: the tunnels 2002::/16 and 2001::/23.</summary>
    private static readonly IPNetwork[] NotPublic =
    [.. new[]
    {
        "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24",
        "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/3", "2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20",
    }.Select(IPNetwork.Parse)];

    private static readonly IPNetwork GlobalV6 = IPNetwork.Parse("2000::/3"), Nat64 = IPNetwork.Parse("64:ff9b::/96");

    private readonly bool _allowsPrivate = bool.TryParse(configuration["Clarity:AllowPrivateNetworks"], out var allows) && allows;

    /// <summary>Why an address is refused, as far as it can be told without asking DNS; null = it is not. Names are looked up when the call is made.</summary>
    public string? Refusal(Uri url)
    {
        if (_allowsPrivate)
            return null;
        var host = url.DnsSafeHost.TrimEnd('.');
        var isPrivate = IPAddress.TryParse(host, out var address) ? !IsPublic(address)
            : host.Equals("localhost", StringComparison.OrdinalIgnoreCase) || host.EndsWith(".localhost", StringComparison.OrdinalIgnoreCase);
        return isPrivate ? Words : null;
    }

    /// <summary>Is this an address on the public internet? An IPv4 address in IPv6 clothes counts as itself.</summary>
    public static bool IsPublic(IPAddress address)
    {
        if (address.IsIPv4MappedToIPv6)
            address = address.MapToIPv4();
        else if (Nat64.Contains(address))
            address = new IPAddress(address.GetAddressBytes().AsSpan(12));
        return (address.AddressFamily == AddressFamily.InterNetwork || GlobalV6.Contains(address)) && !NotPublic.Any(network => network.Contains(address));
    }

    /// <summary>
    /// Connects only to what was looked up and found public, so that a name cannot mean something else a moment later. No redirects (they would
    /// take the signature elsewhere) and no proxy (it would do the looking up).
    /// </summary>
    internal SocketsHttpHandler Handler() => new() { AllowAutoRedirect = false, UseCookies = false, UseProxy = false, ConnectCallback = ConnectAsync };

    /// <summary>Addresses that tests let through though they are private; a neighbour of theirs stays out.</summary>
    internal Func<string, int, bool>? Exempt { get; init; }

    private async ValueTask<Stream> ConnectAsync(SocketsHttpConnectionContext context, CancellationToken cancel) =>
        await ConnectAsync(context.DnsEndPoint.Host, context.DnsEndPoint.Port, cancel);

    /// <summary>A connection to what a name was looked up as, if all of that is public.</summary>
    /// <exception cref="HttpRequestException">It is not.</exception>
    /// <exception cref="SocketException">Nothing answers, or the name is unknown.</exception>
    internal async Task<Stream> ConnectAsync(string host, int port, CancellationToken cancel)
    {
        var addresses = await Dns.GetHostAddressesAsync(host, cancel);
        if (!_allowsPrivate && Exempt?.Invoke(host, port) != true && (addresses.Length == 0 || !addresses.All(IsPublic)))
            throw new HttpRequestException(Words);
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            await socket.ConnectAsync(addresses, port, cancel);
            return new NetworkStream(socket, ownsSocket: true);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }
}
