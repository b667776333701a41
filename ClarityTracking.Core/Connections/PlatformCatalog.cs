using System.Text.Json;
using ClarityTracking.Core.Destinations;
using ClarityTracking.Core.Inbound;

namespace ClarityTracking.Core.Connections;

/// <summary>What a connection can be to: a destination that gets events, or a source that tells of them.</summary>
/// <param name="Key">Key of the contract.</param>
/// <param name="DisplayName">As people write it.</param>
/// <param name="IsSource">It posts webhooks to us.</param>
/// <param name="Fields">Settings and credentials in the order a form asks for them.</param>
/// <param name="Check">Checks what a user typed: one error per field, empty when fine; credentials null = not being changed.</param>
public sealed record Platform(string Key, string DisplayName, bool IsSource, IReadOnlyList<ConnectionField> Fields,
    Func<JsonElement, JsonElement?, IReadOnlyList<FieldError>> Check);

/// <summary>Everything a connection can be to.</summary>
public sealed class PlatformCatalog(DestinationCatalog destinations, SourceCatalog sources)
{
    /// <summary>Keys of all platforms.</summary>
    public IEnumerable<string> Keys => destinations.All.Select(d => d.Info.Platform).Concat(sources.All.Select(s => s.Info.Platform));

    /// <summary>The platform of a key, or null.</summary>
    public Platform? Find(string key) =>
        destinations.Find(key) is { } destination ? new Platform(key, destination.Info.DisplayName, IsSource: false, destination.Info.Fields, destination.Check)
        : sources.Find(key) is { } source ? new Platform(key, source.Info.DisplayName, IsSource: true, source.Info.Fields, source.Check)
        : null;
}
