using ClarityTracking.Core.People;
using ClarityTracking.Web.Components.Shared;
using Microsoft.AspNetCore.Components;

namespace ClarityTracking.Web.Components.Pages.People;

/// <summary>One person.</summary>
public sealed partial class PersonPanel(PersonQueries people, PersonMerges merges)
{
    [Parameter, EditorRequired]
    public Guid WebsiteId { get; set; }

    [Parameter, EditorRequired]
    public Guid PersonId { get; set; }

    /// <summary>The viewer may take merges back.</summary>
    [Parameter]
    public bool MayChange { get; set; }

    /// <summary>A merge was taken back.</summary>
    [Parameter]
    public EventCallback OnChanged { get; set; }

    private LoadState<PersonInfo> Person { get; set; } = new();

    protected override async Task LoadAsync()
    {
        if (!Person.IsLoaded) // the page around renders again and again
            await ReadAsync();
    }

    private async Task ReadAsync() => Person = await QueryAsync((caller, cancel) => people.GetAsync(caller, WebsiteId, PersonId, cancel));

    private async Task UndoAsync(PersonMerge merge)
    {
        if (await DoAsync((caller, cancel) => merges.UndoAsync(caller, WebsiteId, merge.Id, cancel), "They are two people again") is null)
            return;
        await ReadAsync();
        await OnChanged.InvokeAsync();
    }

    /// <summary>Who, what they are worth, where they came from.</summary>
    private static string AnswerOf(PersonInfo p)
    {
        var worth = p.Conversions == 0 ? "has not booked or bought yet" : $"made {Words.Count(p.Conversions, "conversion")}{(p.Value > 0 ? $" worth {Words.Money(p.Value, p.Currency)}" : "")}";
        var from = p.FirstTouch is null ? "how they came is not known"
            : p.LastTouch is { } last && last.Id != p.FirstTouch.Id ? $"first came by {Words.Channel(p.FirstTouch.Channel!)}, last by {Words.Channel(last.Channel!)}" : $"came by {Words.Channel(p.FirstTouch.Channel!)}";
        return $"{PeoplePage.TitleOf(p)} {worth}; {from}.";
    }

    private string TouchOf(PersonStep? touch) =>
        touch is null ? "Not known" : $"{Words.Channel(touch.Channel!)}{(touch.Campaign is { } campaign ? $", {campaign}" : "")}, {Words.Ago(touch.At, Viewer.Now)}";

    private static string NameOf(PersonStep step) => step switch
    {
        { Type: "touchpoint", Channel: { } channel } => $"{Words.Sentence(step.Name)}: {Words.Channel(channel)}",
        { Type: "event" } => EventWords.Name(step.Name),
        _ => Words.Sentence(step.Name),
    };

    private static string DetailOf(PersonStep step) => string.Concat(new[] { step.Campaign, step.Detail, step.Value is { } value and not 0 ? Words.Money(value, step.Currency) : null }
        .OfType<string>().Where(part => part.Length > 0).Select(part => $" · {part}"));

    private static string KindWords(PersonIdKind kind) => kind switch
    {
        PersonIdKind.External => "Your own id",
        PersonIdKind.Email => "Email",
        PersonIdKind.Phone => "Phone",
        PersonIdKind.Visitor => "Browser",
        PersonIdKind.Click => "Click",
    };
}
