using System.IO.Pipelines;
using System.Text.Json;
using ClarityTracking.Core;
using ClarityTracking.Core.People;
using ClarityTracking.Core.Tenancy;
using ClarityTracking.Web.Components.Shared;
using Microsoft.AspNetCore.Components;
using Microsoft.JSInterop;

namespace ClarityTracking.Web.Components.Pages.People;

/// <summary>Who is who. The opened person lives in the address; what is searched for does not: it is personal data, and addresses are kept in histories and logs.</summary>
public sealed partial class PeoplePage(PersonQueries people, PersonExport export, PersonErasure erasure, WebsiteService websites)
{
    private const string CursorName = "cursor", OpenName = "open";
    private static readonly TimeSpan LookAgainEvery = TimeSpan.FromSeconds(5);
    private string? _typed, _search, _email, _phone, _visitor, _outcome;
    private ExportedPerson? _exported;
    private bool _busy;
    private Task? _looking;

    [SupplyParameterFromQuery(Name = CursorName)]
    private string? Cursor { get; set; }

    [SupplyParameterFromQuery(Name = OpenName)]
    private Guid? Open { get; set; }

    private LoadState<Page<PersonInfo>> People { get; set; } = new();

    private bool MayChange { get; set; }

    private string? Answer
    {
        get
        {
            if (People.Value is not { Items.Count: > 0 } page)
                return null;
            var buying = page.Items.Count(p => p.Conversions > 0);
            var known = Words.Count(page.Items.Count, "person is", "people are");
            return $"{(page.NextCursor is null ? known : $"The newest {known}")} known; {(buying == 0 ? "none booked or bought yet" : $"{Words.Count(buying)} of them booked or bought")}.";
        }
    }

    protected override async Task LoadAsync()
    {
        MayChange = (await QueryAsync((caller, cancel) => websites.GetAsync(caller, WebsiteId, cancel))).Value is { Role: >= Role.Admin };
        Guid? cursor = Guid.TryParse(Cursor, out var before) ? before : null;
        People = await QueryAsync((caller, cancel) => people.ListAsync(caller, WebsiteId, _search, cursor, Core.Page.DefaultLimit, cancel));
        _looking ??= PollAsync(LookAgainEvery, LookAgainAsync);
    }

    /// <summary>Looks for somebody, from the first page on; nothing = everybody.</summary>
    private async Task SearchAsync(string? typed)
    {
        (_typed, _search) = (typed, string.IsNullOrWhiteSpace(typed) ? null : typed.Trim());
        if (Cursor is null)
            await LoadAsync();
        else
            Filter((CursorName, null));
    }

    private async Task LookAgainAsync()
    {
        if (!People.IsLoaded || Cursor is not null || _busy || !await Viewer.IsVisibleAsync())
            return;
        await LoadAsync();
        StateHasChanged();
    }

    internal static string TitleOf(PersonInfo person) => person.Name ?? person.Email ?? person.Phone ?? $"Person {person.Id.ToString()[^6..]}";

    private PersonRequest Request => new PersonRequest(_email, _phone, _visitor).Trimmed();

    private async Task ExportAsync()
    {
        (_busy, _outcome, _exported) = (true, "Collecting…", null);
        var result = await DoAsync((caller, cancel) => export.ExportAsync(caller, WebsiteId, Request, cancel));
        _busy = false;
        if (result?.Value is not { } found)
        {
            _outcome = null;
            return;
        }
        _exported = found;
        _outcome = $"{Words.Count(found.Events.Count, "event")}, {Words.Count(found.Touchpoints.Count, "touchpoint")}, {Words.Count(found.Conversions.Count, "conversion")} and {Words.Count(found.Deliveries.Count, "delivery", "deliveries")} were found.";
    }

    /// <summary>Gives the browser the file while it is being written, and keeps nothing of it.</summary>
    private async Task SaveAsync()
    {
        if (_exported is not { } found)
            return;
        _busy = true;
        var pipe = new Pipe();
        using (var stream = new DotNetStreamReference(pipe.Reader.AsStream()))
        {
            var writing = WriteAsync(found, pipe.Writer);
            await Viewer.InvokeAsync<object?>("save", "person.json", stream);
            await pipe.Reader.CompleteAsync();
            await writing;
        }
        (_busy, _exported) = (false, null);
    }

    private async Task WriteAsync(ExportedPerson found, PipeWriter to)
    {
        try
        {
            await JsonSerializer.SerializeAsync(to.AsStream(leaveOpen: true), found, JsonSerializerOptions.Web, Closed);
            await to.CompleteAsync();
        }
        catch (Exception error) when (error is not OutOfMemoryException)
        {
            await to.CompleteAsync(error); // the browser's side tells
        }
    }

    private async Task EraseAsync()
    {
        var request = Request;
        if (request.Check() is { } error)
        {
            _outcome = error.Message;
            return;
        }
        var name = request.Email ?? request.Phone ?? request.VisitorId!;
        var sure = await Dialogs.OpenAsync<TypedConfirm>("Erase a person", new Dictionary<string, object?>
        {
            [nameof(TypedConfirm.Name)] = name,
            [nameof(TypedConfirm.Act)] = "Erase",
            [nameof(TypedConfirm.Meaning)] = "Who they are will be gone from events, visits, bookings, received webhooks and archived calls. What was sent to platforms already stays there. Nothing brings it back.",
        });
        if (sure is not true)
            return;
        (_busy, _outcome, _exported) = (true, "Erasing…", null);
        var result = await DoAsync((caller, cancel) => erasure.EraseAsync(caller, WebsiteId, request, cancel), "The person is erased");
        _busy = false;
        _outcome = result?.Value is not { } gone ? null
            : $"Erased: {Words.Count(gone.Persons, "profile")}, {Words.Count(gone.Events, "event")}, {Words.Count(gone.Touchpoints, "touchpoint")}, {Words.Count(gone.Conversions, "conversion")}, {Words.Count(gone.Webhooks, "webhook body", "webhook bodies")}, {Words.Count(gone.Calls, "archived call")}, {Words.Count(gone.Deliveries, "waiting delivery", "waiting deliveries")}.";
        await LoadAsync();
    }
}
