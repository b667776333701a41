using System.Text.Json;
using System.Text.Json.Nodes;
using ClarityTracking.Core.Connections;
using ClarityTracking.Core.Destinations;
using ClarityTracking.Core.Inbound;
using ClarityTracking.Core.Routing;
using ClarityTracking.Web.Components.Shared;
using Microsoft.AspNetCore.Components;

namespace ClarityTracking.Web.Components.Pages.Connections;

/// <summary>A connection's fields, as its platform asks for them. Secrets are write-only: an empty one keeps what is set.</summary>
public sealed partial class ConnectionForm(ConnectionService service)
{
    private const string Off = "off";

    private static readonly IReadOnlyList<(string Category, string Label, string Help)> ConsentLabels =
    [
        (ConsentRule.Categories[0], "Ads data", "Data about the visitor may go to ad platforms (ad_user_data)."),
        (ConsentRule.Categories[1], "Personalised ads", "It may be used to choose ads (ad_personalization)."),
        (ConsentRule.Categories[2], "Ad identifiers", "They may be kept in the browser (ad_storage)."),
        (ConsentRule.Categories[3], "Analytics", "Visits may be measured (analytics_storage)."),
    ];

    private readonly FormErrors _errors = new();
    private Dictionary<string, string> _values = [];
    private HashSet<string> _consent = [];
    private string _name = "";
    private string? _generated;
    private bool _isBusy;

    [Parameter, EditorRequired]
    public Guid WebsiteId { get; set; }

    [Parameter, EditorRequired]
    public Platform Platform { get; set; } = default!;

    /// <summary>Null = a new one.</summary>
    [Parameter]
    public ConnectionDetails? Existing { get; set; }

    [Parameter, EditorRequired]
    public EventCallback<ConnectionDetails> OnSaved { get; set; }

    /// <summary>The connection has changed while the form stays open.</summary>
    [Parameter]
    public EventCallback OnChanged { get; set; }

    [Parameter]
    public EventCallback OnCancel { get; set; }

    protected override void OnInitialized()
    {
        _name = Existing?.Name ?? Platform.DisplayName;
        if (Platform.Destination is { } destination)
            _consent = [.. ConsentRule.Needed(destination.Info, Existing?.Settings ?? default)];
        _values = Fields.ToDictionary(f => f.Name, f => f.IsSecret ? "" : f.Kind == FieldKind.Pairs ? LinesOf(f.Name) : TextOf(f.Name));
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

    /// <summary>Made by connecting an account, and switched off until what it lacks is entered.</summary>
    private bool IsUnfinished => Existing is { Enabled: false } && (Platform.WaitsForSecret(Existing.Credentials) || Platform.Check(Existing.Settings, credentials: null).Count > 0);

    /// <summary>A secret that is set is changed elsewhere, with the one before it valid for a while (<c>SecretCard</c>).</summary>
    private IEnumerable<ConnectionField> Fields => !Platform.IsSource ? Platform.Fields
        : Platform.Fields.Where(f => f.Name != SourceInfo.PreviousSecret && (f.Name != SourceInfo.Secret || Existing is null || Platform.WaitsForSecret(Existing.Credentials)));

    /// <summary>Many senders make the secret when they are told the address.</summary>
    private bool MayComeLater(ConnectionField field) => Platform.IsSource && field.Name == SourceInfo.Secret;

    private bool HasNoSecret => Platform.IsSource && _values.TryGetValue(SourceInfo.Secret, out var secret) && secret.Trim().Length == 0;

    private bool GetsAddressFirst => Existing is null && HasNoSecret;

    private void Generate(ConnectionField field) => _generated = _values[field.Name] = Platform.Source!.NewSecret()!;

    private bool IsSet(ConnectionField field) => field.IsSecret && Existing?.Credentials.Contains(field.Name) == true;

    /// <summary>A choice fills in its fields; what was typed elsewhere stays.</summary>
    private Task TakeAsync(IReadOnlyDictionary<string, string> settings)
    {
        foreach (var (name, value) in settings)
            if (_values.ContainsKey(name))
                _values[name] = value;
        return OnChanged.InvokeAsync();
    }

    private async Task SaveAsync()
    {
        _isBusy = true;
        var settings = new JsonObject();
        var credentials = new JsonObject();
        foreach (var field in Fields)
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
        // the platform's own stays unsaid, so that a better one reaches this connection too
        if (Platform.Destination is { } destination && !_consent.SetEquals(destination.Info.DefaultConsent))
            settings[ConsentRule.Setting] = new JsonArray([.. ConsentRule.Categories.Where(_consent.Contains).Select(c => (JsonNode)c)]);
        else if (Platform.Destination is not null && Existing is not null)
            settings[ConsentRule.Setting] = null;
        bool? enabled = HasNoSecret ? false : Existing is null || IsUnfinished ? true : null;
        var values = new ConnectionValues(_name, JsonSerializer.SerializeToElement(settings),
            Existing is null || credentials.Count > 0 ? JsonSerializer.SerializeToElement(credentials) : null, enabled);
        var saved = await DoAsync((caller, cancel) => Existing is { } existing
            ? service.ChangeAsync(caller, WebsiteId, existing.Id, values, cancel)
            : service.CreateAsync(caller, WebsiteId, Platform.Key, values, cancel),
            Existing is not null ? $"{_name} is saved" : GetsAddressFirst ? $"{_name} has an address" : $"{_name} is connected", _errors);
        _isBusy = false;
        if (saved is not null)
            await OnSaved.InvokeAsync(saved.Value);
    }
}
