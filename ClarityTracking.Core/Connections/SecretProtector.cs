using System.Security.Cryptography;
using System.Text;

namespace ClarityTracking.Core.Connections;

/// <summary>
/// Seals what must not be readable in the database: AES-256-GCM under keys derived (HKDF-SHA-256) from the master key, one per purpose
/// and owner. A sealed value is bound to its owner: copied to another row it does not open.
/// Format: version byte 1, 12 bytes nonce, 16 bytes tag, ciphertext.
/// </summary>
public sealed class SecretProtector : IDisposable
{
    private const byte Version = 1;
    private const int NonceSize = 12, TagSize = 16, HeaderSize = 1 + NonceSize + TagSize;
    private readonly byte[] _masterKey;
    // Setting up a cipher costs more than sealing an event with it, and a cipher serves one thread at a time.
    private const int MostCiphersPerThread = 256;
    private readonly ThreadLocal<Dictionary<(string Purpose, Guid Owner), AesGcm>> _ciphers = new(() => []);
    private readonly ThreadLocal<Dictionary<(string Purpose, Guid Owner), byte[]>> _macKeys = new(() => []);

    /// <param name="masterKey">32 random bytes that are never stored in the database.</param>
    public SecretProtector(byte[] masterKey)
    {
        if (masterKey.Length != 32)
            throw new ArgumentException("The master key must be 32 bytes.", nameof(masterKey));
        _masterKey = masterKey;
    }

    /// <summary>Seals bytes for an owner.</summary>
    /// <param name="purpose">What the value is (<c>credentials</c>, <c>personal</c>); part of the key.</param>
    /// <param name="owner">Whose key seals it, a workspace for example.</param>
    /// <param name="bound">The row it belongs to; it opens only with the same one.</param>
    /// <param name="plain">The readable bytes.</param>
    public byte[] Seal(string purpose, Guid owner, Guid bound, ReadOnlySpan<byte> plain)
    {
        var sealedBytes = new byte[HeaderSize + plain.Length];
        sealedBytes[0] = Version;
        var nonce = sealedBytes.AsSpan(1, NonceSize);
        RandomNumberGenerator.Fill(nonce);
        Span<byte> aad = stackalloc byte[16];
        bound.TryWriteBytes(aad);
        CipherFor(purpose, owner).Encrypt(nonce, plain, sealedBytes.AsSpan(HeaderSize), sealedBytes.AsSpan(1 + NonceSize, TagSize), aad);
        return sealedBytes;
    }

    /// <summary>Opens what <see cref="Seal"/> made.</summary>
    /// <exception cref="CryptographicException">Another master key, another owner or row, or changed bytes.</exception>
    public byte[] Open(string purpose, Guid owner, Guid bound, ReadOnlySpan<byte> sealedBytes)
    {
        if (sealedBytes.Length < HeaderSize || sealedBytes[0] != Version)
            throw new CryptographicException("Not a sealed value of a known version.");
        var plain = new byte[sealedBytes.Length - HeaderSize];
        Span<byte> aad = stackalloc byte[16];
        bound.TryWriteBytes(aad);
        CipherFor(purpose, owner).Decrypt(sealedBytes.Slice(1, NonceSize), sealedBytes[HeaderSize..], sealedBytes.Slice(1 + NonceSize, TagSize), plain, aad);
        return plain;
    }

    /// <summary>HMAC-SHA-256 of bytes under a key of the purpose and owner: equal values have equal ones, and nobody without the master key can try values.</summary>
    /// <param name="purpose">What is compared; part of the key.</param>
    /// <param name="owner">Within whom values are compared, a website for example.</param>
    /// <param name="bytes">The value.</param>
    /// <param name="mac">Takes the 32 bytes.</param>
    public void Mac(string purpose, Guid owner, ReadOnlySpan<byte> bytes, Span<byte> mac)
    {
        var keys = _macKeys.Value!;
        if (!keys.TryGetValue((purpose, owner), out var key))
        {
            if (keys.Count >= MostCiphersPerThread)
                keys.Clear();
            keys[(purpose, owner)] = key = KeyFor(purpose, owner);
        }
        HMACSHA256.HashData(key, bytes, mac);
    }

    public void Dispose()
    {
        _ciphers.Dispose();
        _macKeys.Dispose();
        CryptographicOperations.ZeroMemory(_masterKey);
    }

    private AesGcm CipherFor(string purpose, Guid owner)
    {
        var ciphers = _ciphers.Value!;
        if (ciphers.TryGetValue((purpose, owner), out var cipher))
            return cipher;
        if (ciphers.Count >= MostCiphersPerThread)
            Release(ciphers);
        return ciphers[(purpose, owner)] = new AesGcm(KeyFor(purpose, owner), TagSize);
    }

    private byte[] KeyFor(string purpose, Guid owner) =>
        HKDF.DeriveKey(HashAlgorithmName.SHA256, _masterKey, 32, owner.ToByteArray(), Encoding.UTF8.GetBytes(purpose));

    private static void Release(Dictionary<(string, Guid), AesGcm> ciphers)
    {
        foreach (var cipher in ciphers.Values)
            cipher.Dispose();
        ciphers.Clear();
    }
}
