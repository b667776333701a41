using ClarityTracking.Core;

namespace ClarityTracking.Web.Components.Shared;

/// <summary>Why a form was refused, told beside its fields.</summary>
public sealed class FormErrors
{
    private Error? _error;

    /// <summary>Takes over a refusal; null = none.</summary>
    public void Take(Error? error) => _error = error;

    /// <summary>What no field is to blame for; null when fields tell it.</summary>
    public string? General => _error is { Fields.Count: 0 } error ? error.Message : null;

    /// <summary>What is wrong with a field, speaking of it by its label; null when nothing is.</summary>
    public string? Of(string field, string label)
    {
        var message = _error?.Fields.FirstOrDefault(f => f.Field == field)?.Message;
        return message is not null && message.StartsWith(field, StringComparison.Ordinal) ? label + message[field.Length..] : message;
    }

    /// <summary>The first error of what lies below a place (<c>then.changes[0]</c>), as it was told; null when there is none.</summary>
    public string? Within(string place) => _error?.Fields.FirstOrDefault(f => f.Field.StartsWith(place, StringComparison.Ordinal))?.Message;
}
