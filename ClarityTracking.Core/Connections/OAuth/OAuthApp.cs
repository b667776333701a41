using Microsoft.Extensions.Configuration;

namespace ClarityTracking.Core.Connections.OAuth;

/// <summary>This installation's own app at a provider, as the operator registered it (<c>OAuth:{Section}:*</c>).</summary>
/// <param name="Provider">Whose app.</param>
/// <param name="ClientId">Empty when it is not set.</param>
/// <param name="ClientSecret">Empty when it is not set.</param>
/// <param name="AuthorizeUrl">Where a person consents.</param>
/// <param name="TokenUrl">Where codes are exchanged.</param>
/// <param name="RevokeUrl">Where access is taken back; null = nowhere.</param>
/// <param name="ApiBaseUrl">Without a slash at the end.</param>
public sealed record OAuthApp(OAuthProvider Provider, string ClientId, string ClientSecret, string AuthorizeUrl, string TokenUrl, string? RevokeUrl, string ApiBaseUrl)
{
    /// <summary>Reads the operator's settings.</summary>
    /// <param name="configuration">The app's settings.</param>
    /// <param name="provider">Whose app.</param>
    /// <param name="shop">Host of the shop, where each has its own; already checked.</param>
    public static OAuthApp Of(IConfiguration configuration, OAuthProvider provider, string? shop = null)
    {
        return new OAuthApp(provider, Setting("ClientId") ?? "", Setting("ClientSecret") ?? "", Address("AuthorizeUrl", provider.AuthorizeUrl)!,
            Address("TokenUrl", provider.TokenUrl)!, Address("RevokeUrl", provider.RevokeUrl), Address("ApiBaseUrl", provider.ApiBaseUrl)!.TrimEnd('/'));

        string? Setting(string name) => configuration[$"OAuth:{provider.Section}:{name}"] is { } value && !string.IsNullOrWhiteSpace(value) ? value.Trim() : null;
        string? Address(string name, string? usual) => (Setting(name) ?? usual)?.Replace("{shop}", shop, StringComparison.Ordinal);
    }

    /// <summary>Names of the settings that are missing, as environment variables; empty when people can connect.</summary>
    public IReadOnlyList<string> Missing =>
        [.. new[] { ("ClientId", ClientId), ("ClientSecret", ClientSecret) }.Where(s => s.Item2.Length == 0).Select(s => $"OAuth__{Provider.Section}__{s.Item1}")];

    /// <summary>What the operator has to do, one sentence; null when people can connect.</summary>
    public string? WhatIsMissing => Missing.Count == 0 ? null
        : $"{Provider.DisplayName} is not set up on this installation: its operator must register an app there and set {string.Join(" and ", Missing)}.";

    /// <summary>Shows neither id nor secret where the record is printed.</summary>
    public override string ToString() => $"OAuth app of {Provider.DisplayName}";
}
