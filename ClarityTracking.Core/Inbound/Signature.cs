using System.Security.Cryptography;
using System.Text;

namespace ClarityTracking.Core.Inbound;

/// <summary>HMAC-SHA256 over parts of a request, compared in constant time.</summary>
static class Signature
{
    const int Size = HMACSHA256.HashSizeInBytes;

    /// <summary>Whether a Base64 signature fits one of the keys.</summary>
    internal static bool IsBase64Of(string signature, IEnumerable<byte[]> keys, params ReadOnlySpan<ReadOnlyMemory<byte>> parts)
    {
        Span<byte> given = stackalloc byte[Size];
        return signature.Length <= 64 && Convert.TryFromBase64String(signature, given, out var length) && length == Size && Fits(given, keys, parts);
    }

    /// <summary>Whether a hexadecimal signature fits one of the keys.</summary>
    internal static bool IsHexOf(string signature, IEnumerable<byte[]> keys, params ReadOnlySpan<ReadOnlyMemory<byte>> parts)
    {
        Span<byte> given = stackalloc byte[Size];
        return signature.Length == Size * 2 && Convert.FromHexString(signature, given, out _, out _) == System.Buffers.OperationStatus.Done && Fits(given, keys, parts);
    }

    /// <summary>The secrets as keys: their UTF-8 bytes.</summary>
    internal static IEnumerable<byte[]> Keys(IEnumerable<string> secrets) => secrets.Select(Encoding.UTF8.GetBytes);

    /// <summary>A part of the signed text.</summary>
    internal static ReadOnlyMemory<byte> Part(string text) => Encoding.UTF8.GetBytes(text);

    /// <summary>The signature itself, for samples.</summary>
    internal static byte[] Of(byte[] key, params ReadOnlySpan<ReadOnlyMemory<byte>> parts)
    {
        using var hmac = IncrementalHash.CreateHMAC(HashAlgorithmName.SHA256, key);
        foreach (var part in parts)
            hmac.AppendData(part.Span);
        return hmac.GetHashAndReset();
    }

    static bool Fits(ReadOnlySpan<byte> given, IEnumerable<byte[]> keys, ReadOnlySpan<ReadOnlyMemory<byte>> parts)
    {
        var fits = false;
        foreach (var key in keys)
            if (key.Length > 0)
                fits |= CryptographicOperations.FixedTimeEquals(given, Of(key, parts));
        return fits;
    }
}
