using System.Collections.Concurrent;
using System.Text.Json;
using System.Text.RegularExpressions;
using ClarityTracking.Core.Ingestion.Validate;
using ClarityTracking.Core.Tenancy;
using Npgsql;

namespace ClarityTracking.Core.Links;

/// <summary>A short tracked link, as redirects and conversions need it.</summary>
/// <param name="Id">Its id, the <c>ct_campaign_link_id</c>.</param>
/// <param name="Slug">What stands behind <c>/r/</c>.</param>
/// <param name="TargetUrl">Where it leads.</param>
/// <param name="Channel">The channel its clicks count for; null = told by the UTM parameters.</param>
/// <param name="Utm">Campaign parameters it adds to the target, by short name.</param>
/// <param name="WindowDays">How many whole days after a click a conversion still counts.</param>
/// <param name="ExpiresAt">It leads nowhere from then on (UTC).</param>
/// <param name="IsDeleted">It leads nowhere any more.</param>
/// <param name="Owner">Its website, as intake knows it.</param>
public sealed record CampaignLink(Guid Id, string Slug, string TargetUrl, string? Channel, IReadOnlyDictionary<string, string> Utm, int WindowDays, DateTimeOffset? ExpiresAt,
    bool IsDeleted, KeyOwner Owner)
{
    /// <summary>Window of links for which none was chosen, and of all other touches.</summary>
    public const int DefaultWindowDays = 30;

    /// <summary>Longest window.</summary>
    public const int MostWindowDays = 365;

    /// <summary>
    /// Is a conversion inside the window of a click? By whole days: 31 days less a millisecond after the click is day 30, exactly 31 days is not.
    /// A click after the conversion is outside whatever the window.
    /// </summary>
    public static bool IsInside(DateTimeOffset clickedAt, DateTimeOffset convertedAt, int windowDays) =>
        clickedAt <= convertedAt && (convertedAt - clickedAt).Ticks / TimeSpan.TicksPerDay <= windowDays;
}

/// <summary>Finds links by slug and id, from memory where it can; what it remembers is at most ten seconds old.</summary>
public sealed class LinkDirectory(NpgsqlDataSource database, TimeProvider clock)
{
    private const int MostEntries = 50_000;
    private static readonly TimeSpan Fresh = TimeSpan.FromSeconds(10);
    private const string Select = $"""
        SELECT l.id, l.slug, l.target_url, l.channel, l.utm::text, l.window_days, l.expires_at, l.deleted_at IS NOT NULL,
               w.workspace_id, w.id, w.currency, w.default_country, w.privacy_mode, {KeyDirectory.BotRulesSql}
          FROM campaign_links l JOIN websites w ON w.workspace_id = l.workspace_id AND w.id = l.website_id
        """;
    private readonly ConcurrentDictionary<string, (CampaignLink? Link, DateTimeOffset Until)> _bySlug = new(StringComparer.OrdinalIgnoreCase);

    /// <summary>The link of a slug, also one that is expired or deleted; null when there never was one.</summary>
    public async Task<CampaignLink?> FindAsync(string slug, CancellationToken cancel)
    {
        if (!Slug.IsOne(slug))
            return null;
        var now = clock.GetUtcNow();
        if (_bySlug.TryGetValue(slug, out var known) && known.Until > now)
            return known.Link;
        if (_bySlug.Count >= MostEntries)
            _bySlug.Clear(); // guesses must not fill the memory
        var link = await FirstAsync($"{Select} WHERE lower(l.slug) = lower($1)", slug, cancel);
        _bySlug[slug] = (link, now + Fresh);
        return link;
    }

    /// <summary>The link of an id; null when there is none.</summary>
    public Task<CampaignLink?> GetAsync(Guid id, CancellationToken cancel) => FirstAsync($"{Select} WHERE l.id = $1", id, cancel);

    /// <summary>Forgets everything, so that a change on this node takes effect at once.</summary>
    public void Forget() => _bySlug.Clear();

    private async Task<CampaignLink?> FirstAsync(string sql, object value, CancellationToken cancel)
    {
        await using var command = database.CreateCommand(sql);
        command.Parameters.Add(new NpgsqlParameter { Value = value });
        await using var row = await command.ExecuteReaderAsync(cancel);
        if (!await row.ReadAsync(cancel))
            return null;
        var owner = new KeyOwner(row.GetGuid(8), row.GetGuid(9), Guid.Empty, ApiKeyKind.Secret, IsTest: false, row.GetString(10), row.IsDBNull(11) ? null : row.GetString(11), row.GetBoolean(12))
        { BotRules = BotRules.Read(row.IsDBNull(13) ? null : row.GetString(13)) };
        // links made before targets were stored as ASCII
        if (LinkTarget.Ascii(row.GetString(2)) is not { } target)
            return null;
        return new CampaignLink(row.GetGuid(0), row.GetString(1), target, row.IsDBNull(3) ? null : row.GetString(3),
            row.IsDBNull(4) ? new Dictionary<string, string>() : JsonSerializer.Deserialize<Dictionary<string, string>>(row.GetString(4))!, row.GetInt32(5),
            row.IsDBNull(6) ? null : row.GetFieldValue<DateTimeOffset>(6), row.GetBoolean(7), owner);
    }
}

/// <summary>Where a link leads, as a header can carry it.</summary>
public static class LinkTarget
{
    /// <summary>
    /// The address in ASCII: what is not is percent-encoded, and its host written in punycode (RFC 9110, 10.2.2: Location is a URI reference). An address
    /// in ASCII stays as it is, byte by byte. Null = no absolute address.
    /// </summary>
    public static string? Ascii(string target)
    {
        target = target.Trim();
        if (!Uri.TryCreate(target, UriKind.Absolute, out var url))
            return null;
        if (!target.AsSpan().ContainsAnyExceptInRange('!', '~'))
            return target;
        try
        {
            var (address, scheme) = (url.AbsoluteUri, url.Scheme.Length + Uri.SchemeDelimiter.Length);
            if (url.IdnHost != url.Host && address.AsSpan(scheme).StartsWith(url.Host))
                address = $"{address[..scheme]}{url.IdnHost}{address[(scheme + url.Host.Length)..]}";
            return address.AsSpan().ContainsAnyExceptInRange('!', '~') ? null : address;
        }
        catch (UriFormatException) // a host that has no punycode
        {
            return null;
        }
    }
}

/// <summary>The word of a link behind <c>/r/</c>.</summary>
public static partial class Slug
{
    /// <summary>3 to 64 of a-z, A-Z, 0-9, hyphen and underscore; found without regard to case.</summary>
    public static bool IsOne(string text) => Shape().IsMatch(text);

    /// <summary>A random one, without letters that look alike.</summary>
    public static string New() => System.Security.Cryptography.RandomNumberGenerator.GetString("abcdefghjkmnpqrstuvwxyz23456789", 7);

    [GeneratedRegex(@"^[A-Za-z0-9_-]{3,64}\z")]
    private static partial Regex Shape();
}
