import { captureClickIds } from "./click-ids";
import { adIdsAllowed, isSilent } from "./consent";
import { track } from "./events";
import { guard, on } from "./guard";
import { ensureMetaCookies } from "./platform-cookies";

/** Where this view came from: in a single-page app the view before it. */
export let referrer = "";

let viewed = "";

/** Records a view when the address differs from the last one in more than its fragment, or when the same page came back. */
export const viewPage = (again?: boolean): void => {
  const page = location.href.split("#")[0];
  if ((page === viewed && !again) || isSilent()) return;
  referrer = viewed || document.referrer;
  viewed = page;
  captureClickIds();
  if (adIdsAllowed()) guard(ensureMetaCookies)();
  track("page_view");
};

/** Watches for new views; the first one is the caller's. */
export const watchPages = (): void => {
  // routers set the title after the address, and may redirect at once
  const soon = (): void => void setTimeout(guard(viewPage), 50);
  for (const name of ["pushState", "replaceState"] as const) {
    const original = history[name];
    history[name] = function (this: History, ...args) {
      original.apply(this, args);
      soon();
    };
  }
  on(window, "popstate", soon);
  on(window, "pageshow", (event) => (event as PageTransitionEvent).persisted && viewPage(true));
};
