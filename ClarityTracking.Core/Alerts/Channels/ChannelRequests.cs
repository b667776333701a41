using System.Text.Json;
using System.Text.Json.Nodes;
using ClarityTracking.Core.Destinations;

namespace ClarityTracking.Core.Alerts.Channels;

/// <summary>A message as the HTTP request of a channel. Pure; sending is <see cref="AlertSender"/>'s part.</summary>
internal static class ChannelRequests
{
    /// <summary>The request of a webhook, Slack or Teams channel.</summary>
    /// <param name="kind">Not email.</param>
    /// <param name="settings">The channel's.</param>
    /// <param name="secrets">The channel's, opened.</param>
    /// <param name="id">Of the message, the same on each try.</param>
    /// <param name="message">What to tell.</param>
    /// <param name="now">Now, for the signature.</param>
    public static DestinationRequest Build(AlertChannelKind kind, JsonElement settings, JsonElement secrets, Guid id, AlertMessage message, DateTimeOffset now)
    {
        if (kind == AlertChannelKind.Webhook)
        {
            var body = Bytes(Webhook(id, message));
            var headers = StandardWebhook.Headers(StandardWebhook.KeyOf(ConnectionJson.Text(secrets, "secret")!), $"msg_{id:N}", now.ToUnixTimeSeconds(), body);
            return new DestinationRequest(HttpMethod.Post, new Uri(ConnectionJson.Text(settings, "url")!), body, headers, [], ToUserAddress: true);
        }
        var url = ConnectionJson.Text(secrets, "url")!;
        return new DestinationRequest(HttpMethod.Post, new Uri(url), Bytes(kind == AlertChannelKind.Slack ? Slack(message) : Teams(message)),
            new Dictionary<string, string>(), [url, new Uri(url).AbsolutePath], ToUserAddress: true);
    }

    private static JsonObject Webhook(Guid id, AlertMessage message) => new()
    {
        ["id"] = $"msg_{id:N}",
        ["type"] = message.Kind,
        ["timestamp"] = message.At.UtcDateTime.ToString("yyyy-MM-ddTHH:mm:ssZ", System.Globalization.CultureInfo.InvariantCulture),
        ["data"] = new JsonObject
        {
            ["workspace"] = message.Workspace,
            ["summary"] = MessageText.Subject(message),
            ["alerts"] = new JsonArray([.. message.News.Select(n => (JsonNode)new JsonObject
            {
                ["news"] = n.News,
                ["id"] = n.AlertId,
                ["opening"] = n.Opening,
                ["rule"] = n.Rule,
                ["severity"] = n.Severity,
                ["website"] = new JsonObject { ["id"] = n.WebsiteId, ["name"] = n.Website },
                ["title"] = n.Title,
                ["text"] = n.Text,
                ["evidence"] = JsonSerializer.SerializeToNode(n.Evidence, JsonSerializerOptions.Web),
                ["opened_at"] = n.OpenedAt,
                ["resolved_at"] = n.ResolvedAt,
                ["link"] = message.Link(n.Path),
            })]),
        },
    };

    /// <summary>Incoming webhooks of Slack (docs.slack.dev, messaging with incoming webhooks): text in mrkdwn, where only &amp; &lt; &gt; are escaped.</summary>
    private static JsonObject Slack(AlertMessage message)
    {
        var (items, more) = MessageText.Listed(message);
        var lines = items.Select(n => $"*{MessageText.Mark(n)}* {Mrkdwn(n.Website)}: {Linked(Mrkdwn(n.Title), message.Link(n.Path))}\n{Mrkdwn(MessageText.Lasted(n) ?? n.Text)}");
        return new JsonObject { ["text"] = string.Join('\n', [Mrkdwn(MessageText.Subject(message)), .. lines, .. more is null ? [] : new[] { more }]) };

        static string Linked(string text, string? link) => link is null ? text : $"<{link}|{text}>";
    }

    private static string Mrkdwn(string text) => text.Replace("&", "&amp;", StringComparison.Ordinal).Replace("<", "&lt;", StringComparison.Ordinal).Replace(">", "&gt;", StringComparison.Ordinal);

    /// <summary>A message with one adaptive card, as the webhooks of Teams workflows take it (learn.microsoft.com, create incoming webhooks with workflows).</summary>
    private static JsonObject Teams(AlertMessage message)
    {
        var (items, more) = MessageText.Listed(message);
        var body = new JsonArray(Block(MessageText.Subject(message), "Bolder"));
        foreach (var n in items)
        {
            body.Add((JsonNode)Block($"{MessageText.Mark(n)}: {n.Website}: {n.Title}", "Bolder"));
            body.Add((JsonNode)Block(MessageText.Lasted(n) ?? n.Text, "Default"));
        }
        if (more is not null)
            body.Add((JsonNode)Block(more, "Default"));
        var card = new JsonObject { ["$schema"] = "http://adaptivecards.io/schemas/adaptive-card.json", ["type"] = "AdaptiveCard", ["version"] = "1.4", ["body"] = body };
        if (items is [var first, ..] && message.Link(first.Path) is { } link)
            card["actions"] = new JsonArray(new JsonObject { ["type"] = "Action.OpenUrl", ["title"] = "Open in ClarityTracking", ["url"] = link });
        return new JsonObject
        {
            ["type"] = "message",
            ["attachments"] = new JsonArray(new JsonObject { ["contentType"] = "application/vnd.microsoft.card.adaptive", ["contentUrl"] = null, ["content"] = card }),
        };

        // text blocks know Markdown's links and emphasis; a name shall not make any
        static JsonObject Block(string text, string weight) => new()
        {
            ["type"] = "TextBlock",
            ["wrap"] = true,
            ["weight"] = weight,
            ["text"] = string.Concat(text.Select(c => c is '[' or ']' or '*' or '_' or '\\' ? $"\\{c}" : c.ToString())),
        };
    }

    private static byte[] Bytes(JsonObject json) => JsonSerializer.SerializeToUtf8Bytes(json);
}
