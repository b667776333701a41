using System.Text.Json;
using ClarityTracking.Core.Connections.OAuth;
using ClarityTracking.Core.Data;
using ClarityTracking.Core.Destinations;
using ClarityTracking.Core.Inbound;
using ClarityTracking.Core.Tenancy;
using Microsoft.EntityFrameworkCore;

namespace ClarityTracking.Core.Connections;

/// <summary>A secret after its change.</summary>
/// <param name="Connection">The connection.</param>
/// <param name="Secret">The new one in the clear, when we chose it: shown this once. Null = the caller gave it.</param>
public sealed record RotatedSecret(ConnectionDetails Connection, string? Secret);

/// <summary>Changes the secrets that sources sign with.</summary>
public sealed class SourceSecrets(ClarityDb database, ConnectionService connections, PlatformCatalog catalog, SourceDirectory directory, TimeProvider clock)
{
    /// <summary>
    /// A new secret for a source; the present one stays valid beside it, so that nothing is lost while the sender's side is changed. Take the old
    /// one out afterwards by setting <c>webhook_secret_previous</c> to null.
    /// </summary>
    /// <param name="caller">Admin of the website.</param>
    /// <param name="websiteId">The website.</param>
    /// <param name="id">The connection.</param>
    /// <param name="secret">The sender's new secret; null = we choose one, where it is ours to choose.</param>
    /// <param name="cancel">Cancels before the commit.</param>
    public async Task<Result<RotatedSecret>> RotateAsync(Caller caller, Guid websiteId, Guid id, string? secret, CancellationToken cancel)
    {
        await using var db = database.For(caller);
        await using var transaction = await db.Database.BeginTransactionAsync(cancel);
        await OAuthRows.LockAsync(db, id, cancel);
        var found = await ConnectionService.FindAsync(db, caller, websiteId, id, Role.Admin, cancel);
        if (!found.IsOk)
            return found.Error;
        var connection = found.Value;
        if (catalog.Find(connection.Platform) is not { Source: { } source } known)
            return new Error(ErrorKind.Invalid, "not_a_source", "Only sources have a webhook secret.", []);
        var credentials = connections.Opened(connection);
        if (ConnectionJson.Text(credentials, SourceFields.Secret) is not { } present)
            return Error.Invalid(new FieldError("credentials.webhook_secret", "There is no secret yet; set it instead of changing it."));
        var typed = secret?.Trim() is { Length: > 0 } given ? given : null;
        if ((typed ?? source.NewSecret()) is not { } fresh)
            return Error.Invalid(new FieldError("secret", $"{known.DisplayName} makes the secret itself: make a new one there and give it here."));
        if (fresh == present)
            return Error.Invalid(new FieldError("secret", "This is the present secret."));
        var changed = ConnectionService.Merged(credentials, JsonSerializer.SerializeToElement(new Dictionary<string, string> { [SourceFields.Secret] = fresh, [SourceFields.PreviousSecret] = present }));
        var errors = known.Check(JsonElement.Parse(connection.Settings), changed);
        if (errors.Count > 0)
            return Error.Invalid([.. errors.Select(e => e.Field == "credentials.webhook_secret" ? e with { Field = "secret" } : e)]);
        var now = clock.GetUtcNow();
        await connections.ReplaceCredentialsAsync(db, connection, changed, now, cancel);
        db.Audit(connection.WorkspaceId, caller, "connection.secret_rotated", $"connection {id}", null, now);
        await db.SaveChangesAsync(cancel);
        await transaction.CommitAsync(cancel);
        directory.Forget();
        return new RotatedSecret(connections.Info(connection), typed is null ? fresh : null);
    }
}
