/** Cookies as a browser keeps them: by domain, none on a public suffix or on another site's domain. */
const publicSuffixes = ["com", "net", "uk", "co.uk", "au", "com.au", "io", "github.io"];

interface Cookie {
  name: string;
  value: string;
  domain: string;
  hostOnly: boolean;
  /** Milliseconds. */
  expires: number;
}

export class CookieJar {
  private all: Cookie[] = [];
  /** The clock of the page that looks. */
  now = 0;

  get cookies(): Cookie[] {
    return this.all.filter((cookie) => cookie.expires > this.now);
  }

  set cookies(cookies: Cookie[]) {
    this.all = cookies;
  }

  set(host: string, text: string): void {
    const [pair, ...attributes] = text.split(";");
    const at = pair.indexOf("=");
    const name = pair.slice(0, at).trim();
    const read = (key: string): string | undefined =>
      attributes.map((a) => a.trim().split("=")).find(([k]) => k.toLowerCase() === key)?.[1];
    const asked = read("domain");
    const address = /[\d\]]$/.test(host);
    if (asked !== undefined && asked !== host && (address || !host.endsWith("." + asked) || publicSuffixes.includes(asked))) return;
    const hostOnly = asked === undefined;
    const domain = asked ?? host;
    this.cookies = this.cookies.filter((c) => c.name !== name || c.domain !== domain || c.hostOnly !== hostOnly);
    const expires = this.now + 1000 * Number(read("max-age") ?? 1e9);
    this.all.push({ name, value: pair.slice(at + 1), domain, hostOnly, expires });
  }

  get(host: string): string {
    return this.cookies
      .filter((c) => c.domain === host || (!c.hostOnly && host.endsWith("." + c.domain)))
      .map((c) => `${c.name}=${c.value}`)
      .join("; ");
  }
}
