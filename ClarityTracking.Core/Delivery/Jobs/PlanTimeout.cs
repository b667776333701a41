using Npgsql;

namespace ClarityTracking.Core.Delivery.Jobs;

/// <summary>Plans count all rows of a time, so they may take longer than other queries; those that take too long say what helps.</summary>
internal static class PlanTimeout
{
    /// <summary>Of one query of a plan.</summary>
    public const int Seconds = 60;

    /// <summary>What a person is told.</summary>
    public static readonly Error Error =
        new(ErrorKind.Invalid, "plan_too_large", $"There is so much in this time that it could not be counted within {Seconds} seconds. Give a shorter one.", []);

    /// <summary>A query took too long; the database is there.</summary>
    public static bool Is(NpgsqlException error) => error is { InnerException: TimeoutException } or PostgresException { SqlState: PostgresErrorCodes.QueryCanceled };
}
