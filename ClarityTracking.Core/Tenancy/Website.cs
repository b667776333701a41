namespace ClarityTracking.Core.Tenancy;

/// <summary>A client site, shop or business of a workspace.</summary>
public sealed class Website
{
    private Website() { }

    public Website(Guid workspaceId, string name, string domain, DateTimeOffset now)
    {
        WorkspaceId = workspaceId;
        Id = Guid.CreateVersion7(now);
        Name = name;
        Domain = domain;
        CreatedAt = now;
        ScriptAlias = Tenancy.ScriptAlias.New();
    }

    public Guid WorkspaceId { get; private set; }

    public Guid Id { get; private set; }

    public string Name { get; private set; } = "";

    /// <summary>Host name without scheme and path, lower case (<c>shop.example.com</c>).</summary>
    public string Domain { get; private set; } = "";

    /// <summary>ISO 4217; the currency reports are shown in and events without one are counted in.</summary>
    public string Currency { get; private set; } = "USD";

    /// <summary>IANA time zone; days of reports begin there.</summary>
    public string TimeZone { get; private set; } = "UTC";

    /// <summary>ISO 3166-1 alpha-2; completes phone numbers written without country code. Null = unknown.</summary>
    public string? DefaultCountry { get; private set; }

    /// <summary>Store nothing readable about persons: hashed keys only, no address, no sealed personal data.</summary>
    public bool PrivacyMode { get; private set; }

    /// <summary>The word of <c>/{alias}.js</c>; no other website of the installation has it. See <see cref="Tenancy.ScriptAlias"/>.</summary>
    public string ScriptAlias { get; private set; } = "";

    /// <summary>Aliases it had before; they work for <see cref="Tenancy.ScriptAlias.FormerWorkFor"/> after the last change.</summary>
    public string[] FormerScriptAliases { get; private set; } = [];

    /// <summary>When the alias was last changed (UTC); null = never.</summary>
    public DateTimeOffset? ScriptAliasChangedAt { get; private set; }

    public DateTimeOffset CreatedAt { get; private set; }

    /// <summary>Changes what is given; null leaves a value as it is. Values must have been checked before.</summary>
    public void Change(string? name, string? domain, string? currency, string? timeZone, string? defaultCountry, bool? privacyMode)
    {
        Name = name ?? Name;
        Domain = domain ?? Domain;
        Currency = currency ?? Currency;
        TimeZone = timeZone ?? TimeZone;
        DefaultCountry = defaultCountry is "" ? null : defaultCountry ?? DefaultCountry;
        PrivacyMode = privacyMode ?? PrivacyMode;
    }

    /// <summary>Gives it another alias, or one of its own former ones again. The word must have been checked before.</summary>
    public void ChangeScriptAlias(string alias, DateTimeOffset now)
    {
        if (alias == ScriptAlias)
            return;
        var former = ScriptAliasChangedAt + Tenancy.ScriptAlias.FormerWorkFor > now ? FormerScriptAliases : [];
        FormerScriptAliases = [.. former.Append(ScriptAlias).Where(word => word != alias).TakeLast(Tenancy.ScriptAlias.MostFormer)];
        (ScriptAlias, ScriptAliasChangedAt) = (alias, now);
    }
}
