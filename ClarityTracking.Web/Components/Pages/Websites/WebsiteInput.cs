using ClarityTracking.Core.Tenancy;

namespace ClarityTracking.Web.Components.Pages.Websites;

/// <summary>What is typed about a website.</summary>
public sealed class WebsiteInput
{
    public string Name { get; set; } = "";

    public string Domain { get; set; } = "";

    public string Currency { get; set; } = "EUR";

    public string TimeZone { get; set; } = "UTC";

    /// <summary>Empty = unknown.</summary>
    public string Country { get; set; } = "";

    public bool PrivacyMode { get; set; }

    /// <summary>What stands in an existing website.</summary>
    public static WebsiteInput Of(WebsiteInfo website) => new()
    {
        Name = website.Name,
        Domain = website.Domain,
        Currency = website.Currency,
        TimeZone = website.TimeZone,
        Country = website.DefaultCountry ?? "",
        PrivacyMode = website.PrivacyMode,
    };

    public WebsiteValues ToValues() => new(Name, Domain, Currency, TimeZone, Country, PrivacyMode);
}
