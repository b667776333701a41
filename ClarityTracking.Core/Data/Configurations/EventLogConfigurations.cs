using ClarityTracking.Core.Delivery;
using ClarityTracking.Core.Ingestion.Identify;
using ClarityTracking.Core.Ingestion.Store;
using ClarityTracking.Core.Reports;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;

namespace ClarityTracking.Core.Data.Configurations;

// Tables of this file are made by Data/Sql/event_log.sql (partitions, which EF cannot describe) and only read through EF.

internal sealed class EventConfiguration : IEntityTypeConfiguration<Event>
{
    public void Configure(EntityTypeBuilder<Event> builder)
    {
        builder.ToTable("events", t => t.ExcludeFromMigrations());
        builder.HasKey(e => new { e.WorkspaceId, e.WebsiteId, e.Id });
        builder.Property(e => e.ClickIds).IsJson();
        builder.Property(e => e.Cookies).IsJson();
        builder.Property(e => e.Utm).IsJson();
        builder.Property(e => e.Consent).IsJson();
        builder.Property(e => e.Properties).HasColumnType("jsonb").HasConversion(
            p => p.GetRawText(), s => System.Text.Json.JsonDocument.Parse(s, default).RootElement);
        builder.Property(e => e.Redacted).IsJson();
        builder.Property(e => e.MatchKeys).HasColumnType("jsonb").IsRequired(false).HasConversion(
            k => System.Text.Json.JsonSerializer.Serialize(k.Values, JsonColumn.Options),
            s => new MatchKeys(System.Text.Json.JsonSerializer.Deserialize<Dictionary<string, IReadOnlyList<string>>>(s, JsonColumn.Options)!));
        // sealed; PersonalDataSealer opens it where that is allowed
        builder.Ignore(e => e.Personal);
        builder.Property<byte[]?>("PersonalSealed");
    }
}

internal sealed class DroppedEventConfiguration : IEntityTypeConfiguration<DroppedEvent>
{
    public void Configure(EntityTypeBuilder<DroppedEvent> builder)
    {
        builder.ToTable("dropped_events", t => t.ExcludeFromMigrations());
        builder.HasKey(e => new { e.WorkspaceId, e.WebsiteId, e.Id });
        builder.Ignore(e => e.Source);
    }
}

internal sealed class DeliveryConfiguration : IEntityTypeConfiguration<Delivery.Delivery>
{
    public void Configure(EntityTypeBuilder<Delivery.Delivery> builder)
    {
        builder.ToView("delivery_states");
        builder.HasKey(d => new { d.WorkspaceId, d.WebsiteId, d.Id });
    }
}

internal sealed class DeliveryAttemptConfiguration : IEntityTypeConfiguration<DeliveryAttempt>
{
    public void Configure(EntityTypeBuilder<DeliveryAttempt> builder)
    {
        builder.ToTable("delivery_attempts", t => t.ExcludeFromMigrations());
        builder.HasKey(a => new { a.WorkspaceId, a.DeliveryId, a.Id });
    }
}

internal sealed class DeliveryCallConfiguration : IEntityTypeConfiguration<DeliveryCall>
{
    public void Configure(EntityTypeBuilder<DeliveryCall> builder)
    {
        builder.ToTable("delivery_calls", t => t.ExcludeFromMigrations());
        builder.HasKey(c => new { c.WorkspaceId, c.Id });
    }
}

internal sealed class EventRollupConfiguration : IEntityTypeConfiguration<EventRollup>
{
    public void Configure(EntityTypeBuilder<EventRollup> builder)
    {
        builder.ToTable("event_rollups", t => t.ExcludeFromMigrations());
        builder.HasKey(r => new { r.WorkspaceId, r.WebsiteId, r.Hour, r.Name, r.IsTest });
    }
}

internal sealed class KeyRollupConfiguration : IEntityTypeConfiguration<KeyRollup>
{
    public void Configure(EntityTypeBuilder<KeyRollup> builder)
    {
        builder.ToTable("key_rollups", t => t.ExcludeFromMigrations());
        builder.HasKey(r => new { r.WorkspaceId, r.WebsiteId, r.Hour, r.Name, r.Key });
    }
}

internal sealed class DeliveryRollupConfiguration : IEntityTypeConfiguration<DeliveryRollup>
{
    public void Configure(EntityTypeBuilder<DeliveryRollup> builder)
    {
        builder.ToTable("delivery_rollups", t => t.ExcludeFromMigrations());
        builder.HasKey(r => new { r.WorkspaceId, r.WebsiteId, r.ConnectionId, r.Hour, r.Name, r.Status, r.Reason });
    }
}
