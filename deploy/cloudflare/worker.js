// First party on a site behind Cloudflare: a Worker on the route shop.example.com/ALIAS* that hands the snippet's requests to the app.
// Put in the address of the app and the website's alias (Settings > Script address).
const APP = "https://track.example.com";
const ALIAS = "ALIAS";

const PATHS = new RegExp(`^/${ALIAS}(\\.js|/[\\w.-]+)?$`);
/** The snippet's own; the site's other cookies are none of the tracker's business. */
const COOKIES = /^\s*(ct_(visitor|clicks|consent|optout)|_fb[pc])=/;

export default {
  async fetch(request) {
    const { pathname, search, protocol } = new URL(request.url);
    if (!PATHS.test(pathname)) return fetch(request);

    const sent = new Request(APP + pathname + search, request);
    const cookies = (request.headers.get("Cookie") ?? "").split(";").filter((cookie) => COOKIES.test(cookie));
    if (cookies.length) sent.headers.set("Cookie", cookies.join(";").trim());
    else sent.headers.delete("Cookie");
    // believed only from addresses in Clarity__TrustedProxies
    sent.headers.set("X-Forwarded-For", request.headers.get("CF-Connecting-IP") ?? "");
    sent.headers.set("X-Forwarded-Proto", protocol.slice(0, -1));
    try {
      return await fetch(sent, { redirect: "manual" });
    } catch {
      // the snippet keeps its events and sends them again
      return new Response(null, { status: 503, headers: { "Retry-After": "30" } });
    }
  },
};
