using ClarityTracking.Core.Connections;
using ClarityTracking.Core.Tenancy;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;

namespace ClarityTracking.Core.Data.Configurations;

internal sealed class WorkspaceConfiguration : IEntityTypeConfiguration<Workspace>
{
    public void Configure(EntityTypeBuilder<Workspace> builder)
    {
        builder.ToTable("workspaces");
        builder.HasKey(w => w.Id);
        builder.Property(w => w.Name).HasMaxLength(200);
    }
}

internal sealed class MemberConfiguration : IEntityTypeConfiguration<Member>
{
    public void Configure(EntityTypeBuilder<Member> builder)
    {
        builder.ToTable("members");
        builder.HasKey(m => new { m.WorkspaceId, m.UserId });
        builder.Property(m => m.Role).HasMaxLength(20);
        builder.HasIndex(m => m.UserId);
        builder.HasOne<Workspace>().WithMany().HasForeignKey(m => m.WorkspaceId).OnDelete(DeleteBehavior.Cascade);
        builder.HasOne<User>().WithMany().HasForeignKey(m => m.UserId).OnDelete(DeleteBehavior.Cascade);
    }
}

internal sealed class WebsiteConfiguration : IEntityTypeConfiguration<Website>
{
    public void Configure(EntityTypeBuilder<Website> builder)
    {
        builder.ToTable("websites");
        builder.HasKey(w => new { w.WorkspaceId, w.Id });
        builder.Property(w => w.Name).HasMaxLength(200);
        builder.Property(w => w.Domain).HasMaxLength(253);
        builder.Property(w => w.Currency).HasMaxLength(3);
        builder.Property(w => w.TimeZone).HasMaxLength(64);
        builder.Property(w => w.DefaultCountry).HasMaxLength(2);
        builder.Property(w => w.ScriptAlias).HasMaxLength(ScriptAlias.Longest);
        // of all tenants, because a path does not tell whose it is
        builder.HasIndex(w => w.ScriptAlias).IsUnique();
        builder.HasOne<Workspace>().WithMany().HasForeignKey(w => w.WorkspaceId).OnDelete(DeleteBehavior.Cascade);
    }
}

internal sealed class ApiKeyConfiguration : IEntityTypeConfiguration<ApiKey>
{
    public void Configure(EntityTypeBuilder<ApiKey> builder)
    {
        builder.ToTable("api_keys");
        builder.HasKey(k => new { k.WorkspaceId, k.Id });
        // The one index that does not begin with the workspace: a key is what tells which workspace a request is for.
        builder.HasIndex(k => k.Hash).IsUnique();
        builder.HasIndex(k => new { k.WorkspaceId, k.WebsiteId });
        builder.Property(k => k.Kind).HasMaxLength(20);
        builder.Property(k => k.Name).HasMaxLength(200);
        builder.Property(k => k.Publishable).HasMaxLength(100);
        builder.Property(k => k.Hint).HasMaxLength(40);
        builder.HasOne<Website>().WithMany().HasForeignKey(k => new { k.WorkspaceId, k.WebsiteId }).OnDelete(DeleteBehavior.Cascade);
    }
}

internal sealed class ConnectionConfiguration : IEntityTypeConfiguration<Connection>
{
    public void Configure(EntityTypeBuilder<Connection> builder)
    {
        builder.ToTable("connections");
        builder.HasKey(c => new { c.WorkspaceId, c.Id });
        builder.HasIndex(c => new { c.WorkspaceId, c.WebsiteId });
        builder.Property(c => c.Platform).HasMaxLength(40);
        builder.Property(c => c.Name).HasMaxLength(200);
        builder.Property(c => c.Settings).HasColumnType("jsonb");
        builder.Property(c => c.State).HasMaxLength(20);
        builder.Property(c => c.StateReason).HasMaxLength(1000);
        builder.Property(c => c.WebhookToken).HasMaxLength(64);
        builder.HasIndex(c => c.WebhookToken).IsUnique();
        builder.HasOne<Website>().WithMany().HasForeignKey(c => new { c.WorkspaceId, c.WebsiteId }).OnDelete(DeleteBehavior.Cascade);
    }
}

internal sealed class AuditEntryConfiguration : IEntityTypeConfiguration<AuditEntry>
{
    public void Configure(EntityTypeBuilder<AuditEntry> builder)
    {
        builder.ToTable("audit_log");
        builder.HasKey(a => new { a.WorkspaceId, a.Id });
        builder.Property(a => a.Actor).HasMaxLength(256);
        builder.Property(a => a.Action).HasMaxLength(80);
        builder.Property(a => a.Subject).HasMaxLength(200);
        builder.Property(a => a.Detail).HasMaxLength(2000);
        builder.Property(a => a.Ip).HasMaxLength(45);
        builder.HasOne<Workspace>().WithMany().HasForeignKey(a => a.WorkspaceId).OnDelete(DeleteBehavior.Cascade);
    }
}

internal sealed class DataProtectionKeyConfiguration : IEntityTypeConfiguration<DataProtectionKey>
{
    public void Configure(EntityTypeBuilder<DataProtectionKey> builder)
    {
        builder.ToTable("data_protection_keys");
        builder.HasKey(k => k.Id);
        builder.Property(k => k.FriendlyName).HasMaxLength(200);
    }
}
