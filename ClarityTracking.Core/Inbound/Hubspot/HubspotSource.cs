using System.Globalization;
using System.Text;
using System.Text.Json;
using ClarityTracking.Core.Destinations;
using ClarityTracking.Core.Inbound.Pulls;

namespace ClarityTracking.Core.Inbound.Hubspot;

/// <summary>
/// HubSpot's webhooks (signature v3): batches of changes that name a contact, a meeting or a deal; its API knows the rest. Facts and their
/// sources: README.md beside this file.
/// </summary>
public sealed class HubspotSource : ISource, IPullSource
{
    private const string Header = "X-HubSpot-Signature-v3", TimestampHeader = "X-HubSpot-Request-Timestamp";
    private const long ToleranceMs = 300_000;

    /// <inheritdoc />
    public SourceInfo Info { get; } = new("hubspot", "HubSpot", "New contacts, meetings, deals that were won",
        [
            .. SourceFields.Secrets("Client secret", "In HubSpot: the app's Auth tab, Client secret."),
            new("access_token", "Access token", "In HubSpot: the app's Auth tab, Access token. Without it nothing is known of who booked.", IsSecret: true, IsRequired: false),
            new("portal_id", "Hub ID", "The number beside your account's name. Webhooks of other accounts are refused.", IsSecret: false, IsRequired: false, Shape: SettingsCheck.Digits,
                Wanted: "Must be the number that HubSpot shows as Hub ID."),
            new(HubspotEvent.WonStages, "Won deal stages", "Internal names of the stages that mean won, separated by commas; empty = closedwon.", IsSecret: false, IsRequired: false),
        ],
        [
            "In HubSpot open Settings, Integrations, Private Apps (Legacy Apps), and choose Create.",
            "On the Scopes tab add crm.objects.contacts.read and crm.objects.deals.read.",
            "On the Webhooks tab paste {url} as target URL and create the subscriptions: Contact created; Deal property dealstage changed; Meeting created; Meeting properties hs_meeting_outcome and hs_meeting_start_time changed.",
            "Create the app, open its Auth tab, and copy Access token and Client secret into the fields here.",
            "Add a hidden field ct_vid (a contact property of that name) to your HubSpot forms: the guide shows the few lines that fill it.",
        ],
        new Uri("https://api.hubapi.com"));

    /// <inheritdoc />
    public Verdict Verify(InboundRequest request, JsonElement settings, IReadOnlyList<string> secrets)
    {
        if (request.Header(Header) is not { } signature || request.Header(TimestampHeader) is not { } timestamp)
            return Verdict.MissingHeader;
        if (!long.TryParse(timestamp, NumberStyles.None, CultureInfo.InvariantCulture, out var sentMs))
            return Verdict.MalformedHeader;
        if (!Signature.IsBase64Of(signature, Signature.Keys(secrets), Signature.Part(request.Method + HubspotEvent.Decoded(request.Url)), request.Body, Signature.Part(timestamp)))
            return Verdict.Mismatch;
        var age = request.ReceivedAt.ToUnixTimeMilliseconds() - sentMs;
        return age > ToleranceMs ? Verdict.TooOld : age < -ToleranceMs ? Verdict.TooNew : Verdict.Ok;
    }

    /// <inheritdoc />
    public SourceReading Read(InboundRequest request, JsonElement settings)
    {
        if (!SenderBody.TryJson(request, out var body) || body.ValueKind != JsonValueKind.Array || body.GetArrayLength() == 0)
            return SourceReading.Refused("The body is not a list of events.");
        var portal = ConnectionJson.Text(settings, "portal_id");
        var records = new List<InboundRecord>();
        foreach (var change in body.EnumerateArray())
        {
            if (change.Text("subscriptionType") is null || change.Text("objectId") is null)
                return SourceReading.Refused("subscriptionType or objectId is missing.", "subscriptionType");
            if (portal is not null && change.Text("portalId") is { } from && from != portal)
                return SourceReading.Refused("portalId is not the account of this connection.", "portalId");
            records.Add(HubspotEvent.Read(change, HubspotEvent.StagesOf(settings)));
        }
        return new SourceReading(records);
    }

    /// <inheritdoc />
    public IReadOnlyList<LookUp> LookUps(InboundRecord record, DestinationAccess access)
    {
        if (access.AccessToken is not { } token || record.Test == true || record.NeedsFetch is not [var name, ..])
            return [];
        return [new LookUp(name, SenderRequest.Get(access.Url(HubspotObjects.PathOf(name, record.EntityId!)), token))];
    }

    /// <inheritdoc />
    public IReadOnlyList<LookUp> FollowUps(InboundRecord record, IReadOnlyDictionary<string, JsonElement> answers, DestinationAccess access) =>
        record.NeedsFetch?.Contains(HubspotObjects.AssociatedContact) == true && answers.Values.Select(HubspotObjects.ContactOf).FirstOrDefault(id => id is not null) is { } contact
            ? [new LookUp(HubspotObjects.AssociatedContact, SenderRequest.Get(access.Url(HubspotObjects.PathOf(HubspotObjects.Contact, contact)), access.AccessToken!))]
            : [];

    /// <inheritdoc />
    public InboundRecord Complete(InboundRecord record, IReadOnlyDictionary<string, JsonElement> answers, JsonElement settings) => HubspotObjects.Complete(record, answers);

    /// <inheritdoc />
    public string? PullNeeds(JsonElement settings, JsonElement credentials) =>
        ConnectionJson.Text(credentials, "access_token") is null ? "Give the connection HubSpot's access token first." : null;

    /// <inheritdoc />
    public DestinationRequest PullRequest(PullPosition at, DestinationAccess access) =>
        HubspotPull.Request(at, access);

    /// <inheritdoc />
    public PulledPage ReadPulled(PullPosition at, PullAnswer answer, JsonElement settings) => HubspotPull.Read(at, answer.Json);

    /// <inheritdoc />
    public InboundRequest Sample(string url, JsonElement settings, string secret, DateTimeOffset now)
    {
        var ms = now.ToUnixTimeMilliseconds();
        var body = JsonSerializer.SerializeToUtf8Bytes(new[]
        {
            new
            {
                eventId = ms,
                portalId = ConnectionJson.Text(settings, "portal_id") ?? "0",
                occurredAt = ms,
                subscriptionType = "contact.creation",
                attemptNumber = 0,
                objectId = ms,
                changeSource = HubspotEvent.SampleSource,
            },
        });
        var timestamp = ms.ToString(CultureInfo.InvariantCulture);
        var signature = Signature.Of(Encoding.UTF8.GetBytes(secret), Signature.Part("POST" + HubspotEvent.Decoded(url)), body, Signature.Part(timestamp));
        return new InboundRequest("POST", url, new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase)
        {
            ["Content-Type"] = "application/json",
            [Header] = Convert.ToBase64String(signature),
            [TimestampHeader] = timestamp,
        }, body, now);
    }
}
