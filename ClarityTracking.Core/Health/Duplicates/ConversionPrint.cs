using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using ClarityTracking.Core.Ingestion.Store;

namespace ClarityTracking.Core.Health.Duplicates;

/// <summary>What of a conversion tells it apart from others, and what two that are one share.</summary>
internal sealed record ConversionPrint
{
    /// <summary>Where the event lies; its id holds when it was received.</summary>
    public required EventAddress Address { get; init; }

    /// <summary>The sender's id.</summary>
    public required string EventId { get; init; }

    /// <summary>As stored.</summary>
    public required string Name { get; init; }

    /// <summary>See <see cref="ConversionNames.FamilyOf"/>.</summary>
    public required string Family { get; init; }

    /// <summary>Who told it.</summary>
    public required EventSource Source { get; init; }

    /// <summary>The shop or booking system behind a webhook (<c>properties.source_platform</c>).</summary>
    public string? Sender { get; init; }

    /// <summary>Host of the page.</summary>
    public string? Host { get; init; }

    /// <summary>When it happened (UTC).</summary>
    public required DateTimeOffset OccurredAt { get; init; }

    /// <summary>Anonymous browser id.</summary>
    public string? VisitorId { get; init; }

    /// <summary>As the sender wrote it.</summary>
    public string? OrderId { get; init; }

    /// <summary>In major units.</summary>
    public decimal? Value { get; init; }

    /// <summary>ISO 4217.</summary>
    public string? Currency { get; init; }

    /// <summary>Hashes of ids of the browser.</summary>
    public IReadOnlyList<long> Visitors { get; init; } = [];

    /// <summary>Hashes of match keys of the person; the last two bits say of which key, see <see cref="PersonHash"/>.</summary>
    public IReadOnlyList<long> Persons { get; init; } = [];

    /// <summary>Hash of the page's path.</summary>
    public long? Path { get; init; }

    /// <summary>Hash of what it is about: the items or the form.</summary>
    public long? About { get; init; }

    /// <summary>The order number by which orders are compared: without #, whatever the case; null for none and for placeholders.</summary>
    public string? Order => ConversionNames.OrderOf(OrderId);

    /// <summary>Told by a browser, not by a server.</summary>
    public bool IsBrowsers => Source == EventSource.Browser;

    /// <summary>
    /// Two events that may be one share at least one of these. Numbers of orders and ids are looked for over days, the others within the website's window.
    /// </summary>
    public IEnumerable<(long Key, bool IsNumber)> Keys()
    {
        yield return (Hash("i", Family, EventId), true);
        if (Order is { } order)
            yield return (Hash("o", Family, order), true);
        var amount = Value?.ToString("0.####", CultureInfo.InvariantCulture) ?? "";
        foreach (var visitor in Visitors)
            yield return (Hash("v", Family, visitor.ToString(CultureInfo.InvariantCulture), amount, Currency), false);
        foreach (var person in Persons)
            yield return (Hash("p", Family, person.ToString(CultureInfo.InvariantCulture), amount, Currency), false);
    }

    /// <summary>64 bits of SHA-256 over texts and their lengths.</summary>
    internal static long Hash(params ReadOnlySpan<string?> parts)
    {
        var text = new StringBuilder();
        foreach (var part in parts)
            text.Append(part?.Length ?? -1).Append(':').Append(part);
        Span<byte> hash = stackalloc byte[32];
        SHA256.HashData(Encoding.UTF8.GetBytes(text.ToString()), hash);
        return BitConverter.ToInt64(hash);
    }

    /// <summary>A match key's hash with its kind in the last two bits (0 email, 1 phone, 2 own id), so that two persons can be told apart by one kind.</summary>
    internal static long PersonHash(int kind, string value) => (Hash("m", value) & ~3L) | (long)kind;
}
