using System.Text.Json;
using ClarityTracking.Core.Destinations;

namespace ClarityTracking.Core.Inbound;

/// <summary>
/// A shop, booking or payment system whose signed webhooks tell what became of a visit. Everything here is pure: signatures, payloads and
/// the requests of look-ups can be tested without a network.
/// </summary>
public interface ISource
{
    /// <summary>Name, fields and steps of the platform.</summary>
    SourceInfo Info { get; }

    /// <summary>Base address of the sender's API, where each account has its own; null = nothing can be asked.</summary>
    /// <param name="settings">The connection's settings.</param>
    Uri? BaseUrl(JsonElement settings) => Info.DefaultBaseUrl;

    /// <summary>Checks what a user typed: one error per field, empty when fine.</summary>
    /// <param name="settings">The connection's settings.</param>
    /// <param name="credentials">The connection's credentials; null when they are not being changed.</param>
    IReadOnlyList<FieldError> Check(JsonElement settings, JsonElement? credentials) => SourceFields.Check(Info, settings, credentials);

    /// <summary>Checks the signature over the raw bytes, in fixed time, and its age where the sender signs one.</summary>
    /// <param name="request">What arrived; its time is the clock.</param>
    /// <param name="settings">The connection's settings.</param>
    /// <param name="secrets">The secret, and the one before it while both are valid.</param>
    Verdict Verify(InboundRequest request, JsonElement settings, IReadOnlyList<string> secrets);

    /// <summary>
    /// What it says, in the order it is said; empty is not possible: what means nothing to us is <see cref="InboundAction.Ignored"/>. Never
    /// throws on a strange body. Ask for it by <see cref="SourceReading.Of"/>.
    /// </summary>
    SourceReading Read(InboundRequest request, JsonElement settings);

    /// <summary>What must be asked of the sender's API to complete a record; by default nothing.</summary>
    /// <param name="record">A record with <see cref="InboundRecord.NeedsFetch"/>.</param>
    /// <param name="access">Base address, settings and credentials.</param>
    IReadOnlyList<LookUp> LookUps(InboundRecord record, DestinationAccess access) => [];

    /// <summary>What answers lead to asking: who belongs to a meeting, for instance. Those asked already are left out by who asks.</summary>
    /// <param name="record">As it was read.</param>
    /// <param name="answers">So far, by the name of their look-up.</param>
    /// <param name="access">Base address, settings and credentials.</param>
    IReadOnlyList<LookUp> FollowUps(InboundRecord record, IReadOnlyDictionary<string, JsonElement> answers, DestinationAccess access) => [];

    /// <summary>The record with what was looked up.</summary>
    /// <param name="record">As it was read.</param>
    /// <param name="answers">JSON answers by the name of their look-up; those that failed for good are missing.</param>
    /// <param name="settings">The connection's settings.</param>
    InboundRecord Complete(InboundRecord record, IReadOnlyDictionary<string, JsonElement> answers, JsonElement settings) => record;

    /// <summary>A correctly signed sample of the sender's most important notification, marked as a test where the sender can.</summary>
    /// <param name="url">The connection's webhook address.</param>
    /// <param name="settings">The connection's settings.</param>
    /// <param name="secret">The secret it is signed with.</param>
    /// <param name="now">When it is sent (UTC).</param>
    InboundRequest Sample(string url, JsonElement settings, string secret, DateTimeOffset now);

    /// <summary>A fresh secret where it is ours to choose; null = the sender makes it.</summary>
    string? NewSecret() => null;
}

/// <summary>What is fixed about a source.</summary>
/// <param name="Platform">Key of the contract (<c>shopify</c>).</param>
/// <param name="DisplayName">As people write it.</param>
/// <param name="Tells">What it can tell, for the picker: <c>Orders, refunds, checkouts</c>.</param>
/// <param name="Fields">Settings and credentials in the order a form asks for them; <c>webhook_secret</c> among them.</param>
/// <param name="Steps">How a person sets it up in the sender's own pages, one sentence each; <c>{url}</c> stands for the address to paste.</param>
/// <param name="DefaultBaseUrl">Base address of the sender's API for look-ups; null = it needs none.</param>
public sealed record SourceInfo(string Platform, string DisplayName, string Tells, IReadOnlyList<ConnectionField> Fields, IReadOnlyList<string> Steps,
    Uri? DefaultBaseUrl = null)
{
    /// <summary>Name of the credential that every source's webhooks are signed with.</summary>
    public const string Secret = "webhook_secret";

    /// <summary>Name of the credential that held it before, valid as well while it is being changed.</summary>
    public const string PreviousSecret = "webhook_secret_previous";
}

/// <summary>What reading a body gave: records, or why there are none.</summary>
/// <param name="Records">In the order they were told.</param>
/// <param name="Error">Why nothing could be read, one sentence for the sender; null = it could.</param>
/// <param name="Field">Path of the field to blame, where there is one.</param>
public sealed record SourceReading(IReadOnlyList<InboundRecord> Records, string? Error = null, string? Field = null)
{
    /// <summary>Nothing could be read.</summary>
    public static SourceReading Refused(string error, string? field = null) => new([], error, field);

    /// <summary>What a source reads; a body that breaks it is one that cannot be read.</summary>
    internal static SourceReading Of(ISource source, InboundRequest request, JsonElement settings)
    {
        try
        {
            var reading = source.Read(request, settings);
            // not every sender can mark a sample, and none may end as a sale
            return request.Header(SampleHeader) is null ? reading : reading with { Records = [.. reading.Records.Select(r => r with { Test = true })] };
        }
        catch (InvalidOperationException) // the parser checks escapes only when a text is read
        {
            return Refused("A text of the body holds half of a surrogate pair.");
        }
        catch (Exception error) when (error is ArgumentException or OverflowException or FormatException)
        {
            return Refused("The body holds a name twice, or a number that is out of all bounds.");
        }
    }

    /// <summary>Marks what <see cref="SourceTester"/> sends.</summary>
    internal const string SampleHeader = "X-Clarity-Sample";

    /// <summary>One record.</summary>
    public static implicit operator SourceReading(InboundRecord record) => new([record]);
}

/// <summary>A question to the sender's API.</summary>
/// <param name="Name">As in <see cref="InboundRecord.NeedsFetch"/>.</param>
/// <param name="Request">Ready to send.</param>
public sealed record LookUp(string Name, DestinationRequest Request);

/// <summary>All sources. Adding one is a folder and a line in <see cref="CoreServices"/>.</summary>
public sealed class SourceCatalog(IEnumerable<ISource> sources)
{
    private readonly Dictionary<string, ISource> _byPlatform = sources.ToDictionary(s => s.Info.Platform, StringComparer.Ordinal);

    /// <summary>Every source.</summary>
    public IReadOnlyCollection<ISource> All => _byPlatform.Values;

    /// <summary>The source of a platform key, or null.</summary>
    public ISource? Find(string platform) => _byPlatform.GetValueOrDefault(platform);
}

/// <summary>Samples of senders that have no word for a test are known by their id.</summary>
static class SampleId
{
    const string Prefix = "clarity-sample-";

    internal static string At(DateTimeOffset now) => Prefix + now.ToUnixTimeMilliseconds().ToString(System.Globalization.CultureInfo.InvariantCulture);

    /// <summary>True for what came by a sample, else null: nobody said.</summary>
    internal static bool? IsTest(string? id) => id?.Contains(Prefix, StringComparison.Ordinal) == true ? true : null;
}

/// <summary>Fields that all sources share.</summary>
static class SourceFields
{
    internal const string Secret = SourceInfo.Secret, PreviousSecret = SourceInfo.PreviousSecret;

    /// <summary>The secret and the one before it, as every source's form asks for them.</summary>
    /// <param name="label">What the sender calls it.</param>
    /// <param name="help">Where to find it, in one sentence.</param>
    internal static ConnectionField[] Secrets(string label, string help) =>
    [
        new(Secret, label, help, IsSecret: true, IsRequired: true),
        new(PreviousSecret, $"{label} before it", "Only while you change the secret: webhooks signed with either are taken.", IsSecret: true, IsRequired: false),
    ];

    internal static IReadOnlyList<FieldError> Check(SourceInfo info, JsonElement settings, JsonElement? credentials) =>
        SettingsCheck.Run(info.Fields, settings, credentials, static _ => true, "");

    /// <summary>The valid secrets of a connection.</summary>
    internal static IReadOnlyList<string> SecretsOf(JsonElement credentials) =>
        [.. new[] { ConnectionJson.Text(credentials, Secret), ConnectionJson.Text(credentials, PreviousSecret) }.OfType<string>()];
}
