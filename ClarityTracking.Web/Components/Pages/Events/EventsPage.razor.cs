using ClarityTracking.Core;
using ClarityTracking.Core.Data;
using ClarityTracking.Core.Ingestion.Store;
using ClarityTracking.Core.Reports;
using ClarityTracking.Web.Components.Shared;
using Microsoft.AspNetCore.Components;

namespace ClarityTracking.Web.Components.Pages.Events;

/// <summary>The event log. Filters live in the address, so that a view can be sent to a colleague.</summary>
public sealed partial class EventsPage(EventQueries events)
{
    private const string PeriodName = "period", CursorName = "cursor", WithoutName = "without", BotName = "bot";
    private static readonly string[] KnownNames =
        ["page_view", "view_content", "add_to_cart", "initiate_checkout", "purchase", "lead", "schedule", "complete_registration", "subscribe", "contact", "search", "identify"];

    [SupplyParameterFromQuery(Name = "name")]
    private string? Name { get; set; }

    [SupplyParameterFromQuery(Name = "source")]
    private string? Source { get; set; }

    [SupplyParameterFromQuery(Name = "visitor")]
    private string? Visitor { get; set; }

    /// <summary>A match key that the events lack.</summary>
    [SupplyParameterFromQuery(Name = WithoutName)]
    private string? Without { get; set; }

    /// <summary>Why the events are held back as bots; <c>any</c> = for whatever reason.</summary>
    [SupplyParameterFromQuery(Name = BotName)]
    private string? Bot { get; set; }

    [SupplyParameterFromQuery(Name = PeriodName)]
    private string? Period { get; set; }

    [SupplyParameterFromQuery(Name = CursorName)]
    private string? Cursor { get; set; }

    private LoadState<Page<EventSummary>> Events { get; set; } = new();

    private bool IsFiltered => !string.IsNullOrEmpty(Name) || !string.IsNullOrEmpty(Source) || !string.IsNullOrEmpty(Visitor) || !string.IsNullOrEmpty(Without) || !string.IsNullOrEmpty(Bot);

    private string? Answer => Events.Value is not { } page ? null
        : page.Items.Count == 0 ? $"No event {Periods.InWords(Period)}."
        : $"{(page.NextCursor is null && Cursor is null ? Words.Count(page.Items.Count, "event") : "The newest events")} {Periods.InWords(Period)}; the newest shown came {Words.Ago(page.Items[0].ReceivedAt, Viewer.Now)}.";

    protected override async Task LoadAsync()
    {
        var filter = new EventFilter(Empty(Name), EnumText.Parse<EventSource>(Source), Empty(Visitor), Periods.From(Period, Viewer.Now), Without: Empty(Without), Bot: Empty(Bot) is "any" ? "" : Empty(Bot));
        Guid? cursor = Guid.TryParse(Cursor, out var before) ? before : null;
        Events = await QueryAsync((caller, cancel) => events.ListAsync(caller, WebsiteId, filter, cursor, Core.Page.DefaultLimit, cancel));
    }

    /// <summary>Another filter starts at the newest again.</summary>
    private void Narrow(string name, object? value) => Filter((name.ToLowerInvariant(), value?.ToString()?.Trim()), (CursorName, null));

    private static string? Empty(string? text) => string.IsNullOrWhiteSpace(text) ? null : text.Trim();
}
