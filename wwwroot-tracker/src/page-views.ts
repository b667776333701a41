import { captureClickIds } from "./click-ids";
import { adIdsAllowed, whenAllowed } from "./consent";
import type { Fields } from "./core";
import { hooks, track } from "./events";
import { guard } from "./guard";
import { ensureMetaCookies } from "./platform-cookies";

/** The page that is being looked at; in a single-page app its referrer is the view before it. */
export let page: Fields & { url: string; referrer: string } = { url: "", referrer: document.referrer };

const withoutFragment = (url: string): string => url.split("#")[0];

/** Records a view when the address differs from the last one in more than its fragment, or when the same page came back. */
export const viewPage = (again?: boolean): void => {
  const url = location.href;
  const left = page;
  if (withoutFragment(url) === withoutFragment(left.url) && !again) return;
  page = { url, referrer: left.url || left.referrer };
  hooks.leave?.(left, true);
  whenAllowed(() => {
    captureClickIds(url);
    if (adIdsAllowed()) guard(ensureMetaCookies)(url);
  });
  track("page_view");
};
