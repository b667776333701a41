namespace ClarityTracking.Core.Ingestion.Validate;
public static class BotVerdict { public static string? ReasonFor(string? userAgent) => null; }
