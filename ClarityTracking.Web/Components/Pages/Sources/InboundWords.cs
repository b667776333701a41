using System.Text.Json;
using ClarityTracking.Core.Inbound;
using ClarityTracking.Web.Components.Shared;

namespace ClarityTracking.Web.Components.Pages.Sources;

/// <summary>What a webhook said and became, in words.</summary>
static class InboundWords
{
    /// <summary>What it said: <c>order paid</c>; of several records their number; the sender's own word when we do not read it.</summary>
    public static string Said(InboundWebhook webhook) => webhook.Canonical switch
    {
        { ValueKind: JsonValueKind.Object } one when one.TryGetProperty("action", out var action) && action.GetString() is { } word && word != "ignored" => word.Replace('_', ' '),
        { ValueKind: JsonValueKind.Array } many => Words.Count(many.GetArrayLength(), "record"),
        _ => webhook.SourceEvent ?? (webhook.Status == InboundStatus.Refused ? "not read" : "unreadable"),
    };

    /// <summary>What it said and became: <c>order paid → purchase</c>.</summary>
    public static string Story(InboundWebhook webhook) => $"{Said(webhook)} → {Became(webhook)}";

    /// <summary>What it became.</summary>
    public static string Became(InboundWebhook webhook) => webhook.Status switch
    {
        InboundStatus.Processed when webhook.EventNames.Count > 0 => string.Join(", ", webhook.EventNames.Distinct().Select(name => name.Replace('_', ' '))),
        InboundStatus.Processed when webhook.ConversionIds.Count > 0 => "no new event",
        InboundStatus.Processed => "known already",
        InboundStatus.Received => "being processed",
        InboundStatus.Ignored => "ignored",
        InboundStatus.Failed => "failed",
        InboundStatus.Refused => "refused",
    };
}
