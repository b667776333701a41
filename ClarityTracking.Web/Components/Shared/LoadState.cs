namespace ClarityTracking.Web.Components.Shared;

/// <summary>What went wrong, in words a person can act on.</summary>
/// <param name="What">What happened, one sentence.</param>
/// <param name="Meaning">What it means for them and what to do.</param>
/// <param name="CanRetry">Trying again may help.</param>
public sealed record Problem(string What, string Meaning, bool CanRetry);

/// <summary>What a page or panel has: nothing yet (as made), a problem, or its value. See <see cref="LoadView{T}"/>.</summary>
public sealed record LoadState<T>
{
    /// <summary>The value; default while loading or failed.</summary>
    public T? Value { get; init; }

    /// <summary>Why there is no value; null when loading or loaded.</summary>
    public Problem? Problem { get; init; }

    /// <summary>Is there a value?</summary>
    public bool IsLoaded { get; init; }
}

/// <summary>Makes states.</summary>
public static class LoadState
{
    /// <summary>The value is there.</summary>
    public static LoadState<T> Of<T>(T value) => new() { Value = value, IsLoaded = true };

    /// <summary>It could not be loaded.</summary>
    public static LoadState<T> Failed<T>(Problem problem) => new() { Problem = problem };
}
