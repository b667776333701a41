using System.Diagnostics;
using System.Text.Json;
using System.Text.RegularExpressions;

namespace ClarityTracking.Tests.Support;

/// <summary>Looks at scripts with the tools that will read them: node for JavaScript, esbuild for TypeScript and JSX.</summary>
public static partial class ScriptCheck
{
    /// <summary>What is wrong with scripts, by name; empty = all can be parsed.</summary>
    /// <param name="scripts">Name, kind (<c>js</c>, <c>es5</c> or <c>tsx</c>) and text.</param>
    public static async Task<string> ProblemsAsync(IEnumerable<(string Name, string Kind, string Code)> scripts)
    {
        var list = scripts.Select(s => new { name = s.Name, kind = s.Kind, code = s.Code }).ToList();
        return await NodeAsync("""
            const { transformSync } = require("esbuild");
            const { Script } = require("node:vm");
            let text = "";
            process.stdin.on("data", (part) => (text += part)).on("end", () => {
              const problems = [];
              for (const { name, kind, code } of JSON.parse(text)) {
                try {
                  if (kind === "tsx") transformSync(code, { loader: "tsx", logLevel: "silent" });
                  // a script as node --check reads it, without a process for each
                  else new Script(code);
                  // lowering to ES5 is refused for what ES5 does not have, as const and arrows
                  if (kind === "es5" && /=>|\bconst\b|\blet\b|`/.test(code)) throw new Error("not ES5");
                } catch (error) {
                  problems.push(name + ": " + error.message + "\n" + code);
                }
              }
              process.stdout.write(problems.join("\n\n"));
            });
            """, JsonSerializer.Serialize(list));
    }

    /// <summary>TypeScript as JavaScript, types removed, for a module script.</summary>
    public static Task<string> ToJavaScriptAsync(string typeScript) => NodeAsync("""
        const { transformSync } = require("esbuild");
        let text = "";
        process.stdin.on("data", (part) => (text += part)).on("end", () => process.stdout.write(transformSync(text, { loader: "ts" }).code));
        """, typeScript);

    private static async Task<string> NodeAsync(string program, string input)
    {
        using var node = Process.Start(new ProcessStartInfo("node", ["-e", program])
        {
            WorkingDirectory = TrackerFolder(),
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        })!;
        var (output, errors) = (node.StandardOutput.ReadToEndAsync(), node.StandardError.ReadToEndAsync());
        await node.StandardInput.WriteAsync(input);
        node.StandardInput.Close();
        await node.WaitForExitAsync();
        Assert.True(node.ExitCode == 0, await errors);
        return await output;
    }

    /// <summary>The npm side of the repository, where node finds esbuild.</summary>
    private static string TrackerFolder()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
            if (File.Exists(Path.Combine(folder.FullName, "wwwroot-tracker", "package.json")))
                return Path.Combine(folder.FullName, "wwwroot-tracker");
        throw new InvalidOperationException("wwwroot-tracker was not found above " + AppContext.BaseDirectory);
    }

    /// <summary>The Script element of a React layout.</summary>
    [GeneratedRegex(@"<Script\s[^>]*/>")]
    public static partial Regex ScriptElement();

    /// <summary>An attribute of JSX: its name, its plain value or its expression.</summary>
    [GeneratedRegex(@"([\w-]+)=(?:""([^""]*)""|\{([^}]*)\})")]
    public static partial Regex JsxAttribute();
}
