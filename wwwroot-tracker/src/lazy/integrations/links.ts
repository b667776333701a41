import { calOrigin } from "./messages";
import { choice, clicks, data, guard, isOurs, on, read, seen } from "./shared";

/** Ids are handed on, never made here: before consent, and without storage for it, there is none. */
const visitor = (): string => (choice().analytics === false ? "" : read("visitor"));

/** `ct_link`: who comes from where, and when, in seconds of base 36. The arriving page believes it for two minutes. */
const crossing = (url: URL): string =>
  isOurs(url.hostname) && url.hostname !== location.hostname && visitor() ? visitor() + "." + Math.floor(Date.now() / 1000).toString(36) : "";

/**
 * What each booking system brings back in its webhook, and under which name; by address.
 * Calendly: only utm_* and salesforce_uuid (developer.calendly.com, webhook payload `tracking`); an id of ours in a field of others starts with v_.
 * Cal.com: metadata[name] (cal.com/help/embedding/prefill-booking-form-embed).
 * Acuity: intake fields by number (developers.acuityscheduling.com/docs/embedding). Square: nothing, but the booking page may run our tag.
 * Stripe's payment links: client_reference_id, which takes letters, digits, - and _ (docs.stripe.com/payment-links/url-parameters).
 * All November 2026.
 */
const senders: [address: RegExp, rename: (name: string) => string, visitorPrefix?: string][] = [
  [/^([\w-]+\.)?calendly\.com\//, (name) => (name === "ct_vid" ? "salesforce_uuid" : /^utm/.test(name) ? name : ""), "v_"],
  [/^(app\.)?cal\.(com|eu)\//, (name) => `metadata[${name}]`],
  [/^([\w-]+\.)*(acuityscheduling\.com|squarespacescheduling\.com|as\.me)\//, (name) => name],
  [/^(([\w-]+\.)*square\.site|book\.squareup\.com|(app\.)?squareup\.com\/appointments)\//, (name) => name],
  [/^(buy|book|donate)\.stripe\.com\//, (name) => (name === "ct_vid" ? "client_reference_id" : ""), "v_"],
];

/** What to add to an address: name -> value. Nothing for the addresses of strangers. */
const additions = (url: URL, withoutCampaign?: unknown): Record<string, string> => {
  const added: Record<string, string> = { ct_link: crossing(url) };
  const sender = url.origin === calOrigin ? senders[1] : senders.find(([address]) => address.test(url.host + url.pathname + "/"));
  const id = sender && visitor();
  if (!id) return added;
  const [address, rename, prefix = ""] = sender;
  added[rename("ct_vid")] = prefix + id;
  if (data.acuityField && address === senders[2][0]) added["field:" + data.acuityField] = id;
  if (choice().ads !== false) for (const name in clicks()) added[rename(name)] = clicks()[name].value;
  // a campaign is one statement: the link's own is not mixed with the page's
  if (!withoutCampaign && !/[?&](metadata(\[|%5B))?utm_/i.test(url.search))
    new URL((seen[0]?.properties.url as string) || location.href).searchParams.forEach((value, name) => {
      if (/^utm_/.test(name)) added[rename(name)] = value;
    });
  return added;
};

/** The address with what its owner can use. The parameters it has stay as they are, byte for byte. */
export const decorate = (address: string, withoutCampaign?: unknown): string => {
  const url = new URL(address, location.href);
  let [, own, hash] = /^([^#]*)(.*)/s.exec(address)!;
  const added = additions(url, withoutCampaign);
  // one of an earlier click is too old
  if (added.ct_link) own = own.replace(/([?&])ct_link=[^&]*&?/, "$1").replace(/[?&]$/, "");
  for (const name in added)
    if (name && added[name] && (name === "ct_link" || !url.searchParams.has(name)))
      own += (own.includes("?") ? "&" : "?") + encodeURIComponent(name) + "=" + encodeURIComponent(added[name]);
  return own + hash;
};

const dressLink = (event: Event): void => {
  const link = event.composedPath().find((node: any) => typeof node.href === "string" && node.matches?.("a,area")) as HTMLAnchorElement | undefined;
  if (!link || !/^http/.test(link.protocol)) return;
  const address = decorate(link.href);
  if (address !== link.href) link.href = address;
};

const dressForm = ({ target: form }: any): void => {
  // its properties may be hidden by fields of the same name
  const action = new URL(form.getAttribute("action") || "", location.href);
  const link = crossing(action);
  if (!link) return;
  // an address is replaced by the fields of a form that is sent with GET
  if (/^post$/i.test(form.getAttribute("method"))) return form.setAttribute("action", decorate(action.href));
  const field = form.querySelector("input[name=ct_link]") || form.appendChild(document.createElement("input"));
  field.type = "hidden";
  field.name = "ct_link";
  field.value = link;
};

const dressFrame = guard((frame: HTMLIFrameElement): void => {
  const address = frame.getAttribute("src");
  // readable only as long as the first, empty document stands there: what a visitor may be using is never loaded again
  if (!address || /[?&]ct_link=/.test(address) || !frame.contentDocument) return;
  const dressed = decorate(address);
  if (dressed === address) return;
  // Put back as a new frame: of 240 addresses set while another was on its way Chromium 156 lost 80, and the frames stayed empty.
  const { parentNode, nextSibling } = frame;
  frame.remove();
  frame.src = dressed;
  parentNode!.insertBefore(frame, nextSibling);
});

// developer.calendly.com/api-docs/overview/embedding/getting-started, November 2026
const patchCalendly = (): void => {
  const widgets = (window as any).Calendly;
  for (const name of ["initInlineWidget", "initPopupWidget", "initBadgeWidget"]) {
    const original = widgets?.[name];
    if (!original || original.ct) continue;
    widgets[name] = function (this: unknown, options: any, ...more: unknown[]) {
      if (options?.url) guard(() => (options = { ...options, url: decorate(options.url, options.utm) }))();
      return original.call(this, options, ...more);
    };
    widgets[name].ct = 1;
  }
};

export const dress = (): void => {
  // the middle button and the keyboard follow links too; the latter as a click
  for (const name of ["click", "auxclick"]) on(document, name, dressLink);
  on(document, "submit", dressForm);

  const frames = document.getElementsByTagName("iframe");
  const look = guard(() => {
    patchCalendly();
    // a copy: the list is live
    for (const frame of [...frames]) dressFrame(frame);
  });
  look();
  new MutationObserver(look).observe(document, { childList: true, subtree: true, attributes: true, attributeFilter: ["src"] });
};
