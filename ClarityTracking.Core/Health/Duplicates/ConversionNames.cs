using System.Collections.Frozen;
using ClarityTracking.Core.Ingestion.Validate;

namespace ClarityTracking.Core.Health.Duplicates;

/// <summary>Which events are conversions, which names mean the same, and which order numbers are none.</summary>
internal static class ConversionNames
{
    /// <summary>Event types of the contract that count as conversions here; page views and the like repeat by nature.</summary>
    public static readonly IReadOnlyList<string> Standard =
        ["purchase", "lead", "schedule", "complete_registration", "subscribe", "contact", "course_enrollment", "newsletter_signup"];

    /// <summary>Event types of the contract that do not. An own event counts when it has a value or an order number.</summary>
    public static readonly IReadOnlyList<string> Others = [.. EnvelopeStep.EventTypes.Except(Standard).Order(StringComparer.Ordinal)];

    /// <summary>Own names of what the contract has a name for, as platforms and shops write them; without case and punctuation.</summary>
    private static readonly FrozenDictionary<string, string> SameAs = new Dictionary<string, string>(StringComparer.Ordinal)
    {
        ["purchase"] = "purchase",
        ["ordercompleted"] = "purchase",
        ["orderplaced"] = "purchase",
        ["placeanorder"] = "purchase",
        ["completepayment"] = "purchase",
        ["checkoutcompleted"] = "purchase",
        ["lead"] = "lead",
        ["generatelead"] = "lead",
        ["signup"] = "complete_registration",
        ["completeregistration"] = "complete_registration",
        ["subscribe"] = "subscribe",
        ["schedule"] = "schedule",
        ["contact"] = "contact",
    }.ToFrozenDictionary(StringComparer.Ordinal);

    /// <summary>What templates and scripts send where they know no number.</summary>
    private static readonly FrozenSet<string> NoOrders =
        new[] { "0", "-", "NULL", "UNDEFINED", "NONE", "NAN", "N/A", "NA", "FALSE", "TRUE", "UNKNOWN", "TEST", "ORDER_ID", "ORDERID", "[OBJECT OBJECT]" }.ToFrozenSet(StringComparer.Ordinal);

    /// <summary>The name under which a conversion is compared; null for what gives money back or takes something back, which repeats by nature.</summary>
    public static string? FamilyOf(string name)
    {
        var plain = string.Concat(name.Where(char.IsLetterOrDigit)).ToLowerInvariant();
        if (plain.Contains("refund", StringComparison.Ordinal) || plain.Contains("cancel", StringComparison.Ordinal) || plain.Contains("reschedule", StringComparison.Ordinal))
            return null;
        return SameAs.GetValueOrDefault(plain) ?? name;
    }

    /// <summary>An order number as it is compared; null when there is none.</summary>
    public static string? OrderOf(string? orderId)
    {
        var order = orderId?.Trim().TrimStart('#').ToUpperInvariant();
        return string.IsNullOrEmpty(order) || NoOrders.Contains(order) || order.Contains("{{", StringComparison.Ordinal) || order.Contains("%%", StringComparison.Ordinal) ? null : order;
    }
}
