using System.ComponentModel.DataAnnotations;
using ClarityTracking.Core.Tenancy;
using Microsoft.AspNetCore.Components;
using Microsoft.AspNetCore.Identity;

namespace ClarityTracking.Web.Account;

/// <summary>A static page: only a plain request can set the cookie. Works without JavaScript.</summary>
public sealed partial class LoginPage(AccountService accounts, SignInManager<User> signIn, NavigationManager navigation)
{
    private string? _error;

    [SupplyParameterFromForm]
    private LoginInput Input { get; set; } = default!;

    [SupplyParameterFromQuery]
    private string? ReturnUrl { get; set; }

    protected override void OnInitialized() => Input ??= new LoginInput();

    private async Task SignInAsync()
    {
        var user = await accounts.CheckPasswordAsync(Input.Email, Input.Password);
        if (!user.IsOk)
        {
            _error = user.Error.Message;
            return;
        }
        await signIn.SignInAsync(user.Value, Input.Remember);
        navigation.NavigateTo(LocalUrl.Or(ReturnUrl));
    }

    private string LinkTo(string page) => LocalUrl.IsLocal(ReturnUrl) ? $"{page}?returnUrl={Uri.EscapeDataString(ReturnUrl!)}" : page;

    internal sealed class LoginInput
    {
        [Required(ErrorMessage = "Enter your email.")]
        public string Email { get; set; } = "";

        [Required(ErrorMessage = "Enter your password.")]
        public string Password { get; set; } = "";

        public bool Remember { get; set; }
    }
}
