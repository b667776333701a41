using System.Text.Json;
using System.Text.Json.Nodes;
using ClarityTracking.Core.Connections;
using ClarityTracking.Core.Destinations;
using ClarityTracking.Web.Components.Shared;
using Microsoft.AspNetCore.Components;

namespace ClarityTracking.Web.Components.Pages.Connections;

/// <summary>A connection's fields, as its destination asks for them. Secrets are write-only: an empty one keeps what is set.</summary>
public sealed partial class ConnectionForm(ConnectionService service)
{
    private const string Off = "off";

    private readonly FormErrors _errors = new();
    private Dictionary<string, string> _values = [];
    private string _name = "";
    private bool _isBusy;

    [Parameter, EditorRequired]
    public Guid WebsiteId { get; set; }

    [Parameter, EditorRequired]
    public IDestination Destination { get; set; } = default!;

    /// <summary>Null = a new one.</summary>
    [Parameter]
    public ConnectionDetails? Existing { get; set; }

    [Parameter, EditorRequired]
    public EventCallback<ConnectionDetails> OnSaved { get; set; }

    [Parameter]
    public EventCallback OnCancel { get; set; }

    protected override void OnInitialized()
    {
        _name = Existing?.Name ?? Destination.Info.DisplayName;
        _values = Destination.Info.Fields.ToDictionary(f => f.Name, f => f.IsSecret ? "" : f.Kind == FieldKind.Pairs ? LinesOf(f.Name) : TextOf(f.Name));
    }

    /// <summary>Pairs as lines of <c>name = text</c>; <c>off</c> stands for false.</summary>
    private string LinesOf(string name) =>
        Existing is null || !Existing.Settings.TryGetProperty(name, out var pairs) || pairs.ValueKind != JsonValueKind.Object ? ""
            : string.Join('\n', pairs.EnumerateObject().Select(p => $"{p.Name} = {(p.Value.ValueKind == JsonValueKind.False ? Off : p.Value.ToString())}"));

    private static JsonObject PairsOf(string lines)
    {
        var pairs = new JsonObject();
        foreach (var line in lines.Split('\n', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries))
        {
            var parts = line.Split('=', 2, StringSplitOptions.TrimEntries);
            // a line without a text stays, so that the check can name it
            pairs[parts[0]] = parts.Length < 2 ? "" : parts[1] == Off ? false : parts[1];
        }
        return pairs;
    }

    /// <summary>The error of a field; of pairs also one of their names.</summary>
    private string? ErrorOf(string path, ConnectionField field) =>
        _errors.Of(path, field.Label)
            ?? _values[field.Name].Split('\n').Select(line => line.Split('=')[0].Trim())
                .Select(name => _errors.Of($"{path}.{name}", field.Label) is { } error ? $"{name}: {error}" : null).FirstOrDefault(error => error is not null);

    private string TextOf(string name) =>
        Existing is null || !Existing.Settings.TryGetProperty(name, out var value) ? ""
            : value.ValueKind == JsonValueKind.String ? value.GetString()! : value.GetRawText();

    private bool IsSet(ConnectionField field) => field.IsSecret && Existing?.Credentials.Contains(field.Name) == true;

    private async Task SaveAsync()
    {
        _isBusy = true;
        var settings = new JsonObject();
        var credentials = new JsonObject();
        foreach (var field in Destination.Info.Fields)
        {
            var text = _values[field.Name].Trim();
            if (field.Kind == FieldKind.Toggle)
                settings[field.Name] = text == "true";
            else if (field.IsSecret && text.Length > 0)
                credentials[field.Name] = text;
            else if (field.Kind == FieldKind.Pairs && text.Length > 0)
                settings[field.Name] = PairsOf(text);
            else if (!field.IsSecret && text.Length > 0)
                settings[field.Name] = text;
            else if (!field.IsSecret && Existing is not null)
                settings[field.Name] = null; // a cleared field is removed
        }
        var values = new ConnectionValues(_name, JsonSerializer.SerializeToElement(settings),
            Existing is null || credentials.Count > 0 ? JsonSerializer.SerializeToElement(credentials) : null, Existing is null ? true : null);
        var saved = await DoAsync((caller, cancel) => Existing is { } existing
            ? service.ChangeAsync(caller, WebsiteId, existing.Id, values, cancel)
            : service.CreateAsync(caller, WebsiteId, Destination.Info.Platform, values, cancel),
            Existing is null ? $"{_name} is connected" : $"{_name} is saved", _errors);
        _isBusy = false;
        if (saved is not null)
            await OnSaved.InvokeAsync(saved.Value);
    }
}
