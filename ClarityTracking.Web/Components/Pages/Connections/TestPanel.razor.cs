using ClarityTracking.Core;
using ClarityTracking.Core.Connections;
using ClarityTracking.Core.Data;
using ClarityTracking.Core.Destinations;
using ClarityTracking.Core.Reports;
using ClarityTracking.Core.Routing;
using ClarityTracking.Web.Components.Shared;
using Microsoft.AspNetCore.Components;
using Radzen;

namespace ClarityTracking.Web.Components.Pages.Connections;

/// <summary>Shows what a connection's platform would get of a recent event, and sends it as a test.</summary>
public sealed partial class TestPanel(ConnectionTester tester, EventQueries events)
{
    private const int Shown = 8;

    private readonly FormErrors _errors = new();
    private bool _isChoosing;
    private bool _isSending;
    private string _search = "";
    private string _code = "";
    private (string? EventId, bool IsAsked) _previewed;
    private bool _isWithoutEvents;
    private ConnectionTest? _test;

    [Parameter, EditorRequired]
    public Guid WebsiteId { get; set; }

    [Parameter, EditorRequired]
    public ConnectionDetails Connection { get; set; } = default!;

    [Parameter, EditorRequired]
    public IDestination Destination { get; set; } = default!;

    /// <summary>Our id or the sender's; null = the one most worth looking at.</summary>
    [Parameter]
    public string? EventId { get; set; }

    /// <summary>The viewer chose this event (our id).</summary>
    [Parameter, EditorRequired]
    public EventCallback<Guid> OnChosen { get; set; }

    private LoadState<ConnectionPreview> Preview { get; set; } = new();

    private LoadState<IReadOnlyList<EventSummary>> Found { get; set; } = new();

    /// <summary>Where the platform's test mode wants a code.</summary>
    private ConnectionField? CodeField => Destination.Info.Fields.FirstOrDefault(f => f.Name == Destination.Info.TestSetting && f.Kind == FieldKind.Text);

    protected override async Task LoadAsync()
    {
        // the page renders again for reasons of its own; the event stays what it was
        if (_previewed != (EventId, true))
            await PreviewAsync();
    }

    private async Task PreviewAsync()
    {
        (_previewed, _test, _isWithoutEvents) = ((EventId, true), null, false);
        Preview = new();
        var asked = EventId;
        var preview = await QueryAsync(async (caller, cancel) =>
        {
            var found = await tester.PreviewAsync(caller, WebsiteId, Connection.Id, asked, cancel);
            _isWithoutEvents = asked is null && found.Error?.Kind == ErrorKind.NotFound;
            return found;
        });
        if (asked == EventId) // else another was chosen meanwhile
            Preview = preview;
    }

    private async Task ChooseAsync()
    {
        _isChoosing = !_isChoosing;
        if (_isChoosing && !Found.IsLoaded)
            await SearchAsync();
    }

    private async Task SearchAsync()
    {
        var asked = _search;
        var found = await QueryAsync((caller, cancel) => events.SearchAsync(caller, WebsiteId, asked, Shown, cancel));
        if (asked == _search) // else a later answer is on its way
            Found = found;
    }

    private Task TakeAsync(EventSummary chosen)
    {
        _isChoosing = false;
        return OnChosen.InvokeAsync(chosen.Id);
    }

    private static (string Kind, string Word) Of(MatchKeyState state) => state switch
    {
        MatchKeyState.Present => ("good", "Present"),
        MatchKeyState.Missing => ("", "Missing"),
        MatchKeyState.Invalid => ("bad", "Invalid"),
    };

    /// <summary>What needs somebody first.</summary>
    private static int Order(MatchKeyState state) => state switch { MatchKeyState.Invalid => 0, MatchKeyState.Present => 1, MatchKeyState.Missing => 2 };

    /// <summary>The address stands apart from the browser here.</summary>
    private static string Label(MatchKeyCheck key, bool isFirst)
    {
        var label = key.Key == "client_ip_address" ? "IP address" : EventWords.Key(key.Key);
        return isFirst ? Words.Sentence(label) : label;
    }

    /// <summary>What the estimate would gain with a key that is not there.</summary>
    private static string? Gain(ConnectionPreview preview, MatchKeyCheck key) =>
        key.State != MatchKeyState.Present && preview.Estimate?.Gains.FirstOrDefault(g => g.Key == key.Key) is { } gain
            ? string.Create(System.Globalization.CultureInfo.InvariantCulture, $" (+{gain.Gain:0.0})") : null;

    /// <summary>A test event of a connection without test mode may still be sent.</summary>
    private static bool MaySend(ConnectionPreview preview) => preview.Skip is null or { Reason: SkipReason.Test };

    private bool IsTest(ConnectionPreview preview) => preview.TestMode == TestMode.On || (preview.TestMode == TestMode.NeedsCode && _code.Trim().Length > 0);

    private static string CodeHelp(ConnectionPreview preview, ConnectionField field) =>
        $"{(preview.TestMode == TestMode.On ? "Used this once instead of the one in the settings." : "Used this once; the settings have none.")} {field.Help.Split('.')[0]}.";

    private string Consequence(ConnectionPreview preview)
    {
        var name = Destination.Info.DisplayName;
        if (!MaySend(preview))
            return "It would be skipped, so there is nothing to send.";
        if (!IsTest(preview))
            return preview.TestMode == TestMode.None
                ? $"{name} has no test mode: this counts as a real event."
                : "Without a test code this counts as a real event.";
        return Destination.Info.TestSetting is null ? "It is sent marked as a test."
            : CodeField is null ? $"{name} checks it and records nothing."
            : $"{name} shows it under its test events, where it may still count. It keeps its event id, so one that {name} has already counts once.";
    }

    private async Task SendAsync(ConnectionPreview? preview)
    {
        var isReal = preview is not null && !IsTest(preview);
        if (isReal)
        {
            var sure = await Dialogs.Confirm($"{Destination.Info.DisplayName} counts it as a real event. It keeps its event id, so a platform that knows it already can leave it out.",
                "Send as a real event?", new ConfirmOptions { OkButtonText = "Send real event", CancelButtonText = "Do not send" });
            if (sure != true)
                return;
        }
        (_isSending, _test) = (true, null);
        var code = _code.Trim() is { Length: > 0 } typed ? typed : null;
        var order = new TestOrder(preview?.Id.ToString(), code, isReal);
        var test = await DoAsync((caller, cancel) => tester.TestAsync(caller, WebsiteId, Connection.Id, order, cancel), errors: _errors);
        (_isSending, _test) = (false, test?.Value);
    }
}
