using System.Buffers;
using System.Text.Json;
using ClarityTracking.Core.Delivery;
using ClarityTracking.Core.Ingestion.Store;
using ClarityTracking.Core.Routing;

namespace ClarityTracking.Core.Destinations.Supabase;

/// <summary>Rows for a table behind Supabase's Data API or any PostgREST. The rules and their sources are in this folder's README.</summary>
public sealed class SupabaseDestination : IDestination
{
    const int LongestName = 100;

    /// <inheritdoc />
    public DestinationInfo Info { get; } = new("supabase", "Supabase", MaxBatch: 500, OwnSystemEvent.MaxAge,
        new Uri("https://supabase.co"), SupabaseSettings.Fields, IsForAds: false);

    /// <inheritdoc />
    public IReadOnlyList<FieldError> Check(JsonElement settings, JsonElement? credentials) =>
        SettingsCheck.Run(SupabaseSettings.Fields, settings, credentials, static name => name.Length <= LongestName,
            $"Must be a name (at most {LongestName} characters), or false to not send it.");

    /// <inheritdoc />
    public Skip? ReasonToSkip(Event @event, JsonElement settings, DateTimeOffset now) =>
        EventFacts.ReasonToSkip(@event, EventNames.FindOwn(@event.Name, settings), Info.DisplayName, Info.MaxAge, hasTestMode: true, now);

    /// <inheritdoc />
    public byte[] Map(Event @event, JsonElement settings) => PayloadJson.Write(json =>
        // an event whose mapping was switched off after it was routed still goes out under its own name
        OwnSystemEvent.Write(json, @event, EventNames.FindOwn(@event.Name, settings) ?? @event.Name, withNulls: true));

    /// <inheritdoc />
    public DestinationRequest BuildRequest(IReadOnlyList<byte[]> payloads, DestinationAccess access)
    {
        var key = ConnectionJson.Text(access.Credentials, "api_key") ?? "";
        var headers = new Dictionary<string, string>
        {
            ["apikey"] = key,
            ["Authorization"] = $"Bearer {key}",
            // a row that is there already (by the primary key) stays: a retry doubles nothing
            ["Prefer"] = "return=minimal,resolution=ignore-duplicates",
        };
        if (ConnectionJson.Text(access.Settings, "schema") is { } schema)
            headers["Content-Profile"] = schema;
        // the operator's address goes before the user's
        var isUsers = access.BaseUrl == Info.DefaultBaseUrl;
        var api = isUsers && ConnectionJson.Text(access.Settings, "url") is { } url ? access with { BaseUrl = new Uri(url) } : access;
        var path = api.BaseUrl.AbsolutePath == "/" ? "rest/v1/" : ""; // Supabase's own place for it
        var table = Uri.EscapeDataString(ConnectionJson.Text(access.Settings, "table") ?? "");
        return new DestinationRequest(HttpMethod.Post, new Uri(api.Url(path + table)), Rows(payloads), headers, [key], ToUserAddress: isUsers);
    }

    static byte[] Rows(IReadOnlyList<byte[]> payloads)
    {
        var buffer = new ArrayBufferWriter<byte>(PayloadJson.SizeOf(payloads));
        using var json = new Utf8JsonWriter(buffer, PayloadJson.Options);
        json.WriteStartArray();
        foreach (var payload in payloads)
            json.WriteRawValue(payload, skipInputValidation: true);
        json.WriteEndArray();
        json.Flush();
        return buffer.WrittenSpan.ToArray();
    }

    /// <summary>All rows or none. What only a person can mend (key, rights, table, column) keeps the events.</summary>
    public DeliveryOutcome Judge(DestinationAnswer answer)
    {
        var code = AnswerJson.TryRead(answer.Body, out var json) ? AnswerJson.Text(json, "code") : null;
        var outcome = HttpStatusKind.Judge(answer, static error => AnswerJson.Reason(AnswerJson.Text(error, "code"), AnswerJson.Text(error, "message")));
        return answer.HttpStatus == 404 || IsForAPerson(code) ? HttpStatusKind.ForAPerson(outcome) : outcome;
    }

    /// <summary>PostgREST: schema, table and column unknown, token; PostgreSQL: table, column, privilege.</summary>
    static bool IsForAPerson(string? code) => code is "PGRST106" or "PGRST204" or "PGRST205" or "42P01" or "42703" or "42501"
        || code?.StartsWith("PGRST3", StringComparison.Ordinal) == true;
}
