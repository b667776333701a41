using System.Text.Json;
using System.Text.RegularExpressions;
using ClarityTracking.Core.Delivery;
using ClarityTracking.Core.Ingestion.Store;
using ClarityTracking.Core.Routing;

namespace ClarityTracking.Core.Destinations;

/// <summary>
/// An ad platform (or warehouse, or webhook) that events are sent to. Everything here is pure: the delivery worker alone touches the
/// network, so that a mapping can be tested, previewed and replayed without one.
/// </summary>
public interface IDestination
{
    /// <summary>Name, limits and fields of the platform.</summary>
    DestinationInfo Info { get; }

    /// <summary>Checks what a user typed: one error per field, empty when fine.</summary>
    /// <param name="settings">The connection's settings (design: one JSON object per platform).</param>
    /// <param name="credentials">The connection's credentials; null when they are not being changed.</param>
    IReadOnlyList<FieldError> Check(JsonElement settings, JsonElement? credentials);

    /// <summary>Why this event should not go to this connection; null = it should.</summary>
    Skip? ReasonToSkip(Event @event, JsonElement settings, DateTimeOffset now);

    /// <summary>Writes one event as the platform wants it: a JSON object in UTF-8.</summary>
    byte[] Map(Event @event, JsonElement settings);

    /// <summary>Puts mapped events into one request, at most <see cref="DestinationInfo.MaxBatch"/> of them, in this order.</summary>
    DestinationRequest BuildRequest(IReadOnlyList<byte[]> payloads, DestinationAccess access);

    /// <summary>
    /// Says what an answer meant for the batch: one outcome for all of it, or <see cref="DeliveryOutcome.Mixed"/> with one for each event in
    /// the order they were sent. Never throws on a strange body.
    /// </summary>
    DeliveryOutcome Judge(DestinationAnswer answer);

    /// <summary>
    /// Whether a batch refused as a whole (<see cref="DeliveryOutcome.Refused"/>) may owe it to a single event, so that halves must be tried to
    /// find the one that spoils it.
    /// </summary>
    bool RefusesWholeBatch => true;

    /// <summary>
    /// What payloads must have in common to go in one request: those for which this is equal do. Null for all = they all may; the payload
    /// itself = each goes alone.
    /// </summary>
    object? CallOf(byte[] payload) => null;

    /// <summary>
    /// Names of the keys by which the platform could match this event to a person, most telling first (<see cref="MatchKeyCheck"/> knows
    /// them); none for systems that match nobody. They do not depend on what the event carries, but on what may be sent with such an event.
    /// </summary>
    IReadOnlyList<string> MatchKeysFor(Event @event) => [];

    /// <summary>
    /// What must be exchanged for a short-lived access token before the call; null = the credentials are sent as they are. The exchange and
    /// its cache are the lane's; <see cref="BuildRequest"/> finds the token in <see cref="DestinationAccess.AccessToken"/>.
    /// </summary>
    TokenGrant? Grant(JsonElement credentials) => null;
}

/// <summary>What a platform answered.</summary>
/// <param name="HttpStatus">HTTP status.</param>
/// <param name="Body">The answer as text, secrets of the request masked; may be empty, cut off after some megabytes, or not JSON at all.</param>
/// <param name="Events">How many events were sent.</param>
public sealed record DestinationAnswer(int HttpStatus, string Body, int Events);

/// <summary>Something long-lived that an OAuth server exchanges for an access token.</summary>
public abstract record TokenGrant
{
    private TokenGrant() { }

    /// <summary>OAuth 2.0 refresh token (RFC 6749, section 6), issued to this installation's own client at the provider.</summary>
    /// <param name="Provider">Section of the operator's OAuth settings (<c>Google</c>).</param>
    /// <param name="Token">The refresh token.</param>
    public sealed record Refresh(string Provider, string Token) : TokenGrant;

    /// <summary>A Google service account's key: a signed assertion (RFC 7523) is exchanged.</summary>
    /// <param name="Email">The account's address (<c>client_email</c>).</param>
    /// <param name="PrivateKey">RSA key, PEM (<c>private_key</c>).</param>
    /// <param name="Scope">What the token may do.</param>
    public sealed record ServiceAccount(string Email, string PrivateKey, string Scope) : TokenGrant;
}

/// <summary>What is fixed about a platform.</summary>
/// <param name="Platform">Key of the contract (<c>meta</c>).</param>
/// <param name="DisplayName">As people write it.</param>
/// <param name="MaxBatch">Most events in one call, and claimed together where <see cref="IDestination.CallOf"/> sends them in several.</param>
/// <param name="MaxAge">Oldest event the platform takes, counted from when it happened.</param>
/// <param name="DefaultBaseUrl">Base address when the operator sets none.</param>
/// <param name="Fields">Settings and credentials in the order a form asks for them.</param>
/// <param name="IsForAds">
/// Gets no event of a browser that asks not to be tracked (GPC, DNT), whatever the connection's consent setting says. False for analytics and the
/// customer's own systems, which see to consent themselves.
/// </param>
/// <param name="Rate">How fast one connection may call, over all nodes; null where the platform names no limit.</param>
/// <param name="TestSetting">
/// The setting (a <see cref="FieldKind.Text"/> for a code, or a <see cref="FieldKind.Toggle"/>) that makes the platform show events as tests and
/// count none. Null = it has no such mode, or (the customer's own systems) sees by the event itself that it is a test.
/// </param>
public sealed record DestinationInfo(string Platform, string DisplayName, int MaxBatch, TimeSpan MaxAge, Uri DefaultBaseUrl, IReadOnlyList<ConnectionField> Fields,
    bool IsForAds = true, RateLimit? Rate = null, string? TestSetting = null)
{
    /// <summary>What visitors must not have refused (words of <see cref="ConsentRule.Categories"/>) where the connection's settings name nothing else.</summary>
    public IReadOnlyList<string> DefaultConsent { get => field ?? (IsForAds ? ConsentRule.ForAds : []); init; }
}

/// <summary>One input of a connection's form.</summary>
/// <param name="Name">JSON name.</param>
/// <param name="Label">On screen.</param>
/// <param name="Help">Where to find it, in one sentence.</param>
/// <param name="IsSecret">Belongs to the credentials: write-only, encrypted.</param>
/// <param name="IsRequired">The connection does not work without it.</param>
/// <param name="Kind">Which input to show.</param>
/// <param name="Shape">What a text must match; null = anything. For secrets see <see cref="SettingsCheck"/>.</param>
/// <param name="Wanted">The error when it does not match, one sentence.</param>
public sealed record ConnectionField(string Name, string Label, string Help, bool IsSecret, bool IsRequired, FieldKind Kind = FieldKind.Text,
    Regex? Shape = null, string? Wanted = null);

/// <summary>Kinds of input.</summary>
public enum FieldKind
{
    /// <summary>One line; a number typed without quotes counts too.</summary>
    Text,
    /// <summary>An address (http or https) that the user chooses; see <see cref="PublicNetworks"/>.</summary>
    Url,
    /// <summary>true or false.</summary>
    Toggle,
    /// <summary>A JSON object of names and texts (or <c>false</c>), written on screen as lines of <c>name = text</c>.</summary>
    Pairs,
}

/// <summary>A named error of one field.</summary>
/// <param name="Field">JSON name, with its group (<c>settings.dataset_id</c>).</param>
/// <param name="Message">What is wrong and what to do.</param>
public sealed record FieldError(string Field, string Message);

/// <summary>What a request needs beside the events.</summary>
/// <param name="BaseUrl">Operator's setting or the platform's default.</param>
/// <param name="Settings">The connection's settings.</param>
/// <param name="Credentials">The connection's credentials, decrypted.</param>
/// <param name="Now">When the call is made (UTC); signatures carry it.</param>
/// <param name="AccessToken">What <see cref="IDestination.Grant"/> was exchanged for; null when nothing was.</param>
public sealed record DestinationAccess(Uri BaseUrl, JsonElement Settings, JsonElement Credentials, DateTimeOffset Now = default, string? AccessToken = null)
{
    /// <summary>An address below <see cref="BaseUrl"/>.</summary>
    /// <param name="path">Without leading slash; its parts escaped.</param>
    public string Url(string path) => $"{BaseUrl.AbsoluteUri.TrimEnd('/')}/{path}";
}

/// <summary>One HTTP call, ready to send.</summary>
/// <param name="Method">HTTP method.</param>
/// <param name="Url">Full address; may hold a secret, see <paramref name="Secrets"/>.</param>
/// <param name="Body">What is posted, UTF-8.</param>
/// <param name="Headers">Beside content type.</param>
/// <param name="Secrets">Values that must be masked wherever the request is kept or shown.</param>
/// <param name="ContentType">Of the body.</param>
/// <param name="ToUserAddress">A user chose the address, so it may not lead into the operator's own network; see <see cref="PublicNetworks"/>.</param>
public sealed record DestinationRequest(HttpMethod Method, Uri Url, byte[] Body, IReadOnlyDictionary<string, string> Headers, IReadOnlyList<string> Secrets,
    string ContentType = "application/json", bool ToUserAddress = false)
{
    /// <summary>A text about this request with its secrets masked, also where they are URL-encoded.</summary>
    public string Mask(string text)
    {
        foreach (var secret in Secrets.Where(s => s.Length > 0))
            text = text.Replace(secret, "***", StringComparison.Ordinal).Replace(Uri.EscapeDataString(secret), "***", StringComparison.Ordinal);
        return text;
    }
}
