namespace ClarityTracking.Core.Connections;

/// <summary>How a connection does.</summary>
public enum ConnectionState
{
    /// <summary>Works.</summary>
    Healthy,
    /// <summary>The last calls failed; it is tried again with growing pauses.</summary>
    Degraded,
    /// <summary>
    /// Stopped until a person acts, because the platform refuses our credentials. Events are kept. New credentials or settings, or a test that the
    /// platform takes, resume it.
    /// </summary>
    Paused,
}

/// <summary>A website's link to an outside system.</summary>
public sealed class Connection
{
    private Connection() { }

    /// <param name="workspaceId">The tenant.</param>
    /// <param name="websiteId">The website whose events it gets.</param>
    /// <param name="platform">Key of the contract (<c>meta</c>).</param>
    /// <param name="name">As the user calls it.</param>
    /// <param name="settings">Settings, a JSON object, checked by the destination.</param>
    /// <param name="now">Now (UTC).</param>
    public Connection(Guid workspaceId, Guid websiteId, string platform, string name, string settings, DateTimeOffset now)
    {
        WorkspaceId = workspaceId;
        WebsiteId = websiteId;
        Id = Guid.CreateVersion7(now);
        Platform = platform;
        Name = name;
        Settings = settings;
        CreatedAt = UpdatedAt = StateChangedAt = now;
    }

    public Guid WorkspaceId { get; private set; }

    public Guid Id { get; private set; }

    public Guid WebsiteId { get; private set; }

    public string Platform { get; private set; } = "";

    public string Name { get; private set; } = "";

    /// <summary>JSON object; no secrets.</summary>
    public string Settings { get; private set; } = "{}";

    /// <summary>JSON object, encrypted by <see cref="SecretProtector"/>; bound to this connection's id.</summary>
    public byte[]? Credentials { get; private set; }

    /// <summary>Off = new events are not routed here at all.</summary>
    public bool Enabled { get; private set; } = true;

    public ConnectionState State { get; private set; }

    /// <summary>What is wrong, in the platform's words; null when healthy.</summary>
    public string? StateReason { get; private set; }

    public DateTimeOffset StateChangedAt { get; private set; }

    /// <summary>Calls that failed in a row; 0 when healthy.</summary>
    public int FailuresInARow { get; private set; }

    /// <summary>Not tried before this time (UTC); null = at any time.</summary>
    public DateTimeOffset? NotBefore { get; private set; }

    /// <summary>The rate limit's memory (UTC), see <see cref="Delivery.RateLimit"/>; null before the first call.</summary>
    public DateTimeOffset? CallsBookedUntil { get; private set; }

    /// <summary>Of a source: the unguessable part of its webhook address. Null for destinations.</summary>
    public string? WebhookToken { get; private set; }

    public DateTimeOffset CreatedAt { get; private set; }

    public DateTimeOffset UpdatedAt { get; private set; }

    /// <summary>Makes it a source with an address of its own.</summary>
    public void ReceiveWebhooks() =>
        WebhookToken = System.Buffers.Text.Base64Url.EncodeToString(System.Security.Cryptography.RandomNumberGenerator.GetBytes(24));

    public void Rename(string name, DateTimeOffset now) => (Name, UpdatedAt) = (name, now);

    public void Configure(string settings, DateTimeOffset now) => (Settings, UpdatedAt) = (settings, now);

    public void Enable(bool enabled, DateTimeOffset now) => (Enabled, UpdatedAt) = (enabled, now);

    /// <summary>New credentials end a pause: the next batch shows whether they work.</summary>
    public void ReplaceCredentials(byte[] sealedCredentials, DateTimeOffset now)
    {
        Credentials = sealedCredentials;
        UpdatedAt = now;
        Resume(now);
    }

    /// <summary>The same access under fresh tokens: nothing else changes.</summary>
    public void RenewCredentials(byte[] sealedCredentials, DateTimeOffset now) => (Credentials, UpdatedAt) = (sealedCredentials, now);

    /// <summary>Stops it until a person acts.</summary>
    public void Pause(string reason, DateTimeOffset now)
    {
        State = ConnectionState.Paused;
        StateReason = reason;
        StateChangedAt = UpdatedAt = now;
        NotBefore = null;
    }

    /// <summary>Tries again now, whatever happened before. Answers to calls from before do not count any more.</summary>
    public void Resume(DateTimeOffset now)
    {
        if (State != ConnectionState.Healthy)
            StateChangedAt = now;
        State = ConnectionState.Healthy;
        StateReason = null;
        UpdatedAt = now;
        FailuresInARow = 0;
        NotBefore = null;
    }
}
