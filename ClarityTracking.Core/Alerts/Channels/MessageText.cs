using System.Globalization;
using System.Text;

namespace ClarityTracking.Core.Alerts.Channels;

/// <summary>A message as text for people.</summary>
internal static class MessageText
{
    /// <summary>More items are counted, not listed: a message stays readable when a hundred things break at once.</summary>
    private const int MostItems = 20;

    /// <summary>One line: what it is about.</summary>
    public static string Subject(AlertMessage message) => OneLine(message switch
    {
        { Kind: "test" } => $"Test of an alert channel of {message.Workspace}",
        { Digest: { } digest } => $"{message.Workspace}: {(digest.Rhythm == "weekly" ? "the week" : "the day")} of {Count(digest.Websites.Count, "website")}, {Count(message.News.Count, "open alert")}",
        { News: [var one] } => $"{one.Website}: {(one.IsOver ? $"over: {one.Title}" : one.Title)}",
        _ => Summary(message.News),
    });

    /// <summary>The items of a message, first the urgent ones; what goes beyond is the last line.</summary>
    public static (IReadOnlyList<AlertNews> Items, string? More) Listed(AlertMessage message) =>
        message.News.Count <= MostItems ? (message.News, null)
            : ([.. message.News.Take(MostItems)], $"And {message.News.Count - MostItems} more.");

    /// <summary>How an item begins.</summary>
    public static string Mark(AlertNews news) => news.IsOver ? "Over" : news.Severity == "critical" ? "Critical" : "Warning";

    /// <summary>How long what is over lasted.</summary>
    public static string? Lasted(AlertNews news) => news.ResolvedAt is { } end ? $"It lasted {Span(end - news.OpenedAt)}." : null;

    /// <summary>The body of an email.</summary>
    public static string Body(AlertMessage message)
    {
        var text = new StringBuilder();
        if (message.Kind == "test")
            text.AppendLine("This is a test. Alerts of this workspace will arrive here.");
        if (message.Digest is { } digest)
            Figures(text, message, digest);
        var (items, more) = Listed(message);
        foreach (var news in items)
        {
            text.AppendLine(Plain($"{Mark(news)}: {news.Website}: {news.Title}"));
            text.AppendLine(Plain(Lasted(news) ?? news.Text));
            if (message.Link(news.Path) is { } link)
                text.AppendLine(link);
            text.AppendLine();
        }
        if (more is not null)
            text.AppendLine(more).AppendLine();
        text.AppendLine(CultureInfo.InvariantCulture, $"-- ").AppendLine(Plain($"ClarityTracking, workspace {message.Workspace}. Who is told what is set under Alert channels."));
        return text.ToString();
    }

    /// <summary>A figure line of a digest.</summary>
    public static string Figures(DigestWebsite site)
    {
        var change = site.EventsBefore == 0 ? "" : string.Create(CultureInfo.InvariantCulture, $" ({100d * (site.Events - site.EventsBefore) / site.EventsBefore:+0;-0;0} %)");
        var tried = site.Delivered + site.Dead;
        var delivered = tried == 0 ? "nothing sent" : string.Create(CultureInfo.InvariantCulture, $"{100d * site.Delivered / tried:0.#} % of {tried:#,0} deliveries arrived");
        return string.Create(CultureInfo.InvariantCulture,
            $"{site.Events:#,0} events{change}, {delivered}; alerts: {site.Opened} opened, {site.Resolved} over, {site.StillOpen} still open");
    }

    private static void Figures(StringBuilder text, AlertMessage message, DigestFigures digest)
    {
        text.AppendLine(CultureInfo.InvariantCulture, $"From {digest.From:d MMMM yyyy HH:mm} to {digest.To:d MMMM yyyy HH:mm} UTC").AppendLine();
        foreach (var site in digest.Websites)
            text.AppendLine(Plain(site.Name)).AppendLine("  " + Figures(site));
        text.AppendLine().AppendLine(message.News.Count == 0 ? "No alert is open." : "Still open:").AppendLine();
    }

    private static string Summary(IReadOnlyList<AlertNews> news)
    {
        var (opened, over) = (news.Count(n => !n.IsOver), news.Count(n => n.IsOver));
        var websites = news.Select(n => n.WebsiteId).Distinct().Count();
        var where = websites == 1 ? news[0].Website : Count(websites, "website");
        return (opened, over) switch
        {
            (_, 0) => $"{where}: {Count(opened, "alert")}",
            (0, _) => $"{where}: {Count(over, "alert")} over",
            _ => $"{where}: {Count(opened, "alert")}, {over} over",
        };
    }

    private static string Count(int count, string noun) => string.Create(CultureInfo.InvariantCulture, $"{count:#,0} {noun}{(count == 1 ? "" : "s")}");

    private static string Span(TimeSpan span) => span.TotalMinutes < 90 ? Count((int)Math.Max(1, Math.Round(span.TotalMinutes)), "minute")
        : span.TotalHours < 48 ? Count((int)Math.Round(span.TotalHours), "hour") : Count((int)Math.Round(span.TotalDays), "day");

    private static string OneLine(string text) => Plain(text) is { Length: > 150 } longText ? longText[..149] + "…" : Plain(text);

    /// <summary>Names come from people and senders: no line breaks or control characters of theirs.</summary>
    private static string Plain(string text) => string.Concat(text.Select(c => char.IsControl(c) ? ' ' : c));
}
