using System.Globalization;
using ClarityTracking.Core.Alerts;
using ClarityTracking.Core.Alerts.Channels;

namespace ClarityTracking.Tests.Alerts;

/// <summary>Hysteresis, quiet hours and digest times as tables.</summary>
public sealed class AlertDecisionTests
{
    private static readonly DateTimeOffset Now = new(2027, 3, 1, 12, 0, 0, TimeSpan.Zero);

    [Theory]
    // no alert: held for so many minutes (-1 = not before), condition now
    [InlineData(null, -1, -1, null, "true", "Wait")]
    [InlineData(null, 9, -1, null, "true", "Nothing")]
    [InlineData(null, 10, -1, null, "true", "Raise")]
    [InlineData(null, 500, -1, null, "true", "Raise")]
    [InlineData(null, 5, -1, null, "false", "Forget")]
    [InlineData(null, -1, -1, null, "false", "Nothing")]
    [InlineData(null, 5, -1, null, "unknown", "Nothing")]
    // an alert: over for so many minutes (-1 = not before)
    [InlineData("Open", -1, -1, null, "true", "Nothing")]
    [InlineData("Open", -1, -1, null, "false", "Clear")]
    [InlineData("Open", -1, 29, null, "false", "Nothing")]
    [InlineData("Open", -1, 30, null, "false", "Resolve")]
    [InlineData("Open", -1, 29, null, "true", "Relapse")]
    [InlineData("Open", -1, 29, null, "unknown", "Nothing")]
    [InlineData("Acknowledged", -1, -1, null, "true", "Nothing")]
    [InlineData("Acknowledged", -1, 30, null, "false", "Resolve")]
    // snoozed: minutes until it ends
    [InlineData("Snoozed", -1, -1, 5, "true", "Nothing")]
    [InlineData("Snoozed", -1, -1, 0, "true", "Wake")]
    [InlineData("Snoozed", -1, -1, 0, "unknown", "Wake")]
    [InlineData("Snoozed", -1, 10, 0, "unknown", "Nothing")]
    [InlineData("Snoozed", -1, 10, 0, "false", "Nothing")]
    [InlineData("Snoozed", -1, 30, 0, "false", "Resolve")]
    [InlineData("Snoozed", -1, 30, 60, "false", "Resolve")]
    public void Next_Situation_GivesStep(string? state, int held, int clear, int? snoozed, string holds, string expected)
    {
        DateTimeOffset? Ago(int minutes) => minutes < 0 ? null : Now.AddMinutes(-minutes);
        (AlertState, DateTimeOffset?, DateTimeOffset?)? alert = state is null ? null : (Enum.Parse<AlertState>(state), Ago(clear), snoozed is { } left ? Now.AddMinutes(left) : null);
        bool? condition = holds == "unknown" ? null : holds == "true";
        var step = AlertDecision.Next(alert, Ago(held), condition, Now, TimeSpan.FromMinutes(10), TimeSpan.FromMinutes(30));
        Assert.Equal(expected, step.ToString());
    }

    [Fact]
    public void Next_WithoutWaiting_RaisesAndResolvesAtOnce()
    {
        Assert.Equal(AlertStep.Raise, AlertDecision.Next(null, null, true, Now, TimeSpan.Zero, TimeSpan.Zero));
        Assert.Equal(AlertStep.Resolve, AlertDecision.Next((AlertState.Open, null, null), null, false, Now, TimeSpan.Zero, TimeSpan.Zero));
    }

    [Theory]
    // quiet from 22:00 to 07:00 in Berlin; clocks go forward at 01:00 UTC on 28 March 2027 and back at 01:00 UTC on 31 October
    [InlineData("2027-03-26T20:59:59Z", true)]
    [InlineData("2027-03-26T21:00:00Z", false)] // 22:00 in winter
    [InlineData("2027-03-27T05:59:59Z", false)]
    [InlineData("2027-03-27T06:00:00Z", true)] // 07:00 in winter
    [InlineData("2027-03-28T00:59:59Z", false)]
    [InlineData("2027-03-28T01:00:00Z", false)] // 03:00, an hour was skipped
    [InlineData("2027-03-28T04:59:59Z", false)]
    [InlineData("2027-03-28T05:00:00Z", true)] // 07:00 in summer
    [InlineData("2027-03-28T19:59:59Z", true)]
    [InlineData("2027-03-28T20:00:00Z", false)] // 22:00 in summer
    [InlineData("2027-10-31T00:30:00Z", false)] // 02:30, for the first time
    [InlineData("2027-10-31T01:30:00Z", false)] // 02:30 again
    [InlineData("2027-10-31T05:59:59Z", false)]
    [InlineData("2027-10-31T06:00:00Z", true)]
    public void Allows_QuietHoursOverClockChanges_FollowTheWebsitesClock(string at, bool allowed)
    {
        var schedule = AlertSchedule.Always with { QuietFrom = new TimeOnly(22, 0), QuietTo = new TimeOnly(7, 0) };
        var now = DateTimeOffset.Parse(at, CultureInfo.InvariantCulture);
        var berlin = TimeZoneInfo.FindSystemTimeZoneById("Europe/Berlin");
        Assert.Equal(allowed, schedule.Allows(AlertSeverity.Warning, now, berlin));
        Assert.True(schedule.Allows(AlertSeverity.Critical, now, berlin));
        Assert.Equal(allowed, (schedule with { CriticalAlways = false }).Allows(AlertSeverity.Critical, now, berlin));
    }

    [Fact]
    public void Allows_DaysOff_FollowTheWebsitesCalendar()
    {
        var schedule = AlertSchedule.Always with { Days = [DayOfWeek.Monday] };
        var auckland = TimeZoneInfo.FindSystemTimeZoneById("Pacific/Auckland");
        Assert.True(schedule.Allows(AlertSeverity.Warning, new DateTimeOffset(2027, 6, 6, 12, 30, 0, TimeSpan.Zero), auckland)); // Monday there, Sunday in UTC
        Assert.False(schedule.Allows(AlertSeverity.Warning, new DateTimeOffset(2027, 6, 7, 12, 30, 0, TimeSpan.Zero), auckland));
    }

    [Theory]
    [InlineData(DigestRhythm.Off, 8, DayOfWeek.Monday, "Europe/Berlin", "2027-03-01T12:00:00Z", null)]
    [InlineData(DigestRhythm.Daily, 8, DayOfWeek.Monday, "Europe/Berlin", "2027-03-01T06:59:59Z", "2027-03-01T07:00:00Z")]
    [InlineData(DigestRhythm.Daily, 8, DayOfWeek.Monday, "Europe/Berlin", "2027-03-01T07:00:00Z", "2027-03-02T07:00:00Z")]
    [InlineData(DigestRhythm.Daily, 8, DayOfWeek.Monday, "Europe/Berlin", "2027-03-27T12:00:00Z", "2027-03-28T06:00:00Z")] // summer began
    [InlineData(DigestRhythm.Daily, 2, DayOfWeek.Monday, "Europe/Berlin", "2027-03-27T12:00:00Z", "2027-03-28T01:00:00Z")] // 02:00 is skipped: 03:00
    [InlineData(DigestRhythm.Weekly, 8, DayOfWeek.Monday, "Europe/Berlin", "2027-03-01T07:00:00Z", "2027-03-08T07:00:00Z")]
    [InlineData(DigestRhythm.Weekly, 23, DayOfWeek.Sunday, "America/New_York", "2027-03-01T12:00:00Z", "2027-03-08T04:00:00Z")]
    public void Next_DigestSchedule_GivesTheMoment(DigestRhythm rhythm, int hour, DayOfWeek weekday, string zone, string after, string? expected) =>
        Assert.Equal(expected is null ? null : DateTimeOffset.Parse(expected, CultureInfo.InvariantCulture),
            new DigestSchedule(rhythm, hour, weekday, zone).Next(DateTimeOffset.Parse(after, CultureInfo.InvariantCulture)));
}
