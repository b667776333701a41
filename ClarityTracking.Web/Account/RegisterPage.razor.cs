using System.ComponentModel.DataAnnotations;
using ClarityTracking.Core.Tenancy;
using Microsoft.AspNetCore.Components;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Identity;

namespace ClarityTracking.Web.Account;

/// <summary>A static page: only a plain request can set the cookie. Works without JavaScript.</summary>
public sealed partial class RegisterPage(AccountService accounts, SignInManager<User> signIn, NavigationManager navigation)
{
    private string? _error;

    [CascadingParameter]
    private HttpContext HttpContext { get; set; } = default!;

    [SupplyParameterFromForm]
    private RegisterInput Input { get; set; } = default!;

    [SupplyParameterFromQuery]
    private string? ReturnUrl { get; set; }

    protected override void OnInitialized() => Input ??= new RegisterInput();

    private async Task RegisterAsync()
    {
        var workspaceName = string.IsNullOrWhiteSpace(Input.WorkspaceName) ? null : Input.WorkspaceName;
        var account = new NewAccount(Input.Email, Input.Password, Name: null, workspaceName);
        var registered = await accounts.RegisterAsync(account, HttpContext.Connection.RemoteIpAddress?.ToString(), HttpContext.RequestAborted);
        if (!registered.IsOk)
        {
            _error = registered.Error.Message;
            return;
        }
        await signIn.SignInAsync(registered.Value.User, isPersistent: false);
        navigation.NavigateTo(LocalUrl.Or(ReturnUrl));
    }

    private string LinkTo(string page) => LocalUrl.IsLocal(ReturnUrl) ? $"{page}?returnUrl={Uri.EscapeDataString(ReturnUrl!)}" : page;

    internal sealed class RegisterInput
    {
        [Required(ErrorMessage = "Enter your email."), EmailAddress(ErrorMessage = "This is no email address.")]
        public string Email { get; set; } = "";

        [Required(ErrorMessage = "Choose a password."), StringLength(256, MinimumLength = 8, ErrorMessage = "The password must have 8 to 256 characters.")]
        public string Password { get; set; } = "";

        [StringLength(200, ErrorMessage = "At most 200 characters.")]
        public string? WorkspaceName { get; set; }
    }
}
