namespace ClarityTracking.Core.Health.InstallCheck;

/// <summary>What a line of the check says.</summary>
public enum FindingKind
{
    /// <summary>As it should be.</summary>
    Pass,
    /// <summary>Works, or could not be seen; worth a look.</summary>
    Warn,
    /// <summary>Does not work.</summary>
    Fail,
    /// <summary>Good to know.</summary>
    Info,
}

/// <summary>One line of the check.</summary>
/// <param name="Key">Stable word: <c>page snippet key script connect event consent pixels tag_manager</c>.</param>
/// <param name="Kind">How it stands.</param>
/// <param name="What">What was found, a sentence.</param>
/// <param name="Fix">What to do; null = nothing.</param>
/// <param name="Code">Text to copy for it; null = none.</param>
public sealed record InstallFinding(string Key, FindingKind Kind, string What, string? Fix = null, string? Code = null);

/// <summary>Where a check stands.</summary>
public enum InstallCheckStatus
{
    /// <summary>A worker will begin.</summary>
    Queued,
    /// <summary>At it.</summary>
    Running,
    /// <summary>The findings are there.</summary>
    Done,
    /// <summary>It could not be made; the note says why.</summary>
    Failed,
}

/// <summary>The newest check of a website.</summary>
/// <param name="Id">Our id.</param>
/// <param name="Status">Where it stands.</param>
/// <param name="Stage">What it is doing, a few words; null when it has ended.</param>
/// <param name="Url">The page.</param>
/// <param name="ByBrowser">A browser ran the page; else only the document as sent was read. Null while it is not done.</param>
/// <param name="Note">What limits it or why it failed, a sentence; null = nothing.</param>
/// <param name="Findings">Line by line.</param>
/// <param name="CreatedBy">Who asked for it.</param>
/// <param name="CreatedAt">When (UTC).</param>
/// <param name="FinishedAt">When it ended (UTC).</param>
public sealed record InstallCheck(Guid Id, InstallCheckStatus Status, string? Stage, string Url, bool? ByBrowser, string? Note, IReadOnlyList<InstallFinding> Findings,
    string CreatedBy, DateTimeOffset CreatedAt, DateTimeOffset? FinishedAt);

/// <summary>Whether websites can be checked, and the newest check.</summary>
/// <param name="Enabled">The operator allows it.</param>
/// <param name="Check">Null = none yet.</param>
public sealed record InstallCheckState(bool Enabled, InstallCheck? Check);
