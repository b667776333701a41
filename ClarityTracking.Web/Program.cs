using ClarityTracking.Core;
using ClarityTracking.Core.Data;
using ClarityTracking.Web.Account;
using ClarityTracking.Web.Components;
using ClarityTracking.Web.Endpoints;
using ClarityTracking.Web.Hosting;
using ClarityTracking.Web.Jobs;
using ClarityTracking.Web.Security;

var builder = ClarityHost.CreateBuilder(args);
var roles = NodeRolesText.Parse(builder.Configuration["Clarity:Roles"]);
await using var installation = await Installation.PrepareAsync(builder.Configuration, builder.Environment, CancellationToken.None);

builder.Services.AddClarityCore(installation.ConnectionString, installation.MasterKey, roles);
builder.Services.AddClaritySecurity(builder.Configuration);
builder.Services.AddApi();
if (roles.HasFlag(NodeRoles.Worker))
    builder.Services.AddClarityJobs(installation.ConnectionString);

// Dashboard: pages on circuits, sign-in by cookie
builder.Services.AddAccountCookies();
builder.Services.AddDashboard();

var app = builder.Build();
await DataServices.MigrateAsync(app.Services, CancellationToken.None);

app.UseScriptAliases();
app.UseNotFoundPage();
app.UseClaritySecurity();
app.UseAntiforgery();

app.MapStaticAssets();
app.MapHealth();
if (roles.HasFlag(NodeRoles.Collect))
{
    app.MapCollect();
    app.MapWebhookIntake();
    app.MapLinkRedirect();
    app.MapConversionIntake();
    app.MapTracker();
}
if (roles.HasFlag(NodeRoles.Web))
{
    app.MapApi();
    app.MapDashboard();
}

app.AnnounceStart(installation, roles);
await app.RunAsync();
