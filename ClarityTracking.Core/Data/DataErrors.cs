using Npgsql;

namespace ClarityTracking.Core.Data;

/// <summary>Tells apart what the database says of rows from what is wrong with the database itself.</summary>
internal static class DataErrors
{
    /// <summary>
    /// The rows are at fault, and would be the next time too: classes 22 (data exception) and 23 (constraint), and program limits (54: an index row
    /// that is too long). Anything else may pass.
    /// </summary>
    public static bool IsAboutRows(Exception error) =>
        error is PostgresException { SqlState: var state } && (state.StartsWith("22", StringComparison.Ordinal) || state.StartsWith("23", StringComparison.Ordinal)
            || state is "54000" or "54001");
}
