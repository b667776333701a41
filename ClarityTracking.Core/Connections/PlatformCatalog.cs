using System.Text.Json;
using ClarityTracking.Core.Destinations;
using ClarityTracking.Core.Inbound;

namespace ClarityTracking.Core.Connections;

/// <summary>What a connection can be to: a destination that gets events, or a source that tells of them. One of the two is set.</summary>
/// <param name="Destination">It gets events.</param>
/// <param name="Source">It posts webhooks to us.</param>
public sealed record Platform(IDestination? Destination, ISource? Source)
{
    /// <summary>Key of the contract.</summary>
    public string Key => Destination?.Info.Platform ?? Source!.Info.Platform;

    /// <summary>As people write it.</summary>
    public string DisplayName => Destination?.Info.DisplayName ?? Source!.Info.DisplayName;

    /// <summary>It posts webhooks to us.</summary>
    public bool IsSource => Source is not null;

    /// <summary>Settings and credentials in the order a form asks for them.</summary>
    public IReadOnlyList<ConnectionField> Fields => Destination?.Info.Fields ?? Source!.Info.Fields;

    /// <summary>Checks what a user typed: one error per field, empty when fine.</summary>
    /// <param name="settings">The connection's settings.</param>
    /// <param name="credentials">Null = not being changed.</param>
    public IReadOnlyList<FieldError> Check(JsonElement settings, JsonElement? credentials) =>
        Destination?.Check(settings, credentials) ?? Source!.Check(settings, credentials);

    /// <summary>A source that lacks its secret: some senders give it only after they have the address, so it is kept, switched off, until it comes.</summary>
    /// <param name="credentials">Names of those that are set.</param>
    public bool WaitsForSecret(IEnumerable<string> credentials) => IsSource && !credentials.Contains(SourceFields.Secret);
}

/// <summary>Everything a connection can be to.</summary>
public sealed class PlatformCatalog(DestinationCatalog destinations, SourceCatalog sources)
{
    /// <summary>Keys of all platforms.</summary>
    public IEnumerable<string> Keys => destinations.All.Select(d => d.Info.Platform).Concat(sources.All.Select(s => s.Info.Platform));

    /// <summary>The platform of a key, or null.</summary>
    public Platform? Find(string key) =>
        destinations.Find(key) is { } destination ? new Platform(destination, null) : sources.Find(key) is { } source ? new Platform(null, source) : null;
}
