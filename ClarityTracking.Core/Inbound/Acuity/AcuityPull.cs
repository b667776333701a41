using System.Globalization;
using System.Text.Json;
using ClarityTracking.Core.Inbound.Pulls;

namespace ClarityTracking.Core.Inbound.Acuity;

/// <summary>
/// Acuity lists appointments by the day they take place, without pages: so we ask for some days at a time, for fewer when an answer is full, and
/// once for those that stand and once for cancelled ones. An appointment takes place after it was made, at most so long after.
/// </summary>
static class AcuityPull
{
    private const int Most = 500, FirstDays = 7, DaysAhead = 366;

    /// <summary>Where it stands.</summary>
    /// <param name="Canceled">Asks for cancelled ones.</param>
    /// <param name="Day">The first day of the question.</param>
    /// <param name="Days">How many.</param>
    private sealed record Place(bool Canceled, DateOnly Day, int Days);

    internal static string PathOf(PullPosition at)
    {
        var place = Parse(at);
        return $"api/v1/appointments?minDate={Text(place.Day)}&maxDate={Text(place.Day.AddDays(place.Days - 1))}&max={Most}&direction=ASC&canceled={(place.Canceled ? "true" : "false")}";
    }

    internal static PulledPage Read(PullPosition at, JsonElement answer, string? currency)
    {
        if (answer.ValueKind != JsonValueKind.Array)
            return PulledPage.Strange("no list");
        var place = Parse(at);
        if (answer.GetArrayLength() >= Most && place.Days > 1)
            return new PulledPage([], Serialize(place with { Days = place.Days / 2 }));
        var records = answer.EnumerateArray().Where(a => a.Text("id") is not null && a.Time("datetimeCreated") is { } made && made >= at.Since && made < at.Until)
            .SelectMany(a => AcuityAppointment.Pulled(a, currency, at.Until)).ToList();
        var next = place with { Day = place.Day.AddDays(place.Days), Days = FirstDays };
        if (next.Day > Last(at))
            return new PulledPage(records, place.Canceled ? null : Serialize(new Place(true, First(at), FirstDays)));
        return new PulledPage(records, Serialize(next));
    }

    // a day earlier and later: Acuity's days are those of the business
    private static DateOnly First(PullPosition at) => DateOnly.FromDateTime(at.Since.UtcDateTime).AddDays(-1);

    private static DateOnly Last(PullPosition at) => DateOnly.FromDateTime(at.Until.UtcDateTime).AddDays(DaysAhead);

    private static string Text(DateOnly day) => day.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture);

    private static string Serialize(Place place) => JsonSerializer.Serialize(place);

    private static Place Parse(PullPosition at) => at.Cursor is null ? new Place(false, First(at), FirstDays) : JsonSerializer.Deserialize<Place>(at.Cursor)!;
}
