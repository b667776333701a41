using System.IO.Compression;
using System.Security.Cryptography;
using System.Text;
using ClarityTracking.Core.Connections;

namespace ClarityTracking.Core.Delivery;

/// <summary>
/// Keeps the bodies of calls: packed, because equal keys of a batch fold to a tenth of their size, then sealed with the workspace's key,
/// because platforms are sent addresses and user agents in the clear.
/// </summary>
public sealed class CallArchive(SecretProtector protector)
{
    private const string Purpose = "calls";

    /// <summary>The form that is stored.</summary>
    public byte[] Pack(Guid workspaceId, Guid callId, byte[] body)
    {
        using var packed = new MemoryStream();
        using (var gzip = new GZipStream(packed, CompressionLevel.Fastest))
            gzip.Write(body);
        return protector.Seal(Purpose, workspaceId, callId, packed.ToArray());
    }

    /// <summary>The body as text; null when it was sealed with another master key.</summary>
    public string? Unpack(Guid workspaceId, Guid callId, byte[] stored)
    {
        try
        {
            using var gzip = new GZipStream(new MemoryStream(protector.Open(Purpose, workspaceId, callId, stored)), CompressionMode.Decompress);
            using var reader = new StreamReader(gzip, Encoding.UTF8);
            return reader.ReadToEnd();
        }
        catch (CryptographicException)
        {
            return null;
        }
    }
}
