using ClarityTracking.Core;
using ClarityTracking.Core.Data;
using ClarityTracking.Web.Endpoints;
using ClarityTracking.Web.Hosting;
using ClarityTracking.Web.Jobs;
using ClarityTracking.Web.Security;

var builder = ClarityHost.CreateBuilder(args);
var roles = NodeRolesText.Parse(builder.Configuration["Clarity:Roles"]);
await using var installation = await Installation.PrepareAsync(builder.Configuration, builder.Environment, CancellationToken.None);

builder.Services.AddClarityCore(installation.ConnectionString, installation.MasterKey, roles);
if (roles.HasFlag(NodeRoles.Worker))
    builder.Services.AddClarityJobs(installation.ConnectionString);

builder.Services.AddCors(Cors.Configure);
builder.Services.AddProblemDetails();
builder.Services.AddRateLimiter(o => o.AddPolicy(RateLimits.Collect, _ => System.Threading.RateLimiting.RateLimitPartition.GetNoLimiter("")));

var app = builder.Build();
await DataServices.MigrateAsync(app.Services, CancellationToken.None);

app.UseCors();
app.UseRateLimiter();

app.MapStaticAssets();
if (roles.HasFlag(NodeRoles.Collect))
    app.MapCollect();
app.MapGet("/health/live", () => Results.Ok(new { status = "healthy" }));

app.AnnounceStart(installation, roles);
await app.RunAsync();
