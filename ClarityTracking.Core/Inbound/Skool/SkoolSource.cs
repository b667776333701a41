using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using ClarityTracking.Core.Destinations;

namespace ClarityTracking.Core.Inbound.Skool;

/// <summary>
/// Skool through a relay (Zapier, Make, n8n): Skool has no webhooks, and relays cannot sign, so a secret token stands in a header. Facts and their
/// sources: README.md beside this file.
/// </summary>
public sealed class SkoolSource : ISource
{
    private const int ShortestToken = 32;
    private const string Bearer = "Bearer ";

    /// <inheritdoc />
    public SourceInfo Info { get; } = new("skool", "Skool", "Members who joined or paid, through Zapier, Make or n8n",
        SourceFields.Secrets("Token", "Any random text of 32 characters or more; the relay sends it in a header."),
        [
            "Make up a token (32 characters or more) and save it here.",
            "In Zapier make a Zap with the trigger Skool: New Paid Member (and a second one with New Member), and the action Webhooks by Zapier: POST.",
            "Paste {url} as URL, choose JSON as payload type, and add the header Authorization with the value Bearer, a space, and the token.",
            "Fill the data: event = member.paid (or member.joined), id = the member's ID, email, first_name, last_name, group = your group's name, price, currency, date.",
            "Press Test in Zapier: the webhook shows up below within seconds.",
        ]);

    /// <inheritdoc />
    public IReadOnlyList<FieldError> Check(JsonElement settings, JsonElement? credentials)
    {
        var errors = SourceFields.Check(Info, settings, credentials).ToList();
        if (credentials is { } secrets)
            foreach (var name in new[] { SourceFields.Secret, SourceFields.PreviousSecret })
                if (ConnectionJson.Text(secrets, name) is { Length: < ShortestToken } && errors.TrueForAll(e => e.Field != $"credentials.{name}"))
                    errors.Add(new($"credentials.{name}", $"Must have {ShortestToken} characters or more: it stands in for a signature."));
        return errors;
    }

    /// <inheritdoc />
    public Verdict Verify(InboundRequest request, JsonElement settings, IReadOnlyList<string> secrets)
    {
        var authorization = request.Header("Authorization");
        var token = authorization?.StartsWith(Bearer, StringComparison.OrdinalIgnoreCase) == true ? authorization[Bearer.Length..].Trim() : request.Header("X-Webhook-Token");
        if (string.IsNullOrEmpty(token))
            return Verdict.MissingHeader;
        var (given, fits) = (SHA256.HashData(Encoding.UTF8.GetBytes(token)), false);
        foreach (var secret in secrets) // digests, so that not even the length shows
            fits |= CryptographicOperations.FixedTimeEquals(given, SHA256.HashData(Encoding.UTF8.GetBytes(secret)));
        return fits ? Verdict.Ok : Verdict.Mismatch;
    }

    /// <inheritdoc />
    public SourceReading Read(InboundRequest request, JsonElement settings)
    {
        if (!SenderBody.TryJson(request, out var body))
            body = SenderForm.Read(request);
        if (body.Text("event") is not { } type)
            return SourceReading.Refused("event is missing: member.joined or member.paid.", "event");
        var action = type switch
        {
            "member.joined" => InboundAction.Lead,
            "member.paid" => InboundAction.MembershipActivated,
            _ => InboundAction.Ignored,
        };
        var (id, email, date) = (body.Text("id"), SenderJson.Email(body.Text("email")), body.Time("date"));
        if (action != InboundAction.Ignored && id is null && email is null)
            return SourceReading.Refused("id or email is missing.", "email");
        if (body.Text("date") is not null && date is null)
            return SourceReading.Refused("date must be ISO 8601 (2026-11-20T10:00:00Z).", "date");
        var (value, currency) = (body.Amount("price"), Money.Currency(body.Text("currency")));
        if (body.Text("price") is not null && value is null)
            return SourceReading.Refused("price must be a number such as 49.00, without a currency sign.", "price");
        var key = id ?? Digest(email, body.Text("group"), date ?? request.ReceivedAt);
        return new InboundRecord
        {
            Source = Info.Platform,
            SourceEvent = type,
            Action = action,
            DeliveryKey = key,
            RepetitionKey = $"{type}:{key}", // a member's id is the same when they join and when they pay
            EntityId = id,
            ConversionId = action == InboundAction.Lead ? $"{key}-joined" : key, // a lead, and later a membership
            EventTime = date,
            Value = value,
            Currency = value is null ? null : currency,
            Customer = CustomerOf(body, email),
            Items = body.Text("group") is { } group ? [new InboundItem { Name = group }] : null,
            Attribution = AttributionOf(body),
            Test = SampleId.IsTest(id),
        };
    }

    /// <inheritdoc />
    public InboundRequest Sample(string url, JsonElement settings, string secret, DateTimeOffset now)
    {
        var body = JsonSerializer.SerializeToUtf8Bytes(new Dictionary<string, string>
        {
            ["event"] = "member.paid",
            ["id"] = SampleId.At(now),
            ["email"] = "sample@example.com",
            ["first_name"] = "Sample",
            ["last_name"] = "Customer",
            ["group"] = "Sample group",
            ["price"] = "49.00",
            ["currency"] = "USD",
            ["date"] = now.ToString("O", CultureInfo.InvariantCulture),
        });
        return new InboundRequest("POST", url, new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase)
        {
            ["Content-Type"] = "application/json",
            ["Authorization"] = Bearer + secret,
        }, body, now);
    }

    /// <summary>What stands in for an id: one person, one group, one day.</summary>
    private static string Digest(string? email, string? group, DateTimeOffset date)
    {
        var text = string.Create(CultureInfo.InvariantCulture, $"{email}|{group}|{date.UtcDateTime:yyyy-MM-dd}");
        return "sha256:" + Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text)))[..32];
    }

    private static InboundCustomer? CustomerOf(JsonElement body, string? email)
    {
        var (first, last) = SenderJson.SplitName(body.Text("full_name"));
        return new InboundCustomer
        {
            Email = email,
            Phone = body.Text("phone"),
            FirstName = body.Text("first_name") ?? first,
            LastName = body.Text("last_name") ?? last,
        }.OrNull();
    }

    private static IReadOnlyDictionary<string, string> AttributionOf(JsonElement body)
    {
        var told = new PassedThrough();
        foreach (var member in body.Members())
            told.Add(member.Name, member.Value.Text());
        return told.Found;
    }
}
