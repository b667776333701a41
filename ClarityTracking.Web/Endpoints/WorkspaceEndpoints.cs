using ClarityTracking.Core;
using ClarityTracking.Core.Tenancy;
using Microsoft.AspNetCore.Http.HttpResults;

namespace ClarityTracking.Web.Endpoints;

/// <summary>Workspaces, members, audit log.</summary>
public static class WorkspaceEndpoints
{
    /// <summary>A new workspace.</summary>
    public sealed record NewWorkspace(string? Name);

    /// <summary>A member by the email of an existing account.</summary>
    public sealed record NewMember(string? Email, Role? Role);

    /// <summary>What a member may do.</summary>
    public sealed record MemberRole(Role? Role);

    public static void MapWorkspaces(this RouteGroupBuilder api)
    {
        var group = api.MapGroup("/workspaces").WithTags("Workspaces");
        group.MapGet("", ListAsync);
        group.MapPost("", CreateAsync);
        group.MapGet("/{id:guid}/members", MembersAsync);
        group.MapPost("/{id:guid}/members", AddMemberAsync);
        group.MapPatch("/{id:guid}/members/{userId:guid}", ChangeMemberAsync);
        group.MapDelete("/{id:guid}/members/{userId:guid}", RemoveMemberAsync);
        group.MapGet("/{id:guid}/audit-log", AuditLogAsync);
    }

    internal static async Task<Ok<Page<WorkspaceInfo>>> ListAsync(Caller caller, WorkspaceService workspaces, CancellationToken cancel) =>
        TypedResults.Ok(new Page<WorkspaceInfo>(await workspaces.ListAsync(caller, cancel), null));

    internal static async Task<Results<Created<WorkspaceInfo>, ProblemHttpResult>> CreateAsync(
        NewWorkspace workspace, Caller caller, WorkspaceService workspaces, CancellationToken cancel) =>
        (await workspaces.CreateAsync(caller, workspace.Name, cancel)).Created(w => w, w => $"/api/workspaces/{w.Id}");

    internal static async Task<Results<Ok<Page<MemberInfo>>, ProblemHttpResult>> MembersAsync(
        Guid id, Caller caller, WorkspaceService workspaces, CancellationToken cancel) =>
        (await workspaces.MembersAsync(caller, id, cancel)).Whole();

    internal static async Task<Results<Created<MemberInfo>, ProblemHttpResult>> AddMemberAsync(
        Guid id, NewMember member, Caller caller, WorkspaceService workspaces, CancellationToken cancel) =>
        (await workspaces.AddMemberAsync(caller, id, member.Email, member.Role ?? Role.Viewer, cancel)).Created(m => m, m => $"/api/workspaces/{id}/members/{m.UserId}");

    internal static async Task<Results<NoContent, ProblemHttpResult>> ChangeMemberAsync(
        Guid id, Guid userId, MemberRole member, Caller caller, WorkspaceService workspaces, CancellationToken cancel) =>
        member.Role is { } role
            ? (await workspaces.ChangeMemberAsync(caller, id, userId, role, cancel)).NoContent()
            : Security.Problems.From(Error.Invalid(new Core.Destinations.FieldError("role", "role is missing.")));

    internal static async Task<Results<NoContent, ProblemHttpResult>> RemoveMemberAsync(
        Guid id, Guid userId, Caller caller, WorkspaceService workspaces, CancellationToken cancel) =>
        (await workspaces.ChangeMemberAsync(caller, id, userId, null, cancel)).NoContent();

    internal static async Task<Results<Ok<Page<AuditInfo>>, ProblemHttpResult>> AuditLogAsync(
        Guid id, Caller caller, WorkspaceService workspaces, CancellationToken cancel, Guid? cursor = null, int limit = Page.DefaultLimit) =>
        (await workspaces.AuditLogAsync(caller, id, cursor, limit, cancel)).Ok();
}
