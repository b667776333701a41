using ClarityTracking.Core.Conversions;

namespace ClarityTracking.Core.Attribution.Reports;

/// <summary>The conversions behind a number of a report.</summary>
internal static class ConversionRows
{
    public static Page<CreditedConversion> Page(AttributionData data, string? key, bool unattributed, ConversionStatus? status, Guid? cursor, int limit)
    {
        var journeyOf = new Dictionary<int, int>();
        for (var j = 0; j < data.ConversionOf.Count; j++)
            if (data.ConversionOf[j] >= 0)
                journeyOf[data.ConversionOf[j]] = j;
        var keyPlace = key is null ? -1 : data.Journeys.Keys.ToList().IndexOf(key);
        var rows = new List<CreditedConversion>();
        var isPast = cursor is null;
        for (var i = data.Conversions.Count - 1; i >= 0 && rows.Count <= limit; i--)
        {
            var conversion = data.Conversions[i];
            if (!isPast)
            {
                isPast = conversion.Id == cursor;
                continue;
            }
            var hasPath = journeyOf.TryGetValue(i, out var journey);
            if ((unattributed && hasPath) || (status is { } only && conversion.Status != only))
                continue;
            double? share = null;
            if (key is not null)
            {
                if (keyPlace < 0 || !hasPath || !data.Journeys.KeysOf(journey).Contains(keyPlace))
                    continue;
                share = data.Ask.Model.IsByConversion() ? ShareOf(data, i, keyPlace) : null;
                if (share is <= 0)
                    continue;
            }
            rows.Add(new CreditedConversion(conversion.Id, conversion.SenderId, conversion.Number, conversion.Kind, conversion.Name, conversion.Status, conversion.OccurredAt, conversion.Value,
                conversion.Refunded, conversion.Currency, share, (double)conversion.Revenue * (share ?? 1), conversion.Confidence, conversion.Decision, Touches(data, i)));
        }
        return Core.Page.Of(rows, limit, r => r.Id);
    }

    /// <summary>The key's share of one conversion: the model's answer when there is nothing else.</summary>
    private static double ShareOf(AttributionData data, int conversion, int key)
    {
        var alone = new Journeys();
        foreach (var name in data.Journeys.Keys)
            alone.Key(name, name == AttributionReader.Direct);
        alone.Add([.. data.Touches[conversion].Select(t => t.ToTouch())], data.Conversions[conversion].OccurredAt.ToUnixTimeMilliseconds(), 1);
        return data.Ask.Model.Run(alone, data.Ask.Order)[key].Conversions;
    }

    private static List<ConversionTouch> Touches(AttributionData data, int conversion)
    {
        var end = data.Conversions[conversion].OccurredAt;
        return [.. data.Touches[conversion].Select(t =>
        {
            var days = (int)Math.Floor((end - t.At).TotalDays);
            var key = data.Journeys.Keys[t.Key];
            return new ConversionTouch(t.At, key, AttributionReports.Named(data, key).Name, days, t.Confidence, days >= 0 && days <= t.WindowDays);
        })];
    }
}
