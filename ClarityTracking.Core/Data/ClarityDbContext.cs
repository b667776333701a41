using System.Text.Json;
using ClarityTracking.Core.Connections;
using ClarityTracking.Core.Delivery;
using ClarityTracking.Core.Ingestion.Store;
using ClarityTracking.Core.Reports;
using ClarityTracking.Core.Tenancy;
using Microsoft.AspNetCore.Identity;
using Microsoft.AspNetCore.Identity.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.ChangeTracking;
using Microsoft.EntityFrameworkCore.Metadata.Builders;
using Microsoft.EntityFrameworkCore.Storage.ValueConversion;

namespace ClarityTracking.Core.Data;

/// <summary>
/// The one database context. Never made with <c>new</c>: <see cref="ClarityDb"/> makes it, narrowed to a caller or as the system.
/// Large time-ordered tables (events, dropped_events, deliveries, delivery_attempts, delivery_calls) are mapped for reading only;
/// they are written by COPY and made by the migration <c>EventLog</c>.
/// </summary>
public sealed class ClarityDbContext(DbContextOptions<ClarityDbContext> options) : IdentityUserContext<User, Guid>(options)
{
    /// <summary>What the connection is narrowed to; set by <see cref="ClarityDb"/>. A context without one refuses to open.</summary>
    public DbScope? Scope { get; internal set; }

    public DbSet<Workspace> Workspaces => Set<Workspace>();
    public DbSet<Member> Members => Set<Member>();
    public DbSet<Website> Websites => Set<Website>();
    public DbSet<ApiKey> ApiKeys => Set<ApiKey>();
    public DbSet<Connection> Connections => Set<Connection>();
    public DbSet<AuditEntry> AuditLog => Set<AuditEntry>();
    public DbSet<Event> Events => Set<Event>();
    public DbSet<DroppedEvent> DroppedEvents => Set<DroppedEvent>();
    public DbSet<Delivery.Delivery> Deliveries => Set<Delivery.Delivery>();
    public DbSet<DeliveryAttempt> DeliveryAttempts => Set<DeliveryAttempt>();
    public DbSet<DeliveryCall> DeliveryCalls => Set<DeliveryCall>();
    public DbSet<EventRollup> EventRollups => Set<EventRollup>();
    public DbSet<KeyRollup> KeyRollups => Set<KeyRollup>();
    public DbSet<DeliveryRollup> DeliveryRollups => Set<DeliveryRollup>();
    public DbSet<DataProtectionKey> DataProtectionKeys => Set<DataProtectionKey>();

    protected override void OnModelCreating(ModelBuilder builder)
    {
        base.OnModelCreating(builder);
        builder.ApplyConfigurationsFromAssembly(typeof(ClarityDbContext).Assembly);
        builder.Entity<User>().ToTable("users");
        builder.Entity<User>().Property(u => u.Name).HasMaxLength(200);
        builder.Entity<IdentityUserClaim<Guid>>().ToTable("user_claims");
        builder.Entity<IdentityUserLogin<Guid>>().ToTable("user_logins");
        builder.Entity<IdentityUserToken<Guid>>().ToTable("user_tokens");
        foreach (var entity in builder.Model.GetEntityTypes())
            SnakeCase(entity);
    }

    private static void SnakeCase(Microsoft.EntityFrameworkCore.Metadata.IMutableEntityType entity)
    {
        foreach (var property in entity.GetProperties())
        {
            property.SetColumnName(JsonNamingPolicy.SnakeCaseLower.ConvertName(property.Name));
            var type = Nullable.GetUnderlyingType(property.ClrType) ?? property.ClrType;
            if (type.IsEnum)
                property.SetValueConverter((ValueConverter)Activator.CreateInstance(typeof(EnumConverter<>).MakeGenericType(type))!);
        }
        foreach (var key in entity.GetKeys())
            key.SetName(JsonNamingPolicy.SnakeCaseLower.ConvertName(key.GetDefaultName() ?? "")?.Replace("p_k_", "pk_", StringComparison.Ordinal));
        foreach (var key in entity.GetForeignKeys())
            key.SetConstraintName(key.GetDefaultName()?.ToLowerInvariant());
        foreach (var index in entity.GetIndexes())
            index.SetDatabaseName(index.GetDefaultDatabaseName()?.ToLowerInvariant());
    }

    private sealed class EnumConverter<T>() : ValueConverter<T, string>(v => v.Word(), s => EnumText.Parse<T>(s)!.Value)
        where T : struct, Enum;
}

/// <summary>Columns of JSON objects, read with the product's own options.</summary>
internal static class JsonColumn
{
    /// <summary>snake_case, as the intake contract writes it.</summary>
    public static readonly JsonSerializerOptions Options = new() { PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower };

    /// <summary>Maps a property to a jsonb column that may be NULL; the entity's getter says what NULL reads as.</summary>
    public static PropertyBuilder<T> IsJson<T>(this PropertyBuilder<T> property) => property.HasColumnType("jsonb").IsRequired(false)
        .HasConversion(v => JsonSerializer.Serialize(v, Options), s => JsonSerializer.Deserialize<T>(s, Options)!, ReadOnce<T>.Comparer);

    /// <summary>These columns are never changed through EF, so an object is equal to itself alone.</summary>
    private static class ReadOnce<T>
    {
        public static readonly ValueComparer<T> Comparer = new((a, b) => ReferenceEquals(a, b), v => v == null ? 0 : v.GetHashCode());
    }
}
