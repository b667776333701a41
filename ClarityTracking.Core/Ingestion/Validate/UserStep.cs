using System.Buffers;
using System.Net;
using System.Text.Json;
using ClarityTracking.Core.Ingestion.Identify;
using ClarityTracking.Core.Ingestion.Store;

namespace ClarityTracking.Core.Ingestion.Validate;

/// <summary>Reads the person. Address and user agent may be told by secret keys only; a browser's own are taken from its request.</summary>
internal static class UserStep
{
    private const int Longest = 500, LongestUserAgent = 2000;

    public static Drop? Read(EventDraft draft, IngestContext context)
    {
        var fromBrowser = context.Source == EventSource.Browser;
        draft.Ip = fromBrowser ? context.Ip : null;
        draft.UserAgent = fromBrowser ? context.UserAgent : null;

        var envelope = new FieldReader(draft.Json);
        var user = envelope.Object("user"u8);
        if (user.ValueKind != JsonValueKind.Object)
            return envelope.Drop;
        var fields = new FieldReader(user);
        var (first, last) = Inbound.SenderJson.SplitName(fields.Text("name"u8, Longest));
        draft.User = new UserData
        {
            Email = [.. fields.Texts("email"u8, Longest), .. EmailHashes(ref fields)],
            Phone = fields.Texts("phone"u8, Longest),
            ExternalId = fields.Texts("external_id"u8, Longest),
            FirstName = fields.Text("first_name"u8, Longest) ?? first,
            LastName = fields.Text("last_name"u8, Longest) ?? last,
            City = fields.Text("city"u8, Longest),
            State = fields.Text("state"u8, Longest),
            Zip = fields.Text("zip"u8, Longest, numbersToo: true),
            Country = fields.Text("country"u8, Longest),
            Gender = fields.Text("gender"u8, Longest),
            DateOfBirth = fields.Text("date_of_birth"u8, Longest, numbersToo: true),
            Company = fields.Text("company"u8, Longest),
        };
        if (!fromBrowser)
        {
            draft.Ip = fields.Text("ip"u8, 45);
            draft.UserAgent = fields.Text("user_agent"u8, LongestUserAgent);
            if (draft.Ip is not null && !IPAddress.TryParse(draft.Ip, out _))
                fields.WrongType("user.ip"u8, "an IPv4 or IPv6 address");
        }
        return fields.Drop;
    }

    /// <summary>Ready hashes of an address the sender does not hand out; <see cref="MatchKeyHasher"/> keeps them as they are.</summary>
    private static IReadOnlyList<string> EmailHashes(ref FieldReader fields)
    {
        var hashes = fields.Texts("email_sha256"u8, Longest);
        foreach (var hash in hashes)
            if (hash.Length != 64 || hash.AsSpan().ContainsAnyExcept(HexDigits))
                fields.WrongType("user.email_sha256"u8, "64 hexadecimal digits");
        return hashes;
    }

    private static readonly SearchValues<char> HexDigits = SearchValues.Create("0123456789abcdefABCDEF");
}
