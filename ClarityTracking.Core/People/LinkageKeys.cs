using System.Buffers.Binary;
using System.Text;
using ClarityTracking.Core.Connections;

namespace ClarityTracking.Core.People;

/// <summary>What a key was made of; kept in the key's highest four bits, so that keys can be compared by kind where nothing readable is stored.</summary>
public enum KeyKind
{
    /// <summary>The browser's visitor id.</summary>
    Visitor = 1,
    /// <summary>An ad platform's or a link's click id, its kind included.</summary>
    Click = 2,
    /// <summary>Normalised address.</summary>
    Email = 3,
    /// <summary>The same before its @.</summary>
    EmailLocal = 4,
    /// <summary>Number with calling code.</summary>
    Phone = 5,
    /// <summary>Its last seven digits.</summary>
    PhoneEnd = 6,
    /// <summary>Family name.</summary>
    Surname = 7,
    /// <summary>Full given name (of nicknames: each it may stand for) and the family name's first letter.</summary>
    GivenAndInitial = 8,
    /// <summary>Address of the device.</summary>
    Ip = 9,
    /// <summary>SHA-256 of an address.</summary>
    EmailHash = 10,
    /// <summary>Ten minutes in which somebody tapped the number or went to the booking page.</summary>
    Slot = 11,
    /// <summary>Hash of the customer's own id of a person.</summary>
    External = 12,
}

/// <summary>By what a touchpoint or conversion can be found.</summary>
/// <param name="VisitorId">The browser's id.</param>
/// <param name="ClickIds">As kind and value: <c>gclid.abc</c>.</param>
/// <param name="Person">Who, normalised.</param>
/// <param name="CalledAt">When a call or an outbound click happened; null of every other touchpoint.</param>
public sealed record Identity(string? VisitorId, IReadOnlyList<string> ClickIds, TouchpointPerson Person, DateTimeOffset? CalledAt = null);

/// <summary>
/// The keys that touchpoints and conversions are joined by: 64 bits, of which 60 are of an HMAC-SHA-256 under the website's own key, so that nothing is
/// readable and no two websites' keys are ever equal.
/// </summary>
public sealed class LinkageKeys(SecretProtector protector)
{
    private const string Purpose = "linkage";
    private const int KindShift = 60, LastDigits = 7;
    private static readonly TimeSpan SlotLength = TimeSpan.FromMinutes(10);

    /// <summary>The kind of a key.</summary>
    public static KeyKind KindOf(long key) => (KeyKind)((ulong)key >> KindShift);

    /// <summary>The keys of a touchpoint, each once.</summary>
    public IReadOnlyList<long> Of(Guid websiteId, Identity identity) => Of(websiteId, identity, identity.CalledAt is { } at ? [SlotOf(at)] : []);

    /// <summary>The keys of a conversion: as a touchpoint's, and the two slots before it in which its customer may have called or gone to the booking page.</summary>
    public IReadOnlyList<long> OfConversion(Guid websiteId, Identity identity, DateTimeOffset at) => Of(websiteId, identity, [SlotOf(at), SlotOf(at) - 1]);

    /// <summary>One key. Persons use it for the tokens they are known by.</summary>
    public long Key(Guid websiteId, KeyKind kind, string value)
    {
        var size = Encoding.UTF8.GetMaxByteCount(value.Length) + 1;
        var bytes = size <= 1024 ? stackalloc byte[size] : new byte[size];
        bytes[0] = (byte)kind;
        var length = 1 + Encoding.UTF8.GetBytes(value, bytes[1..]);
        Span<byte> mac = stackalloc byte[32];
        protector.Mac(Purpose, websiteId, bytes[..length], mac);
        var bits = BinaryPrimitives.ReadUInt64BigEndian(mac) & ((1UL << KindShift) - 1);
        return (long)(bits | (ulong)kind << KindShift);
    }

    private List<long> Of(Guid websiteId, Identity identity, IEnumerable<long> slots)
    {
        var keys = new List<long>();
        Add(KeyKind.Visitor, identity.VisitorId);
        foreach (var click in identity.ClickIds)
            Add(KeyKind.Click, click);
        foreach (var email in identity.Person.Emails)
        {
            Add(KeyKind.Email, email);
            Add(KeyKind.EmailLocal, IdentityText.LocalPart(email));
        }
        foreach (var hash in identity.Person.EmailHashes)
            Add(KeyKind.EmailHash, hash);
        foreach (var phone in identity.Person.Phones)
        {
            Add(KeyKind.Phone, phone);
            Add(KeyKind.PhoneEnd, phone[Math.Max(0, phone.Length - LastDigits)..]);
        }
        foreach (var name in identity.Person.Names)
        {
            var surname = IdentityText.Surname(name);
            if (surname.Length > 1)
                Add(KeyKind.Surname, surname);
            if (surname.Length > 0)
                foreach (var given in Nicknames.FullNames(IdentityText.Given(name)))
                    Add(KeyKind.GivenAndInitial, $"{given} {surname[0]}");
        }
        Add(KeyKind.Ip, identity.Person.Ip);
        foreach (var slot in slots)
            Add(KeyKind.Slot, slot.ToString(System.Globalization.CultureInfo.InvariantCulture));
        return keys;

        void Add(KeyKind kind, string? value)
        {
            if (!string.IsNullOrEmpty(value) && Key(websiteId, kind, value) is var key && !keys.Contains(key))
                keys.Add(key);
        }
    }

    private static long SlotOf(DateTimeOffset at) => at.UtcTicks / SlotLength.Ticks;
}
