using ClarityTracking.Core.Destinations;

namespace ClarityTracking.Core;

/// <summary>Kinds of refusal; each answers with its own HTTP status.</summary>
public enum ErrorKind
{
    /// <summary>Not there, or another tenant's: the two look the same on purpose.</summary>
    NotFound,
    /// <summary>There, but the caller's role does not allow it.</summary>
    Forbidden,
    /// <summary>Understood, but against the rules; <see cref="Error.Fields"/> says where.</summary>
    Invalid,
    /// <summary>Clashes with what is already there.</summary>
    Conflict,
    /// <summary>Unknown, wrong or locked credentials.</summary>
    Unauthorized,
}

/// <summary>Why something was not done.</summary>
/// <param name="Kind">What kind of refusal.</param>
/// <param name="Code">Stable word for programs.</param>
/// <param name="Message">One sentence for people: what is wrong and what to do.</param>
/// <param name="Fields">Errors by field; empty when no single field is to blame.</param>
public sealed record Error(ErrorKind Kind, string Code, string Message, IReadOnlyList<FieldError> Fields)
{
    /// <summary>Not there, or another tenant's.</summary>
    public static Error NotFound(string thing) => new(ErrorKind.NotFound, "not_found", $"There is no such {thing}.", []);

    /// <summary>The caller's role does not reach.</summary>
    public static Error Forbidden(string needed) => new(ErrorKind.Forbidden, "forbidden", $"This needs {needed}.", []);

    /// <summary>Fields against the rules.</summary>
    public static Error Invalid(params IReadOnlyList<FieldError> fields) =>
        new(ErrorKind.Invalid, "validation_failed", string.Join(' ', fields.Select(f => f.Message)), fields);
}

/// <summary>What a service answers: the value, or why there is none.</summary>
public sealed class Result<T>
{
    private Result(T? value, Error? error) => (Value, Error) = (value, error);

    /// <summary>The value; default when <see cref="Error"/> is set.</summary>
    public T? Value { get; }

    /// <summary>Why there is no value; null when there is one.</summary>
    public Error? Error { get; }

    /// <summary>Did it work?</summary>
    [System.Diagnostics.CodeAnalysis.MemberNotNullWhen(true, nameof(Value))]
    [System.Diagnostics.CodeAnalysis.MemberNotNullWhen(false, nameof(Error))]
    public bool IsOk => Error is null;

    public static implicit operator Result<T>(T value) => new(value, null);

    public static implicit operator Result<T>(Error error) => new(default, error);
}

/// <summary>Done; there is nothing more to say.</summary>
public sealed record Done
{
    public static readonly Done It = new();
}

/// <summary>One page of a list.</summary>
/// <param name="Items">The rows, in the list's order.</param>
/// <param name="NextCursor">Give it back to get the next page; null when this was the last.</param>
public sealed record Page<T>(IReadOnlyList<T> Items, Guid? NextCursor);

/// <summary>Rules of all lists.</summary>
public static class Page
{
    /// <summary>Rows of a page when the caller names no number.</summary>
    public const int DefaultLimit = 50;

    /// <summary>Most rows of a page.</summary>
    public const int MaxLimit = 200;

    /// <summary>1 to <see cref="MaxLimit"/>.</summary>
    public static int Clamp(int limit) => Math.Clamp(limit, 1, MaxLimit);

    /// <summary>Makes a page from one row more than was asked for.</summary>
    public static Page<T> Of<T>(List<T> rows, int limit, Func<T, Guid> id) =>
        rows.Count > limit ? new([.. rows.Take(limit)], id(rows[limit - 1])) : new(rows, null);
}
