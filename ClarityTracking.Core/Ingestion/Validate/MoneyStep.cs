using System.Globalization;
using System.Text.Json;
using ClarityTracking.Core.Tenancy;

namespace ClarityTracking.Core.Ingestion.Validate;

/// <summary>Value in major units, kept to four decimals, and its currency; the website's own where the sender names none.</summary>
internal static class MoneyStep
{
    private const decimal Largest = 999_999_999_999_999m;

    public static Drop? Read(EventDraft draft, IngestContext context)
    {
        if (draft.Properties.ValueKind != JsonValueKind.Object)
            return null;
        if (draft.Properties.TryGetProperty("value"u8, out var field) && field.ValueKind != JsonValueKind.Null)
        {
            if (field.ValueKind is not (JsonValueKind.Number or JsonValueKind.String))
                return new Drop(DropReason.WrongType, "value must be a number.");
            if (!TryReadAmount(field, out var value))
                return new Drop(DropReason.ValueInvalid, "value must be an amount in major units, as 149.90.");
            draft.Value = value;
        }
        var fields = new FieldReader(draft.Properties);
        var currency = fields.Text("currency"u8, 20)?.Trim().ToUpperInvariant();
        if (fields.Drop is not null)
            return fields.Drop;
        if (currency is not null && !CurrencyCodes.IsKnown(currency))
            return new Drop(DropReason.CurrencyInvalid, "currency must be an ISO 4217 code, as EUR.");
        draft.Currency = currency ?? (draft.Value is null ? null : context.Owner.Currency);
        return null;
    }

    private static bool TryReadAmount(JsonElement field, out decimal value)
    {
        value = 0;
        var read = field.ValueKind == JsonValueKind.Number
            ? field.TryGetDecimal(out value)
            : decimal.TryParse(field.GetString(), NumberStyles.AllowLeadingSign | NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out value);
        value = Math.Round(value, 4, MidpointRounding.AwayFromZero); // 0.1 + 0.2 in a browser is 0.30000000000000004
        return read && Math.Abs(value) <= Largest;
    }
}
