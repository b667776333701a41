using System.Security.Cryptography;
using System.Text;

namespace ClarityTracking.Core.Tenancy;

/// <summary>What a key may be used for.</summary>
public enum ApiKeyKind
{
    /// <summary><c>pk_</c>: collect only, may stand in a page.</summary>
    Publishable,
    /// <summary><c>sk_</c>: everything of its website; kept as a hash, shown once.</summary>
    Secret,
}

/// <summary>A key of one website. Looked up by hash, so a copy of the database opens nothing.</summary>
public sealed class ApiKey
{
    private ApiKey() { }

    private ApiKey(Website website, ApiKeyKind kind, bool isTest, string name, string key, DateTimeOffset now)
    {
        WorkspaceId = website.WorkspaceId;
        WebsiteId = website.Id;
        Id = Guid.CreateVersion7(now);
        Kind = kind;
        IsTest = isTest;
        Name = name;
        Hash = HashOf(key);
        Publishable = kind == ApiKeyKind.Publishable ? key : null;
        Hint = $"{key[..8]}…{key[^4..]}";
        CreatedAt = now;
    }

    public Guid WorkspaceId { get; private set; }

    public Guid Id { get; private set; }

    public Guid WebsiteId { get; private set; }

    public ApiKeyKind Kind { get; private set; }

    /// <summary>Marks every event sent with it as test.</summary>
    public bool IsTest { get; private set; }

    public string Name { get; private set; } = "";

    /// <summary>SHA-256 of the whole key; 32 bytes. The key holds 190 random bits, so a slow hash would add nothing.</summary>
    public byte[] Hash { get; private set; } = [];

    /// <summary>The key itself when it is publishable; null for secret keys.</summary>
    public string? Publishable { get; private set; }

    /// <summary>Beginning and end, to tell keys apart.</summary>
    public string Hint { get; private set; } = "";

    public DateTimeOffset CreatedAt { get; private set; }

    /// <summary>When it stopped working (UTC); null = it works.</summary>
    public DateTimeOffset? RevokedAt { get; private set; }

    /// <summary>A new key, and the only time its text is known.</summary>
    public static (ApiKey Row, string Key) Create(Website website, ApiKeyKind kind, bool isTest, string name, DateTimeOffset now)
    {
        var key = $"{(kind == ApiKeyKind.Publishable ? "pk" : "sk")}_{(isTest ? "test" : "live")}_{RandomNumberGenerator.GetString(Alphabet, 32)}";
        return (new ApiKey(website, kind, isTest, name, key, now), key);
    }

    /// <summary>What the key is stored and looked up by.</summary>
    public static byte[] HashOf(string key) => SHA256.HashData(Encoding.UTF8.GetBytes(key));

    /// <summary>Ends the key. Twice is the same as once.</summary>
    public void Revoke(DateTimeOffset now) => RevokedAt ??= now;

    private const string Alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
}
