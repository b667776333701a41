using System.Buffers;
using System.Text.Json;
using ClarityTracking.Core.Delivery;
using ClarityTracking.Core.Ingestion.Identify;
using ClarityTracking.Core.Ingestion.Store;
using ClarityTracking.Core.Routing;

namespace ClarityTracking.Core.Destinations.GoogleSheets;

/// <summary>A log of events in a Google spreadsheet, to look at while setting things up. The rules and their sources are in this folder's README.</summary>
public sealed class GoogleSheetsDestination : IDestination
{
    const string Scope = "https://www.googleapis.com/auth/spreadsheets";
    const int LongestName = 100;

    /// <inheritdoc />
    public DestinationInfo Info { get; } = new("google_sheets", "Google Sheets", MaxBatch: 500, OwnSystemEvent.MaxAge,
        new Uri("https://sheets.googleapis.com"), GoogleSheetsSettings.Fields, IsForAds: false);

    /// <inheritdoc />
    public IReadOnlyList<FieldError> Check(JsonElement settings, JsonElement? credentials) =>
        SettingsCheck.Run(GoogleSheetsSettings.Fields, settings, credentials, static name => name.Length <= LongestName,
            $"Must be a name (at most {LongestName} characters), or false to not send it.");

    /// <inheritdoc />
    public Skip? ReasonToSkip(Event @event, JsonElement settings, DateTimeOffset now) =>
        EventFacts.ReasonToSkip(@event, EventNames.FindOwn(@event.Name, settings), Info.DisplayName, Info.MaxAge, hasTestMode: true, now);

    /// <summary>A row: an array of cells, whose order the README tells.</summary>
    public byte[] Map(Event @event, JsonElement settings)
    {
        var buffer = new ArrayBufferWriter<byte>(1024);
        using var json = new Utf8JsonWriter(buffer, PayloadJson.Options);
        json.WriteStartArray();
        json.WriteStringValue(OwnSystemEvent.Time(@event.OccurredAt));
        // an event whose mapping was switched off after it was routed still goes out under its own name
        json.WriteStringValue(EventNames.FindOwn(@event.Name, settings) ?? @event.Name);
        json.WriteStringValue(@event.EventId);
        json.WriteStringValue(@event.Source.ToString().ToLowerInvariant());
        json.WriteBooleanValue(@event.IsTest);
        if (@event.Value is { } value)
            json.WriteNumberValue(value);
        else
            json.WriteStringValue("");
        json.WriteStringValue(@event.Currency ?? "");
        json.WriteStringValue(@event.OrderId ?? "");
        json.WriteStringValue(@event.PageUrl ?? "");
        json.WriteStringValue(@event.PageReferrer ?? "");
        foreach (var name in (ReadOnlySpan<string>)["source", "medium", "campaign"])
            json.WriteStringValue(@event.Utm.GetValueOrDefault(name, ""));
        json.WriteStringValue(string.Join(' ', @event.ClickIds.Keys.Order(StringComparer.Ordinal)));
        json.WriteStringValue(string.Join(' ', @event.MatchKeys.Names.Order(StringComparer.Ordinal)));
        json.WriteStringValue(string.Join(' ', OwnSystemEvent.ConsentOf(@event.Consent).Select(c => $"{c.Key}={c.Value}")));
        json.WriteEndArray();
        json.Flush();
        return buffer.WrittenSpan.ToArray();
    }

    /// <inheritdoc />
    public DestinationRequest BuildRequest(IReadOnlyList<byte[]> payloads, DestinationAccess access)
    {
        var spreadsheet = Uri.EscapeDataString(ConnectionJson.Text(access.Settings, "spreadsheet_id") ?? "");
        var range = Uri.EscapeDataString(GoogleSheetsSettings.Range(access.Settings));
        var token = access.AccessToken ?? "";
        return new DestinationRequest(HttpMethod.Post,
            // RAW: a text that begins with = stays a text
            new Uri(access.Url($"v4/spreadsheets/{spreadsheet}/values/{range}:append?valueInputOption=RAW&insertDataOption=INSERT_ROWS")),
            PayloadJson.Write(json => json.WriteAll("values"u8, payloads), PayloadJson.SizeOf(payloads)),
            new Dictionary<string, string> { ["Authorization"] = $"Bearer {token}" }, [token]);
    }

    /// <summary>All rows or none. An unknown spreadsheet or tab waits for a person.</summary>
    public DeliveryOutcome Judge(DestinationAnswer answer)
    {
        var outcome = HttpStatusKind.Judge(answer, static json =>
            AnswerJson.Reason(AnswerJson.Text(AnswerJson.Member(json, "error"), "status"), AnswerJson.Text(AnswerJson.Member(json, "error"), "message")));
        return answer.HttpStatus == 404 || answer.Body.Contains("Unable to parse range", StringComparison.Ordinal) ? HttpStatusKind.ForAPerson(outcome) : outcome;
    }

    /// <inheritdoc />
    public TokenGrant? Grant(JsonElement credentials) =>
        new TokenGrant.ServiceAccount(ConnectionJson.Text(credentials, "client_email") ?? "", GoogleSheetsSettings.PrivateKey(credentials) ?? "", Scope);
}
