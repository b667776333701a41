namespace ClarityTracking.Core.Inbound;

/// <summary>A webhook as it came over the wire; the body is what was signed, byte for byte.</summary>
/// <param name="Method">HTTP method.</param>
/// <param name="Url">Full address as the sender calls it (the public address of the installation, not what a proxy made of it).</param>
/// <param name="Headers">Headers by name, found without regard to case; several of one name are joined by a comma.</param>
/// <param name="Body">The raw bytes.</param>
/// <param name="ReceivedAt">When it arrived (UTC).</param>
public sealed record InboundRequest(string Method, string Url, IReadOnlyDictionary<string, string> Headers, ReadOnlyMemory<byte> Body, DateTimeOffset ReceivedAt)
{
    /// <summary>A header's value; null when it is absent or empty.</summary>
    public string? Header(string name) => Headers.TryGetValue(name, out var value) && value.Length > 0 ? value : null;
}

/// <summary>What the check of a signature said.</summary>
/// <param name="IsValid">The sender has the secret, and the body is what it signed.</param>
/// <param name="Reason">A stable word: <c>ok</c>, <c>ping</c>, <c>missing_header</c>, <c>signature_mismatch</c> ...</param>
/// <param name="IsPing">An unsigned call by which a sender only looks whether somebody answers: 200, nothing is stored.</param>
public sealed record Verdict(bool IsValid, string Reason, bool IsPing = false)
{
    /// <summary>Signed by one who has the secret.</summary>
    public static readonly Verdict Ok = new(true, "ok");

    /// <summary>See <see cref="IsPing"/>.</summary>
    public static readonly Verdict Ping = new(false, "ping", IsPing: true);

    /// <summary>No signature, or an empty one.</summary>
    public static readonly Verdict MissingHeader = new(false, "missing_header");

    /// <summary>The signature's header has not the sender's shape.</summary>
    public static readonly Verdict MalformedHeader = new(false, "malformed_header");

    /// <summary>Signed with another secret, or changed on the way.</summary>
    public static readonly Verdict Mismatch = new(false, "signature_mismatch");

    /// <summary>Signed longer ago than the sender's rules allow: a replay, or a clock that is wrong.</summary>
    public static readonly Verdict TooOld = new(false, "timestamp_too_old");

    /// <summary>Signed in the future.</summary>
    public static readonly Verdict TooNew = new(false, "timestamp_too_new");

    /// <summary>Signed rightly, for an account that the connection does not belong to.</summary>
    public static readonly Verdict OtherAccount = new(false, "account_mismatch");
}
