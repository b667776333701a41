using ClarityTracking.Core.Routing;

namespace ClarityTracking.Core.Health.Duplicates;

/// <summary>Where a group of duplicates stands.</summary>
public enum DuplicateState
{
    /// <summary>Counted twice, and nothing is done about it.</summary>
    Open,
    /// <summary>A person said that these are different things.</summary>
    Ignored,
    /// <summary>A filter rule lets only one of such events through.</summary>
    Stopped,
    /// <summary>Intake took it in once: nothing is counted twice.</summary>
    Ended,
}

/// <summary>What becomes of a group without anybody doing anything.</summary>
public enum DuplicateVerdict
{
    /// <summary>It goes out more than once under ids that platforms cannot join.</summary>
    CountedTwice,
    /// <summary>A browser and a server told it under one id: as it should be.</summary>
    Paired,
    /// <summary>It was sent again under one id and taken in once.</summary>
    Ended,
}

/// <summary>Events that are one.</summary>
/// <param name="Id">Its id.</param>
/// <param name="Kind">Same id, different ids, or browser and server under different ids.</param>
/// <param name="Reason">What they share: <c>same_id</c>, <c>same_order</c>, <c>same_visitor_and_value</c> or <c>same_person_and_value</c>.</param>
/// <param name="Name">Event name of the first.</param>
/// <param name="OrderId">The order number, where one of them has it.</param>
/// <param name="VisitorId">The visitor, where one of them has it.</param>
/// <param name="Value">Value of the first, in major units.</param>
/// <param name="Currency">ISO 4217.</param>
/// <param name="State">Where it stands.</param>
/// <param name="Verdict">What becomes of it.</param>
/// <param name="FirstAt">When the first happened (UTC).</param>
/// <param name="LastAt">When the newest happened (UTC).</param>
/// <param name="FoundAt">When it was found (UTC).</param>
/// <param name="Count">How many events.</param>
/// <param name="ExtraValue">Value of all but the first, in major units of <paramref name="Currency"/>: what is counted too much.</param>
/// <param name="Platforms">Those that took more than one of them.</param>
/// <param name="RuleId">The filter rule that stops it.</param>
/// <param name="Events">The events, newest first; at most 50.</param>
public sealed record DuplicateGroup(Guid Id, DuplicateKind Kind, DuplicateReason Reason, string Name, string? OrderId, string? VisitorId, decimal? Value, string? Currency, DuplicateState State,
    DuplicateVerdict Verdict, DateTimeOffset FirstAt, DateTimeOffset LastAt, DateTimeOffset FoundAt, int Count, decimal ExtraValue, IReadOnlyList<string> Platforms, Guid? RuleId,
    IReadOnlyList<DuplicateEvent> Events);

/// <summary>One event of a group.</summary>
/// <param name="Id">Our id; of one that was not stored, its id among the dropped ones.</param>
/// <param name="EventId">The sender's.</param>
/// <param name="Source">Who told it.</param>
/// <param name="OccurredAt">UTC.</param>
/// <param name="ReceivedAt">UTC; the one received first is held to be the original.</param>
/// <param name="Name">As stored.</param>
/// <param name="OrderId">Order number.</param>
/// <param name="VisitorId">Browser id.</param>
/// <param name="Value">In major units.</param>
/// <param name="Currency">ISO 4217.</param>
/// <param name="Sender">Shop or booking system of a webhook.</param>
/// <param name="Host">Host of the page.</param>
/// <param name="Keys">How many keys of the person and browser it carries.</param>
/// <param name="IsOriginal">Held to be the one that happened.</param>
/// <param name="IsStored">Of a repeat that intake ended: false.</param>
public sealed record DuplicateEvent(Guid Id, string EventId, string Source, DateTimeOffset OccurredAt, DateTimeOffset ReceivedAt, string Name, string? OrderId, string? VisitorId, decimal? Value,
    string? Currency, string? Sender, string? Host, int Keys, bool IsOriginal, bool IsStored);

/// <summary>Two events of a group beside each other.</summary>
/// <param name="FirstId">The original.</param>
/// <param name="SecondId">The other.</param>
/// <param name="SecondsApart">Between what they say about when it happened.</param>
/// <param name="ReceivedSecondsApart">Between their arrivals, which platforms go by.</param>
/// <param name="Facts">What platforms compare.</param>
/// <param name="Verdicts">Of each platform.</param>
public sealed record DuplicatePair(Guid FirstId, Guid SecondId, double SecondsApart, double ReceivedSecondsApart, DedupFacts Facts, IReadOnlyList<PlatformVerdict> Verdicts);

/// <summary>How to stop such duplicates.</summary>
/// <param name="Text">What it is, in sentences.</param>
/// <param name="Rule">A filter rule that does it; null = no rule can tell them apart, and the sender has to change.</param>
/// <param name="Field">The field by which the rule tells them apart.</param>
/// <param name="Value">What it keeps back in that field.</param>
/// <param name="Code">What to change in a page or a server, as an example.</param>
/// <param name="Matching">How many such events there were in the last 8 days that the rule would keep back.</param>
/// <param name="WithTwin">How many of them have a twin that still goes out; the others would no longer reach anybody.</param>
public sealed record DuplicateFix(string Text, FilterRuleValues? Rule, string? Field, string? Value, string? Code, long Matching = 0, long WithTwin = 0);

/// <summary>One group with what platforms make of it and what to do.</summary>
public sealed record DuplicateDetails(DuplicateGroup Group, IReadOnlyList<DuplicatePair> Pairs, DuplicateFix? Fix, string? IgnoredBy);

/// <summary>Which groups to list; null = all, but for state: then all that are not ended by intake.</summary>
public sealed record DuplicateFilter(DuplicateKind? Kind = null, DuplicateState? State = null, string? Name = null, DateTimeOffset? From = null, DateTimeOffset? To = null);

/// <summary>Repeats under one id that intake ended.</summary>
/// <param name="Day">In the website's time zone.</param>
/// <param name="Name">Event name.</param>
/// <param name="Source">Who told it again.</param>
/// <param name="FirstSource">Who had told it first; empty = no longer known.</param>
/// <param name="Events">How many.</param>
public sealed record RepeatCount(DateOnly Day, string Name, string Source, string FirstSource, long Events);

/// <summary>Money.</summary>
public sealed record DuplicateValue(string? Currency, decimal Value);

/// <summary>A day's duplicates.</summary>
/// <param name="Day">In the website's time zone.</param>
/// <param name="Conversions">Stored ones, no tests.</param>
/// <param name="Duplicates">Of these, how many are counted too much.</param>
public sealed record DuplicateDay(DateOnly Day, long Conversions, long Duplicates);

/// <summary>A website's duplicates in short.</summary>
/// <param name="From">From then (UTC).</param>
/// <param name="To">Before then (UTC).</param>
/// <param name="Conversions">Conversions that were stored, no tests.</param>
/// <param name="Duplicates">Of these, how many are counted too much; what people ignore or rules stopped before is not among them.</param>
/// <param name="Rate">Duplicates of conversions, 0 to 1; null without conversions.</param>
/// <param name="Groups">Open groups.</param>
/// <param name="ExtraValue">What is counted too much, by currency, the largest first.</param>
/// <param name="Paired">Conversions that browser and server told under one id, and that are counted once.</param>
/// <param name="Days">By day, oldest first.</param>
/// <param name="Repeats">What intake ended, by day, name and source.</param>
public sealed record DuplicateSummary(DateTimeOffset From, DateTimeOffset To, long Conversions, long Duplicates, double? Rate, long Groups, IReadOnlyList<DuplicateValue> ExtraValue, long Paired,
    IReadOnlyList<DuplicateDay> Days, IReadOnlyList<RepeatCount> Repeats);
