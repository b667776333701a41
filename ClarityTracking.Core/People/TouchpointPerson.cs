using System.Text.Json;
using System.Text.Json.Serialization;
using ClarityTracking.Core.Connections;

namespace ClarityTracking.Core.People;

/// <summary>
/// What one touchpoint or conversion tells of who it was, normalised by <see cref="IdentityText"/>. Sealed it is
/// <c>touchpoints.personal_sealed</c>; in privacy mode it is never stored and only its keys (<see cref="LinkageKeys"/>) are.
/// </summary>
/// <param name="Names">Given name first.</param>
/// <param name="Emails">Addresses.</param>
/// <param name="Phones">Digits with calling code.</param>
/// <param name="Ip">Address of the device.</param>
/// <param name="EmailHashes">SHA-256 (lower-case hex) of addresses: as told, and those of <paramref name="Emails"/> in the forms senders hash.</param>
public sealed partial record TouchpointPerson(IReadOnlyList<string> Names, IReadOnlyList<string> Emails, IReadOnlyList<string> Phones, string? Ip,
    IReadOnlyList<string> EmailHashes)
{
    private const string Purpose = "touchpoint";
    private const int MostOfEach = 5, HexOfSha256 = 64;

    /// <summary>Nothing known.</summary>
    public static readonly TouchpointPerson Nothing = new([], [], [], null, []);

    /// <summary>True when nothing is known.</summary>
    [JsonIgnore]
    public bool IsEmpty => Names.Count == 0 && Emails.Count == 0 && Phones.Count == 0 && Ip is null && EmailHashes.Count == 0;

    /// <summary>Normalises what a sender told; unreadable values and placeholders are left out.</summary>
    /// <param name="names">Full names in any writing.</param>
    /// <param name="emails">Addresses.</param>
    /// <param name="phones">Numbers in any writing.</param>
    /// <param name="ip">Address of the device.</param>
    /// <param name="emailHashes">SHA-256 of addresses, made by the sender.</param>
    /// <param name="country">The website's country (alpha-2), for numbers without a calling code; null = none.</param>
    public static TouchpointPerson Of(IEnumerable<string?> names, IReadOnlyCollection<string?> emails, IEnumerable<string?> phones, string? ip,
        IEnumerable<string?> emailHashes, string? country)
    {
        // senders hash addresses trimmed and in lower case; some also without tag and Google's dots
        var hashes = emails.Where(e => IdentityText.Email(e) is not null)
            .SelectMany(e => new[] { IdentityText.Sha256(e!.Trim().ToLowerInvariant()), IdentityText.Sha256(IdentityText.Email(e)!) })
            .Concat(emailHashes.Select(h => h?.Trim().ToLowerInvariant()).Where(h => h is { Length: HexOfSha256 } && h.All(char.IsAsciiHexDigit)));
        return new TouchpointPerson(Few(names.Select(IdentityText.Name)), Few(emails.Select(IdentityText.Email)), Few(phones.Select(p => IdentityText.Phone(p, country))),
            string.IsNullOrWhiteSpace(ip) ? null : ip.Trim(), Few(hashes));
    }

    /// <summary>The sealed form, bound to the row it belongs to.</summary>
    public byte[] Seal(SecretProtector protector, Guid workspaceId, Guid id) =>
        protector.Seal(Purpose, workspaceId, id, JsonSerializer.SerializeToUtf8Bytes(this, PersonJson.Default.TouchpointPerson));

    /// <summary>The readable form; <see cref="Nothing"/> of NULL.</summary>
    /// <exception cref="System.Security.Cryptography.CryptographicException">Sealed with another master key or for another row.</exception>
    public static TouchpointPerson Open(SecretProtector protector, Guid workspaceId, Guid id, byte[]? sealedBytes) =>
        sealedBytes is null ? Nothing : JsonSerializer.Deserialize(protector.Open(Purpose, workspaceId, id, sealedBytes), PersonJson.Default.TouchpointPerson)!;

    private static List<string> Few(IEnumerable<string?> values) => [.. values.OfType<string>().Distinct(StringComparer.Ordinal).Take(MostOfEach)];

    [JsonSerializable(typeof(TouchpointPerson))]
    [JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
    private sealed partial class PersonJson : JsonSerializerContext;
}
