using System.Text.Json;

namespace ClarityTracking.Core.Alerts.Channels;

/// <summary>How a channel tells.</summary>
public enum AlertChannelKind
{
    /// <summary>By the operator's mail server.</summary>
    Email,
    /// <summary>A signed webhook (Standard Webhooks).</summary>
    Webhook,
    /// <summary>An incoming webhook of Slack, or of what takes the same JSON (Mattermost, Rocket.Chat).</summary>
    Slack,
    /// <summary>A Teams workflow's webhook, which takes an adaptive card.</summary>
    Teams,
}

/// <summary>What a channel is told.</summary>
public enum AlertChannelSeverity
{
    /// <summary>All alerts.</summary>
    Warning,
    /// <summary>Critical alerts only.</summary>
    Critical,
    /// <summary>None: digests only.</summary>
    None,
}

/// <summary>How often a digest goes out.</summary>
public enum DigestRhythm
{
    /// <summary>Never.</summary>
    Off,
    /// <summary>Each day.</summary>
    Daily,
    /// <summary>Each week.</summary>
    Weekly,
}

/// <summary>When a channel gets a digest.</summary>
/// <param name="Rhythm">How often.</param>
/// <param name="Hour">Hour of the day, 0 to 23.</param>
/// <param name="Weekday">Day of a weekly one.</param>
/// <param name="TimeZone">IANA name; of hour and day.</param>
public sealed record DigestSchedule(DigestRhythm Rhythm, int Hour, DayOfWeek Weekday, string TimeZone)
{
    /// <summary>The first time after a moment (UTC); null when there is none. An hour that a clock change skips is the next one.</summary>
    public DateTimeOffset? Next(DateTimeOffset after)
    {
        if (Rhythm == DigestRhythm.Off || !TimeZoneInfo.TryFindSystemTimeZoneById(TimeZone, out var zone))
            return null;
        var today = TimeZoneInfo.ConvertTime(after, zone).Date;
        for (var day = 0; day <= 8; day++)
        {
            var local = today.AddDays(day).AddHours(Hour);
            if (Rhythm == DigestRhythm.Weekly && local.DayOfWeek != Weekday)
                continue;
            if (zone.IsInvalidTime(local))
                local = local.AddHours(1);
            var at = new DateTimeOffset(TimeZoneInfo.ConvertTimeToUtc(local, zone), TimeSpan.Zero);
            if (at > after)
                return at;
        }
        return null;
    }

    /// <summary>How long a digest looks back.</summary>
    public TimeSpan Span => Rhythm == DigestRhythm.Weekly ? TimeSpan.FromDays(7) : TimeSpan.FromDays(1);
}

/// <summary>The newest message of a channel.</summary>
/// <param name="State">queued, sent or failed.</param>
/// <param name="At">When it was sent or made (UTC).</param>
/// <param name="Attempts">How often it was tried.</param>
/// <param name="Error">What went wrong last; null when it was taken.</param>
public sealed record ChannelMessageState(string State, DateTimeOffset At, int Attempts, string? Error);

/// <summary>A channel as a caller sees it; credentials are write-only.</summary>
/// <param name="Id">Its id.</param>
/// <param name="WebsiteId">The one website it tells of; null = all of the workspace.</param>
/// <param name="Kind">How it tells.</param>
/// <param name="Name">As people call it.</param>
/// <param name="Enabled">Off = it is told nothing.</param>
/// <param name="Settings"><c>{to:[…]}</c> or <c>{url}</c>; of Slack and Teams the address's host alone, since the address is a secret.</param>
/// <param name="Credentials">Names of the credentials that are set, never their values.</param>
/// <param name="Severity">Least severity it is told of; <c>none</c> for digests only.</param>
/// <param name="TellsResolved">It is told too when what it was told of is over.</param>
/// <param name="Digest">When it gets a digest; email only.</param>
/// <param name="NextDigestAt">UTC.</param>
/// <param name="Last">Its newest message; null when there was none.</param>
/// <param name="Secret">The signing secret, in the answer that made it and never again.</param>
public sealed record AlertChannelInfo(Guid Id, Guid? WebsiteId, AlertChannelKind Kind, string Name, bool Enabled, JsonElement Settings, IReadOnlyList<string> Credentials,
    AlertChannelSeverity Severity, bool TellsResolved, DigestSchedule Digest, DateTimeOffset? NextDigestAt, ChannelMessageState? Last, string? Secret = null);

/// <summary>What can be set; null = as it is, or the default. The kind and the website of a channel do not change.</summary>
public sealed record AlertChannelValues(Guid? WebsiteId, string? Kind, string? Name, bool? Enabled, JsonElement? Settings, JsonElement? Credentials,
    string? Severity, bool? TellsResolved, DigestValues? Digest);

/// <summary>A digest's schedule as it is given.</summary>
public sealed record DigestValues(string? Rhythm, int? Hour, string? Weekday, string? TimeZone);

/// <summary>How a try of a channel went.</summary>
/// <param name="Taken">The receiver took it.</param>
/// <param name="Answer">Its answer, or what went wrong, in words.</param>
public sealed record ChannelAnswer(bool Taken, string Answer);
