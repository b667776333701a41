using ClarityTracking.Core;
using ClarityTracking.Core.Data;
using ClarityTracking.Web.Account;
using ClarityTracking.Web.Components;
using ClarityTracking.Web.Hosting;

var builder = WebApplication.CreateBuilder(args);
await using var installation = await Installation.PrepareAsync(builder.Configuration, builder.Environment, CancellationToken.None);

// `dotnet run` without settings listens where the README says; --urls, ASPNETCORE_URLS and ASPNETCORE_HTTP_PORTS win.
if (builder.Configuration["urls"] is null && builder.Configuration["http_ports"] is null)
    builder.WebHost.UseUrls("http://localhost:5080");
builder.WebHost.UseStaticWebAssets();

builder.Services.AddClarityCore(installation.ConnectionString, installation.MasterKey);

// Dashboard: pages on circuits, sign-in by cookie
builder.Services.AddAccountCookies();
builder.Services.AddDashboard();

var app = builder.Build();
await DataServices.MigrateAsync(app.Services, CancellationToken.None);

app.UseAuthentication();
app.UseAuthorization();
app.UseAntiforgery();

app.MapStaticAssets();
app.MapGet("/health/live", () => Results.Ok(new { status = "healthy" }));
app.MapDashboard();

await app.RunAsync();
