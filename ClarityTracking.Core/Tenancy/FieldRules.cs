using System.Globalization;
using System.Net.Mail;
using System.Text;
using ClarityTracking.Core.Destinations;

namespace ClarityTracking.Core.Tenancy;

/// <summary>Rules of the fields people type, collected so that all errors of a form are told at once. Null = not given, which each caller judges.</summary>
internal sealed class FieldRules
{
    private readonly List<FieldError> _errors = [];

    /// <summary>What was wrong so far.</summary>
    public IReadOnlyList<FieldError> Errors => _errors;

    public void Add(string field, string message) => _errors.Add(new FieldError(field, message));

    /// <summary>A name: trimmed, 1 to <paramref name="longest"/> characters, no control characters.</summary>
    public string? Name(string field, string? text, int longest = 200, bool required = false)
    {
        if (text is null && !required)
            return null;
        var name = text?.Trim() ?? "";
        if (name.Length == 0)
            Add(field, $"{field} is missing.");
        else if (name.Length > longest)
            Add(field, $"{field} is longer than {longest} characters.");
        else if (!IsStorable(name))
            Add(field, $"{field} holds control characters or broken Unicode.");
        return name;
    }

    /// <summary>An email address, trimmed; nothing is promised about its mailbox.</summary>
    public string Email(string field, string? text)
    {
        var email = text?.Trim() ?? "";
        if (email.Length is 0 or > 254 || !IsStorable(email) || !MailAddress.TryCreate(email, out var parsed) || parsed.Address != email)
            Add(field, $"{field} is no email address.");
        return email;
    }

    /// <summary>A host name out of what people paste (an address, capitals, a path): lower case, punycode.</summary>
    public string? Domain(string field, string? text, bool required = false)
    {
        if (text is null && !required)
            return null;
        var host = text?.Trim() ?? "";
        if (host.IndexOf("://", StringComparison.Ordinal) is >= 0 and var scheme)
            host = host[(scheme + 3)..];
        host = host.Split('/', '?', '#')[0].Split(':')[0].TrimEnd('.').ToLowerInvariant();
        try
        {
            host = host.Length is 0 or > 253 ? "" : new IdnMapping().GetAscii(host);
        }
        catch (ArgumentException)
        {
            host = ""; // no host name in any writing
        }
        var isHost = Uri.CheckHostName(host) is UriHostNameType.IPv4 || (Uri.CheckHostName(host) is UriHostNameType.Dns && (host == "localhost" || host.Contains('.')));
        if (!isHost || host.Contains('_') || host.Length > 253)
            Add(field, $"{field} is no domain; write it like shop.example.com.");
        return host;
    }

    /// <summary>ISO 4217, upper case.</summary>
    public string? Currency(string field, string? text) =>
        OneOf(field, text, CurrencyCodes.IsKnown, "no ISO 4217 currency code; write it like EUR.");

    /// <summary>ISO 3166-1 alpha-2, upper case.</summary>
    public string? Country(string field, string? text) =>
        OneOf(field, text, CountryCodes.Known.Contains, "no ISO 3166-1 country code; write it like DE.");

    /// <summary>A script alias: lower case, of a form and not a word the app needs itself.</summary>
    public string? ScriptAliasWord(string field, string? text)
    {
        var alias = text?.Trim().ToLowerInvariant();
        if (alias is null)
            return null;
        if (!ScriptAlias.IsWord(alias))
            Add(field, $"{field} must be {ScriptAlias.Shortest} to {ScriptAlias.Longest} characters of a-z, 0-9 and hyphen.");
        else if (ScriptAlias.Reserved.Contains(alias))
            Add(field, $"{field} is a word the app needs itself; choose another.");
        return alias;
    }

    /// <summary>IANA name of a time zone.</summary>
    public string? TimeZone(string field, string? text)
    {
        if (text is null)
            return null;
        var isZone = text.Length <= 64 && (text == "UTC" || text.Contains('/')) && TimeZoneInfo.TryFindSystemTimeZoneById(text, out _);
        if (!isZone)
            Add(field, $"{field} is no IANA time zone; write it like Europe/Berlin.");
        return text;
    }

    /// <summary>Can PostgreSQL keep it, and a page show it? No control characters, no half surrogate pairs.</summary>
    public static bool IsStorable(string text)
    {
        for (var i = 0; i < text.Length;)
        {
            if (!Rune.TryGetRuneAt(text, i, out var rune) || Rune.IsControl(rune))
                return false;
            i += rune.Utf16SequenceLength;
        }
        return true;
    }

    private string? OneOf(string field, string? text, Func<string, bool> isKnown, string message)
    {
        if (text is null)
            return null;
        var code = text.Trim().ToUpperInvariant();
        if (!isKnown(code))
            Add(field, $"{field} is {message}");
        return code;
    }
}
