using ClarityTracking.Web.Security;
using Microsoft.AspNetCore.OpenApi;
using Microsoft.OpenApi;

namespace ClarityTracking.Web.Endpoints;

/// <summary>Tells in the OpenAPI document who may call what, so that clients made from it know where the token goes.</summary>
internal static class ApiDescription
{
    private const string Bearer = "bearer";

    public static void NameCallers(OpenApiOptions options)
    {
        options.AddDocumentTransformer(static (document, _, _) =>
        {
            document.AddComponent<IOpenApiSecurityScheme>(Bearer, new OpenApiSecurityScheme
            {
                Type = SecuritySchemeType.Http,
                Scheme = Bearer,
                Description = "The accessToken of POST /api/login, or a website's secret key (sk_live_…, sk_test_…).",
            });
            return Task.CompletedTask;
        });
        options.AddOperationTransformer(static (operation, context, _) =>
        {
            if (context.Description.ActionDescriptor.EndpointMetadata.OfType<ApiAuthentication.NeedsCaller>().Any())
                operation.Security = [new OpenApiSecurityRequirement { [new OpenApiSecuritySchemeReference(Bearer, context.Document)] = [] }];
            return Task.CompletedTask;
        });
    }
}
