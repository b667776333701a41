namespace ClarityTracking.Core.Alerts;

/// <summary>
/// What one message says, whatever the channel. Kept as it was when it was made, so that a second try says the same under the same id.
/// </summary>
/// <param name="Kind"><c>alerts</c>, <c>digest</c> or <c>test</c>.</param>
/// <param name="Workspace">Its name.</param>
/// <param name="At">When it was made (UTC).</param>
/// <param name="PublicUrl">Where the dashboard is, without a slash at the end; null when the operator has not said.</param>
/// <param name="News">What opened and what is over; in a digest what is still open.</param>
/// <param name="Digest">Figures by website; null unless a digest.</param>
internal sealed record AlertMessage(string Kind, string Workspace, DateTimeOffset At, string? PublicUrl, IReadOnlyList<AlertNews> News, DigestFigures? Digest = null)
{
    /// <summary>A message to try a channel with.</summary>
    public static AlertMessage Test(string workspace, DateTimeOffset now, string? publicUrl) => new("test", workspace, now, publicUrl, []);

    /// <summary>The dashboard's address of a page; null when the operator has not said where it is.</summary>
    public string? Link(string path) => PublicUrl is null ? null : $"{PublicUrl}/{path}";
}

/// <summary>One thing that a message tells.</summary>
/// <param name="News"><c>opened</c> or <c>resolved</c>.</param>
/// <param name="AlertId">The alert.</param>
/// <param name="Opening">Which opening of it.</param>
/// <param name="WebsiteId">Its website.</param>
/// <param name="Website">The website's name.</param>
/// <param name="Rule">Key of the kind.</param>
/// <param name="Severity">warning or critical.</param>
/// <param name="Title">What is wrong.</param>
/// <param name="Text">The evidence in words.</param>
/// <param name="Evidence">The evidence in numbers.</param>
/// <param name="OpenedAt">UTC.</param>
/// <param name="ResolvedAt">UTC; null while it lasts.</param>
internal sealed record AlertNews(string News, Guid AlertId, int Opening, Guid WebsiteId, string Website, string Rule, string Severity, string Title, string Text,
    AlertEvidence Evidence, DateTimeOffset OpenedAt, DateTimeOffset? ResolvedAt)
{
    public bool IsOver => News == "resolved";

    /// <summary>Path of the alert's page.</summary>
    public string Path => $"websites/{WebsiteId}/alerts?alert={AlertId}";
}

/// <summary>Figures of a digest.</summary>
/// <param name="Rhythm">daily or weekly.</param>
/// <param name="From">Begin (UTC).</param>
/// <param name="To">End (UTC).</param>
/// <param name="Websites">By name.</param>
internal sealed record DigestFigures(string Rhythm, DateTimeOffset From, DateTimeOffset To, IReadOnlyList<DigestWebsite> Websites);

/// <summary>One website in a digest.</summary>
/// <param name="Id">The website.</param>
/// <param name="Name">As people call it.</param>
/// <param name="Events">Real events of the period.</param>
/// <param name="EventsBefore">Of the period before it.</param>
/// <param name="Delivered">Deliveries that arrived.</param>
/// <param name="Dead">Deliveries that died.</param>
/// <param name="Opened">Alerts that opened.</param>
/// <param name="Resolved">Alerts that ended.</param>
/// <param name="StillOpen">Alerts that are not over.</param>
internal sealed record DigestWebsite(Guid Id, string Name, long Events, long EventsBefore, long Delivered, long Dead, long Opened, long Resolved, long StillOpen);
