using Microsoft.AspNetCore.Identity;

namespace ClarityTracking.Core.Tenancy;

/// <summary>The options of Identity that shape its tables; the same at run time and for migrations.</summary>
public static class IdentitySchema
{
    public static void Configure(IdentityOptions options)
    {
        options.Stores.SchemaVersion = IdentitySchemaVersions.Version2;
        options.Stores.MaxLengthForKeys = 128;
    }
}
