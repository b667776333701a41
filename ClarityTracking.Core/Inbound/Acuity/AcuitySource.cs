using System.Globalization;
using System.Text;
using System.Text.Json;
using ClarityTracking.Core.Destinations;
using ClarityTracking.Core.Inbound.Pulls;

namespace ClarityTracking.Core.Inbound.Acuity;

/// <summary>
/// Acuity Scheduling: webhooks that name an appointment and what was done to it, and its API, which knows the appointment. Facts and their
/// sources: README.md beside this file.
/// </summary>
public sealed class AcuitySource : ISource, IPullSource
{
    private const string Header = "x-acuity-signature", Appointment = "appointment", Order = "order";

    /// <inheritdoc />
    public SourceInfo Info { get; } = new("acuity", "Acuity Scheduling", "Appointments, moves, cancellations, no-shows, orders",
        [
            .. SourceFields.Secrets("API key", "In Acuity: Integrations, API, View credentials. Acuity signs with it, and we ask for the appointment with it."),
            new("user_id", "User ID", "Stands above the API key. Without it an appointment has neither customer nor time.", IsSecret: false, IsRequired: false, Shape: SettingsCheck.Digits,
                Wanted: "Must be the number that Acuity shows as User ID."),
            new("currency", "Currency", "ISO code of your prices, such as EUR; empty = the website's. Acuity does not tell it.", IsSecret: false, IsRequired: false),
        ],
        [
            "In Acuity open Integrations, API, View credentials; copy User ID and API key into the fields here and save.",
            "In Acuity open Integrations, Webhooks (Static webhooks) and paste {url} for New, Rescheduled, Canceled appointments and for Completed orders; leave Changed empty.",
            "Optional: add an intake form with one field named ct_vid, and put its number (Acuity shows it as field:1234) into data-acuity-field of the tracking snippet: then a booking knows its visitor.",
        ],
        new Uri("https://acuityscheduling.com"));

    /// <inheritdoc />
    public IReadOnlyList<FieldError> Check(JsonElement settings, JsonElement? credentials)
    {
        var errors = SourceFields.Check(Info, settings, credentials);
        return ConnectionJson.Text(settings, "currency") is { } currency && Money.Currency(currency) is null
            ? [.. errors, new("settings.currency", "Must be an ISO 4217 code, such as EUR.")] : errors;
    }

    /// <inheritdoc />
    public Verdict Verify(InboundRequest request, JsonElement settings, IReadOnlyList<string> secrets) =>
        request.Header(Header) is not { } signature ? Verdict.MissingHeader
        : Signature.IsBase64Of(signature, Signature.Keys(secrets), request.Body) ? Verdict.Ok : Verdict.Mismatch;

    /// <inheritdoc />
    public SourceReading Read(InboundRequest request, JsonElement settings)
    {
        var form = SenderForm.Read(request);
        if (form.Text("action") is not { } action)
            return SourceReading.Refused("action is missing.", "action");
        if (form.Text("id") is not { } id)
            return SourceReading.Refused("id is missing.", "id");
        // dynamic webhooks write appointment.scheduled
        action = action.StartsWith("appointment.", StringComparison.Ordinal) ? action["appointment.".Length..] : action;
        return new InboundRecord
        {
            Source = Info.Platform,
            SourceEvent = action,
            Action = AcuityAppointment.ActionOf(action),
            // An appointment can be moved twice, by two notifications that read the same. Only the look-up tells them apart: until then they are no repetition.
            DeliveryKey = action == "rescheduled" ? null : $"{action}:{id}",
            EntityId = id,
            Status = action == "order.completed" ? null : action,
            Location = form.Text("calendarID"),
            Test = SampleId.IsTest(id),
            NeedsFetch = [action.StartsWith("order.", StringComparison.Ordinal) ? Order : Appointment],
        };
    }

    /// <inheritdoc />
    public IReadOnlyList<LookUp> LookUps(InboundRecord record, DestinationAccess access)
    {
        if (record.Test == true || record.NeedsFetch is not [var name] || ConnectionJson.Text(access.Settings, "user_id") is not { } user
            || ConnectionJson.Text(access.Credentials, SourceFields.Secret) is not { } key)
            return [];
        var path = name == Order ? "orders" : "appointments";
        return [new LookUp(name, SenderRequest.GetBasic(access.Url($"api/v1/{path}/{Uri.EscapeDataString(record.EntityId!)}"), user, key))];
    }

    /// <inheritdoc />
    public InboundRecord Complete(InboundRecord record, IReadOnlyDictionary<string, JsonElement> answers, JsonElement settings) =>
        answers.TryGetValue(Appointment, out var appointment) ? AcuityAppointment.Complete(record, appointment, CurrencyOf(settings))
        : answers.TryGetValue(Order, out var order) ? AcuityAppointment.CompleteOrder(record, order, CurrencyOf(settings))
        // a move to a time we cannot learn is still a move, once each time it is told
        : record;

    /// <inheritdoc />
    public string? PullNeeds(JsonElement settings, JsonElement credentials) =>
        ConnectionJson.Text(settings, "user_id") is null || ConnectionJson.Text(credentials, SourceFields.Secret) is null
            ? "Give the connection Acuity's user ID and API key first." : null;

    /// <inheritdoc />
    public DestinationRequest PullRequest(PullPosition at, DestinationAccess access) => SenderRequest.GetBasic(access.Url(AcuityPull.PathOf(at)),
        ConnectionJson.Text(access.Settings, "user_id")!, ConnectionJson.Text(access.Credentials, SourceFields.Secret)!);

    /// <inheritdoc />
    public PulledPage ReadPulled(PullPosition at, PullAnswer answer, JsonElement settings) => AcuityPull.Read(at, answer.Json, CurrencyOf(settings));

    /// <inheritdoc />
    public InboundRequest Sample(string url, JsonElement settings, string secret, DateTimeOffset now)
    {
        var body = Encoding.UTF8.GetBytes($"action=scheduled&id={SampleId.At(now)}&calendarID=1&appointmentTypeID=1");
        return new InboundRequest("POST", url, new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase)
        {
            ["Content-Type"] = "application/x-www-form-urlencoded",
            [Header] = Convert.ToBase64String(Signature.Of(Encoding.UTF8.GetBytes(secret), body)),
        }, body, now);
    }

    private static string? CurrencyOf(JsonElement settings) => Money.Currency(ConnectionJson.Text(settings, "currency"));
}
