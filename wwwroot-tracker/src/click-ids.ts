import type { Click } from "./core";
import { find } from "./cookies";
import { guard } from "./guard";
import { readJson, write } from "./storage";
import { iso } from "./time";

const names = "fbclid gclid gbraid wbraid dclid ttclid epik ScCid rdt_cid li_fat_id msclkid twclid ct_tracking_id ct_campaign_link_id".split(" ");

// printable ASCII but for the semicolon, which would end a cookie
const plausible = /^[!-:<-~]{1,1000}$/;

/**
 * One click id of an address, decoded exactly once and otherwise untouched: platforms compare them byte by byte. URLSearchParams would
 * turn a plus sign into a space; no click id holds a space, some hold a plus. After a stray percent sign the id is what stands there.
 */
export const clickIdIn = (url: string, name: string): string => {
  const raw = find(`^[^#]*?[?&]${name}=([^&#]+)`, url);
  const value = guard(decodeURIComponent)(raw) || raw;
  return plausible.test(value) ? value : "";
};

/** Every click id known of this visitor, however old: the windows are the server's to apply. */
export let clicks: Record<string, Click> = {};

/** Remembers the click ids of this page's address, each with the time it was first seen. */
export const captureClickIds = (): void => {
  clicks = readJson("clicks", {});
  for (const name of names) {
    const known = clicks[name];
    const value =
      clickIdIn(location.href, name) ||
      // a redirect inside the site may have lost it, but an old page's address must not replace a newer click
      (!known && document.referrer.split("/")[2] === location.host && clickIdIn(document.referrer, name));
    if (value && known?.value !== value) clicks[name] = { value, first_seen: iso(Date.now()) };
  }
  write("clicks", JSON.stringify(clicks), 90);
};
