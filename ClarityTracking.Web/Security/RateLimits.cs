namespace ClarityTracking.Web.Security;
public static class RateLimits { public const string Collect = "collect"; }
