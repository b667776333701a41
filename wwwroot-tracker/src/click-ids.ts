import type { Click } from "./core";
import { guard } from "./guard";
import { readJson, writeJson } from "./storage";
import { iso } from "./time";

const inAddress =
  /[?&](fbclid|gclid|gbraid|wbraid|dclid|ttclid|epik|ScCid|rdt_cid|li_fat_id|msclkid|twclid|ct_tracking_id|ct_campaign_link_id)=([^&]+)/gi;

// printable ASCII but for the semicolon, which would end a cookie
const plausible = /^[!-:<-~]{1,1000}$/;

/** Every click id known of this visitor, however old: the windows are the server's to apply. */
export let clicks: Record<string, Click> = {};

/**
 * Click ids are decoded exactly once and otherwise untouched: platforms compare them byte by byte. URLSearchParams would turn a plus sign
 * into a space; no click id holds a space, some hold a plus. After a stray percent sign the id is what stands there. Of a name that stands
 * there twice the first one counts; the server puts names into their usual case.
 */
const remember = (url: string, isNewest?: boolean): void => {
  for (const [, name, raw] of [...url.split("#")[0].matchAll(inAddress)].reverse()) {
    const value = guard(decodeURIComponent)(raw) || raw;
    const known = clicks[name];
    if (plausible.test(value) && (isNewest ? known?.value !== value : !known)) {
      clicks[name] = { value, first_seen: iso(Date.now()) };
      writeJson("clicks", clicks, 90);
    }
  }
};

/** Remembers the click ids of a page's address, each with the time it was first seen. */
export const captureClickIds = (url: string): void => {
  clicks = readJson("clicks", {});
  remember(url, true);
  // a redirect inside the site may have lost it, but an old page's address must not replace a newer click
  if (!document.referrer.indexOf(location.origin + "/")) remember(document.referrer);
};
