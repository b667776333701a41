using System.Globalization;

namespace ClarityTracking.Core.Attribution.Matching;

/// <summary>Says in words what speaks for a match and against it, the strongest first.</summary>
public static class MatchReasons
{
    /// <summary>Levels worth a sentence, those that decide first.</summary>
    private static readonly (string Level, string Words)[] For =
    [
        ("click=equal", "same ad click"), ("visitor=equal", "same browser"), ("email=equal", "same email"), ("email=hash", "same email (from the mailing's hash)"), ("phone=equal", "same phone"),
        ("event=call2", "tapped the phone number within two minutes before"), ("event=call6", "tapped the phone number within six minutes before"),
        ("event=open2", "went to the booking page within two minutes before"), ("event=open6", "went to the booking page within six minutes before"), ("event=call", "tapped the phone number just before"),
        ("event=open", "went to the booking page just before"),
        ("email=near1", "email differs by one slip"), ("email=near2", "email differs by two slips"), ("email=local", "same email name at another provider"), ("phone=near", "phone differs by one slip"),
        ("phone=end", "same last digits of the phone"), ("name=equal", "same name"), ("name=nick", "name similar (short form)"), ("name=near", "name similar"), ("name=initial", "name similar (initial)"),
        ("contact=sure", "shares contact data with a visitor who is the customer"), ("contact=high", "shares contact data with a visitor who probably is the customer"),
        ("home=sure", "same internet address as a visitor who is the customer"), ("home=high", "same internet address as a visitor who probably is the customer"),
        ("ip=nowrare", "same internet address minutes before"), ("ip=nowfew", "same internet address minutes before"), ("ip=nowcommon", "same shared internet address minutes before"), ("ip=rare", "same internet address"),
        ("ip=few", "same internet address"), ("ip=common", "same internet address, which many share"), ("mail=full", "email made of the name"), ("mail=surname", "email made of the family name"),
        ("name=surname", "same family name"), ("place=equal", "same location"), ("service=equal", "same service"), ("agent=equal", "same kind of device and browser"),
    ];

    private static readonly (string Level, string Words)[] Against =
    [
        ("name=other", "another name"), ("email=other", "another email"), ("phone=other", "another phone"), ("visitor=other", "another browser"), ("place=other", "another location"),
        ("service=other", "another service"), ("agent=other", "another device"), ("rival=sure", "another visitor fits better"), ("rival=high", "another visitor fits well too"),
    ];

    /// <summary>Sentences for an answer.</summary>
    /// <param name="answer">The answer.</param>
    /// <param name="at">When the conversion was made.</param>
    public static IReadOnlyList<string> Of(MatchAnswer answer, DateTimeOffset at)
    {
        if (answer.Touch is null)
            return [answer.Touches.Count == 0 ? "nobody who fits the customer came from a campaign, a search or a referral in the 30 days before" : "visitors who may be the customer fit too weakly to name one"];
        if (answer.IsRecorded)
            return ["recorded with this click", $"clicked {Before(at - answer.Touch.At)}"];
        var levels = answer.Levels;
        var words = For.Where(f => levels.Contains(f.Level)).Select(f => f.Words).Distinct().Take(5).ToList();
        words.Add($"{(answer.Touch.Kind == TouchKind.PlatformLead ? "filled in an ad's form" : "clicked")} {Before(at - answer.Touch.At)}");
        var against = Against.Where(f => levels.Contains(f.Level)).Select(f => f.Words).Take(3).ToList();
        if (against.Count > 0)
            words.Add($"but {string.Join(", ", against)}");
        return words;
    }

    /// <summary>A span as people say it.</summary>
    internal static string Before(TimeSpan span) => span switch
    {
        { TotalMinutes: < 2 } => "just before",
        { TotalHours: < 2 } => Count((int)span.TotalMinutes, "minute"),
        { TotalDays: < 2 } => Count((int)span.TotalHours, "hour"),
        _ => Count((int)span.TotalDays, "day"),
    };

    private static string Count(int count, string unit) => string.Create(CultureInfo.InvariantCulture, $"{count} {unit}{(count == 1 ? "" : "s")} before");
}
