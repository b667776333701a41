namespace ClarityTracking.Core.Ingestion.Store;

/// <summary>An event ready to be stored.</summary>
/// <param name="Event">The event.</param>
/// <param name="Key">The identity under which it is stored once in 7 days; null when the sender gave no id.</param>
/// <param name="PropertiesJson">The properties as they are stored; <see cref="Event.Properties"/> is read back from them.</param>
/// <param name="PersonalSealed">The readable part, sealed.</param>
/// <param name="Index">Its place in the request.</param>
public sealed record EventRow(Event Event, Guid? Key, ReadOnlyMemory<byte> PropertiesJson, byte[]? PersonalSealed, int Index);

/// <summary>What one request wants stored, all or nothing.</summary>
/// <param name="rows">Events.</param>
/// <param name="dropped">Refused events, kept as the rows behind the numbers.</param>
public sealed class WriteRequest(IReadOnlyList<EventRow> rows, IReadOnlyList<DroppedEvent> dropped)
{
    public IReadOnlyList<EventRow> Rows { get; } = rows;

    public IReadOnlyList<DroppedEvent> Dropped { get; } = dropped;

    /// <summary>Completed after the commit. Continuations run elsewhere, never on the writer.</summary>
    internal TaskCompletionSource<WriteResult> Done { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
}

/// <summary>What was stored.</summary>
/// <param name="Duplicates">Rows that were stored already.</param>
/// <param name="NotStorable">Indexes of rows that are not stored: the database refused them, or went away after others were stored.</param>
public sealed record WriteResult(int Duplicates, IReadOnlyList<int> NotStorable);

/// <summary>Nothing of the request was stored; the same request may be sent again.</summary>
public sealed class IntakeUnavailableException(string message, TimeSpan retryAfter, Exception? cause = null) : Exception(message, cause)
{
    /// <summary>When to try again.</summary>
    public TimeSpan RetryAfter { get; } = retryAfter;
}

/// <summary>Says that events were stored.</summary>
public sealed class EventsStored : Data.Signal;
