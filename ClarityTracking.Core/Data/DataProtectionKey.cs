namespace ClarityTracking.Core.Data;

/// <summary>One key of ASP.NET's key ring (cookies, antiforgery, bearer tokens), encrypted by the master key before it gets here.</summary>
public sealed class DataProtectionKey
{
    public int Id { get; set; }

    public string? FriendlyName { get; set; }

    public string Xml { get; set; } = "";
}
