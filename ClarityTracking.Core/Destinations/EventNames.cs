using System.Collections.Frozen;
using System.Text.Json;

namespace ClarityTracking.Core.Destinations;

/// <summary>Our event names to a platform's: the connection's own <c>events</c> first, then the platform's table.</summary>
static class EventNames
{
    /// <summary>
    /// Events that are not sent unless the connection maps them: they describe behaviour, not an outcome. A submitted form is one too (it may
    /// be a search box or a sign-in, and calling each a lead would spoil the optimisation), and a goal has no meaning to a platform before
    /// someone says which.
    /// </summary>
    static readonly FrozenSet<string> Behaviour = new[]
    {
        "click", "scroll", "session_start", "session_end", "form_interaction", "form_submit", "page_exit", "identify", "auto_identify", "goal",
        "link_click", "custom",
    }.ToFrozenSet(StringComparer.Ordinal);

    /// <summary>The name to send; null = not sent.</summary>
    /// <param name="name">Our name, or a custom event's.</param>
    /// <param name="settings">The connection's settings.</param>
    /// <param name="standard">The platform's table.</param>
    /// <param name="custom">The name of custom events that nobody mapped; null = they are not sent.</param>
    internal static string? Find(string name, JsonElement settings, FrozenDictionary<string, string> standard, Func<string, string?> custom) =>
        Own(name, settings, out var own) ? own : standard.TryGetValue(name, out var known) ? known : Behaviour.Contains(name) ? null : custom(name);

    /// <summary>The name for the customer's own systems, which get everything under our names unless the connection says otherwise; null = not sent.</summary>
    internal static string? FindOwn(string name, JsonElement settings) => Own(name, settings, out var own) ? own : name;

    /// <summary>Whether the connection says how an event goes: under which name, or null = not at all.</summary>
    internal static bool Own(string name, JsonElement settings, out string? own)
    {
        own = null;
        if (ConnectionJson.Pairs(settings, SettingsCheck.Events) is not { } mapping || !mapping.TryGetProperty(name, out var told))
            return false;
        if (told.ValueKind == JsonValueKind.False)
            return true;
        own = ConnectionJson.Text(mapping, name);
        return own is not null;
    }
}
