/**
 * Auto-capture: clicks and site search; the files that only some pages need are loaded from here, forms.js among them.
 * Read next: elements.ts (what is told of an element); ../redact.ts (what is not).
 */
import { clarity, core, type TrackedEvent } from "../../core";
import type { Elements } from "../elements";
import { attribute, closest, getClickInfo, isPrivate, pathOf, textOf } from "./elements";
import { redactAll } from "../redact";

const { data, base, guard, load, on, read, write, seen, track } = core();
const page = window as any;
const everything = !("onlyIdentify" in data);

const watch: Elements["watch"] = (listeners) => {
  const watched = new WeakSet<Node>();
  // some events stay inside their shadow root
  const into = (root: Node): void => {
    if (watched.has(root)) return;
    watched.add(root);
    for (const name in listeners)
      on(root, name, (event) => {
        const target = event.composedPath()[0];
        const own = target.getRootNode();
        if (own === root) listeners[name](target, event);
        else into(own);
      });
  };
  into(document);
};

const listeners: ((event: TrackedEvent) => void)[] = [];

const hear: Elements["hear"] = (listener) => {
  listeners.push(guard(listener));
  seen.slice().forEach(listeners[listeners.length - 1]);
};

const push = seen.push;
seen.push = (...events) => {
  // what they record comes after the event that is being recorded
  queueMicrotask(() => events.forEach((event) => listeners.forEach((listener) => listener(event))));
  return push.apply(seen, events);
};

/** What the page has, or has got by now, that a file of ours can talk to. */
const lookAround = guard((): void => {
  if (document.querySelector("form,input") || /mail/i.test(location.search)) load("forms");
  if (everything) {
    if (page.fbq || page.ttq || page.pintrk) load("pixels");
    if (page.__tcfapi || page.google_tag_data?.ics || [].some.call(page.dataLayer || [], (entry) => entry[0] === "consent")) load("consent");
  }
});

const siteOf = (host: string): string => /[^.]*\.?[^.]*$/.exec(host) + "";

/**
 * Safari keeps cookies that a script wrote for a week; those a server sets last. Asked once per session and only on our own site: whether
 * the two hosts really belong together is the browser's to decide.
 */
const renewCookies = ({ session_id, consent }: TrackedEvent): void => {
  if (!session_id || read("renewed") === session_id || /denied/.test(Object.values(consent) + "")) return;
  if (siteOf(new URL(base).hostname) !== siteOf(location.hostname)) return;
  write("renewed", session_id, 0);
  fetch(base + "cookies", { method: "POST", credentials: "include", keepalive: true }).catch(() => {});
};

/** Site search: the first of the parameters that search pages use; `data-search-params` names others. */
const searchIn = (url: string): void => {
  const query = new URL(url).searchParams;
  const names = (data.searchParams || "q,s,search,query,keyword,search_query,search_term").split(/[\s,]+/);
  const search_string = redactAll((names.map((name) => query.get(name)).find(Boolean) || "").trim()).slice(0, 100);
  if (search_string) track("search", { search_string });
};

const interactive =
  "a[href],area[href],button,summary,input[type=submit],input[type=button],input[type=image],[role=button],[role=link],[role=tab],[role=menuitem],[data-ct-click]";
let clicked: Element | undefined;
let clickedAt = 0;

const click = (target: Element, event: MouseEvent): void => {
  const element = closest(target, interactive);
  // the third button opens a menu
  if (!element || event.button > 1) return;
  // angry clicks on one thing are one click
  const again = element === clicked && event.timeStamp - clickedAt < 500;
  clicked = element;
  clickedAt = event.timeStamp;
  if (!again) track("click", getClickInfo(element));
};

Object.assign(core(), { elements: { attribute, closest, hear, isPrivate, pathOf, redact: redactAll, textOf, watch } });
clarity().getClickInfo = guard(getClickInfo);
lookAround();
on(document, "focusin", () => load("forms"));
hear((event) => {
  // what the page says itself is no guess of forms.js
  if (event.event_type === "identify") write("guess", "", 0);
  lookAround();
  if (!everything) return;
  if (event.event_type === "page_view") searchIn(event.properties.url as string);
  renewCookies(event);
});
if (everything) {
  watch({ click, auxclick: click });
  // honest robots say so; what counts as one is the server's decision
  if (navigator.webdriver) clarity().addSharedProperty({ key: "bot_hint", value: "webdriver" });
  if (data.integrations !== "false") (window.requestIdleCallback || setTimeout)(() => load("integrations"));
}
