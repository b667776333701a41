using Npgsql;

namespace ClarityTracking.Core.Data;

/// <summary>Positional parameters ($1, $2 …) without a loop at every place.</summary>
internal static class Parameters
{
    /// <summary>Adds values in their order. A null becomes NULL; where PostgreSQL cannot tell its type, the statement casts it (<c>$1::uuid</c>).</summary>
    public static NpgsqlCommand With(this NpgsqlCommand command, params ReadOnlySpan<object?> values)
    {
        foreach (var value in values)
            command.Parameters.Add(new NpgsqlParameter { Value = value ?? DBNull.Value });
        return command;
    }
}
