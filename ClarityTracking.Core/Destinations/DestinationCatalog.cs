namespace ClarityTracking.Core.Destinations;

/// <summary>All destinations. Adding one is a folder and a line in <see cref="CoreServices"/>.</summary>
public sealed class DestinationCatalog(IEnumerable<IDestination> destinations)
{
    private readonly Dictionary<string, IDestination> _byPlatform = destinations.ToDictionary(d => d.Info.Platform, StringComparer.Ordinal);

    /// <summary>Every destination, by name.</summary>
    public IReadOnlyCollection<IDestination> All => _byPlatform.Values;

    /// <summary>The destination of a platform key, or null.</summary>
    public IDestination? Find(string platform) => _byPlatform.GetValueOrDefault(platform);
}
