using System.Net;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace ClarityTracking.Web.Components.Pages.Install;

/// <summary>
/// Values as literals of the languages the snippets are written in. What is generated may pass through a template engine on its way into
/// the page (Liquid, Tag Manager's variables), so a brace, which would begin one of its expressions, is written as an escape as well.
/// </summary>
internal static class Quote
{
    private static readonly JsonSerializerOptions Options = new() { Encoder = JavaScriptEncoder.Default };

    /// <summary>An attribute of HTML with its value; without one when it is empty.</summary>
    public static string HtmlAttribute(string name, string value) => value.Length == 0 ? name : $"{name}=\"{Html(value)}\"";

    /// <summary>Text inside double quotes in HTML.</summary>
    public static string Html(string value) => WebUtility.HtmlEncode(value).Replace("{", "&#123;", StringComparison.Ordinal);

    /// <summary>A string of JavaScript that may also stand inside a script element: no tag can begin in it.</summary>
    public static string Js(string value) => JsonSerializer.Serialize(value, Options).Replace("{", "\\u007B", StringComparison.Ordinal).Replace("}", "\\u007D", StringComparison.Ordinal);

    /// <summary>An attribute of JSX with its value, also when that is empty: without one it would be the text "true".</summary>
    public static string JsxAttribute(string name, string value) =>
        value.All(c => c is > ' ' and <= '~' and not ('"' or '&' or '<' or '>' or '{' or '}' or '\\')) ? $"{name}=\"{value}\"" : $"{name}={{{Js(value)}}}";

    /// <summary>A word of a POSIX shell.</summary>
    public static string Shell(string value) =>
        value.Length > 0 && value.All(c => char.IsAsciiLetterOrDigit(c) || c is ':' or '/' or '.' or '-' or '_' or '@') ? value : $"'{value.Replace("'", "'\\''", StringComparison.Ordinal)}'";
}
