namespace ClarityTracking.Web.Components.Pages.Install.Stacks;

/// <summary>
/// React with Next.js. next/script makes the element by hand and passes every attribute on (client/set-attributes-from-props.ts); an empty
/// one has to be written out, because JSX reads an attribute alone as true. While a script runs, document.currentScript is its element
/// however it came into the page. nextjs.org/docs/app/api-reference/components/script, November 2026.
/// </summary>
internal static class NextJs
{
    public static readonly Stack Stack = new("nextjs", "React / Next.js", "code_blocks", HasOptions: true,
        plan => new Piece("The tag", "app/layout.tsx, or only its Script element into yours (pages/_app.tsx with the Pages Router). Without Next.js, put the HTML tag into index.html.", $$"""
            import Script from "next/script";

            export default function RootLayout({ children }: { children: React.ReactNode }) {
              return (
                <html lang="en">
                  <body>
                    {children}
                    <Script
                      {{Quote.JsxAttribute("src", plan.Script)}}
                      strategy="afterInteractive"
            {{string.Join('\n', plan.Attributes.Select(a => "          " + Quote.JsxAttribute(a.Name, a.Value)))}}
                    />
                  </body>
                </html>
              );
            }
            """), More);

    private static IEnumerable<Piece> More(TagPlan plan)
    {
        yield return new Piece("Calls from your code", "lib/clarity.ts: calls that come before the script has loaded wait for it.", """
            type Call = [method: string, args: unknown[]];

            declare global {
              interface Window {
                ClarityTracking?: { q: { push(call: Call): unknown } };
              }
            }

            export function clarity(method: string, ...args: unknown[]): void {
              if (typeof window === "undefined") return;
              (window.ClarityTracking ??= { q: [] as Call[] }).q.push([method, args]);
            }
            """);
        yield return new Piece("Say who it is", "Wherever your app learns it, after a sign-in for example.", """
            import { clarity } from "@/lib/clarity";

            export function signedIn(user: { id: string; email: string; phone?: string }) {
              clarity("identify", user.email, { phone: user.phone, externalId: user.id });
            }
            """);
        if (plan.HasEvents)
            yield return new Piece("Report a purchase", "A component for the page after the order. With the order id, showing it twice counts once.", $$"""
                "use client";

                import { useEffect } from "react";
                import { clarity } from "@/lib/clarity";

                type Order = { id: string; total: number; currency?: string; items?: { id: string; name: string; price: number; quantity: number }[] };

                export function PurchaseReported({ order }: { order: Order }) {
                  useEffect(() => {
                    clarity("trackPurchase", order.total, {
                      currency: order.currency ?? {{Quote.Js(plan.Currency)}},
                      orderId: order.id,
                      items: order.items,
                    });
                  }, [order]);
                  return null;
                }
                """);
        if (plan.Options.Has(SnippetOptions.Consent))
            yield return new Piece("Pass on the visitor's choice",
                "Google Consent Mode and TCF banners are read by themselves. Your own banner calls this when it has its answer.", """
                import { clarity } from "@/lib/clarity";

                export function chosen(choice: { ads: boolean; analytics: boolean }) {
                  clarity("consent", choice);
                }
                """);
    }
}
