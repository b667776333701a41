using System.Text.Json;
using System.Text.Json.Serialization;
using ClarityTracking.Core.Connections;

namespace ClarityTracking.Core.Ingestion.Identify;

/// <summary>Seals and opens the readable part of an event with its workspace's key, bound to the event's id.</summary>
public sealed partial class PersonalDataSealer(SecretProtector protector)
{
    private const string Purpose = "personal";

    /// <summary>The sealed form.</summary>
    public byte[] Seal(Guid workspaceId, Guid eventId, PersonalData personal) =>
        protector.Seal(Purpose, workspaceId, eventId, JsonSerializer.SerializeToUtf8Bytes(personal, Json.Default.PersonalData));

    /// <summary>The readable form.</summary>
    /// <exception cref="System.Security.Cryptography.CryptographicException">Sealed with another master key or for another event.</exception>
    public PersonalData Open(Guid workspaceId, Guid eventId, byte[] sealedBytes) =>
        JsonSerializer.Deserialize(protector.Open(Purpose, workspaceId, eventId, sealedBytes), Json.Default.PersonalData)!;

    [JsonSerializable(typeof(PersonalData))]
    [JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
    private sealed partial class Json : JsonSerializerContext;
}
