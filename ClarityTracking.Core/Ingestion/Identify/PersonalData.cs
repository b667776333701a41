namespace ClarityTracking.Core.Ingestion.Identify;

/// <summary>The person as the sender described them, unnormalised. Every list is empty rather than null.</summary>
public sealed record UserData
{
    /// <summary>Email addresses.</summary>
    public IReadOnlyList<string> Email { get; init; } = [];

    /// <summary>Phone numbers in any writing.</summary>
    public IReadOnlyList<string> Phone { get; init; } = [];

    /// <summary>Given name.</summary>
    public string? FirstName { get; init; }

    /// <summary>Family name.</summary>
    public string? LastName { get; init; }

    /// <summary>City.</summary>
    public string? City { get; init; }

    /// <summary>State, province or region.</summary>
    public string? State { get; init; }

    /// <summary>Postal code.</summary>
    public string? Zip { get; init; }

    /// <summary>Country, ISO 3166-1 alpha-2 preferred.</summary>
    public string? Country { get; init; }

    /// <summary>Gender in words or a letter.</summary>
    public string? Gender { get; init; }

    /// <summary>Date of birth, ISO 8601 preferred.</summary>
    public string? DateOfBirth { get; init; }

    /// <summary>The customer's own ids of the person.</summary>
    public IReadOnlyList<string> ExternalId { get; init; } = [];

    /// <summary>Company name.</summary>
    public string? Company { get; init; }

    /// <summary>True when nothing is known.</summary>
    public bool IsEmpty => this == Nothing || (Email.Count == 0 && Phone.Count == 0 && ExternalId.Count == 0 && FirstName is null && LastName is null
        && City is null && State is null && Zip is null && Country is null && Gender is null && DateOfBirth is null && Company is null);

    /// <summary>Nothing known.</summary>
    public static readonly UserData Nothing = new();
}

/// <summary>Everything readable about a person in one event; the part of an event that is stored encrypted.</summary>
/// <param name="User">What the sender told; null when nothing.</param>
/// <param name="Ip">The visitor's address; null when not known or only private.</param>
public sealed record PersonalData(UserData? User, string? Ip);
