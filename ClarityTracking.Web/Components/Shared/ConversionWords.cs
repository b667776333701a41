using ClarityTracking.Core.Conversions;

namespace ClarityTracking.Web.Components.Shared;

/// <summary>Conversions in words.</summary>
public static class ConversionWords
{
    /// <summary>What it is.</summary>
    public static string Kind(ConversionKind kind) => kind switch
    {
        ConversionKind.Order => "Order",
        ConversionKind.Payment => "Payment",
        ConversionKind.Booking => "Booking",
        ConversionKind.Membership => "Membership",
        ConversionKind.Lead => "Lead",
        ConversionKind.Deal => "Deal",
        ConversionKind.Manual => "Conversion",
    };

    /// <summary>What it is, and which: <c>Order #1001</c>.</summary>
    public static string Title(ConversionInfo conversion) =>
        $"{(conversion.Kind == ConversionKind.Manual && conversion.Name is { } name ? EventWords.Name(name) : Kind(conversion.Kind))} {Words.Middle(conversion.Number ?? Short(conversion.SenderId), 24)}";

    /// <summary>Of an id that is an address, its last part.</summary>
    private static string Short(string senderId) => senderId.StartsWith("https://", StringComparison.Ordinal) ? senderId[(senderId.LastIndexOf('/') + 1)..] : senderId;

    /// <summary>Who told it, where that is no connection.</summary>
    public static string Source(string source) => source switch
    {
        "api" => "Conversions API",
        TrackedConversions.Source => "The website's own events",
        _ => source,
    };

    /// <summary>Its value after refunds, with the whole where something was given back; an en dash when it has none.</summary>
    public static string Value(ConversionInfo conversion) => conversion.Value is not { } value ? "–" : Words.Money(value, conversion.Currency);
}
