import type { Fields } from "../../core";
import { redactAll } from "../redact";

const secret = "[data-ct-private],[data-private],.ct-private,[contenteditable]";

// Google Analytics' list for enhanced measurement (support.google.com/analytics/answer/9216061, November 2026) and what else is downloaded
const download = /\.(pdf|xlsx?|docx?|txt|rtf|csv|exe|key|pp[st]x?|7z|pkg|rar|t?gz|zip|avi|mov|mp4|mpe?g|wmv|midi?|mp3|wav|wma|dmg|msi|apk|iso|epub|ics)$/i;

export const closest = (from: any, selector: string): any => {
  for (let found; from; from = from.getRootNode().host) if ((found = from.closest(selector))) return found;
};

export const isPrivate = (element: Element): boolean => !!closest(element, secret);

const raw = (element: Element, name: string): string => (element.getAttribute(name) || "").slice(0, 300);

// a field named "id" or "name" hides the form's own property
export const attribute = (element: Element, name: string): string => redactAll(raw(element, name));

export const textOf = (element: any): string => {
  const text = element.querySelector(secret)
    ? ""
    : (element.localName === "input" && /^(submit|button|reset)$/.test(element.type) && element.value) ||
      element.textContent ||
      element.alt ||
      element.ariaLabel ||
      element.title;
  // cut last: half an address would not be recognised
  return redactAll((text || "").slice(0, 999).replace(/\s+/g, " ").trim()).slice(0, 100);
};

/** Up to six steps, no further than an id. */
export const pathOf = (element: Element): string => {
  const steps: string[] = [];
  for (let at: any = element, id = ""; at && !id && steps.length < 6; at = at.parentElement || at.getRootNode().host) {
    id = raw(at, "id");
    const like = [...(at.parentNode?.children || [])].filter((sibling) => sibling.localName === at.localName);
    steps.unshift(
      at.localName + (id && "#" + id) + raw(at, "class").trim().replace(/^(?=.)|\s+/g, ".") + (like[1] ? `:nth-of-type(${like.indexOf(at) + 1})` : "")
    );
  }
  return redactAll(steps.join(">")).slice(-300);
};

/** What an element says about itself when it is clicked; names as in Google Analytics where it has them. Of a private one only the path. */
export const getClickInfo = (element: Element): Fields => {
  const info: Fields = { element_path: pathOf(element) };
  if (isPrivate(element)) return info;
  const link = closest(element, "a[href],area[href]");
  const about = link || element;
  const prefix = link ? "link_" : "element_";
  const tell = (name: string, value: unknown): void => void (value && (info[name] = value));
  tell("element_tag", element.localName);
  tell(prefix + "id", attribute(about, "id"));
  tell(prefix + "classes", attribute(about, "class"));
  tell(prefix + "text", textOf(about));
  tell("click_name", attribute(element, "data-ct-click"));
  if (!link) return info;

  // an svg's is an object
  const url = new URL(link.href.baseVal || link.href, location.href);
  const isPage = /^http/.test(url.protocol);
  if (isPage || /^(tel|mailto|sms):/.test(url.protocol)) tell("link_url", redactAll(url.href.slice(0, 999)).slice(0, 500));
  if (isPage) {
    tell("link_domain", url.hostname);
    tell("outbound", url.hostname.replace(/^www\./, "") !== location.hostname.replace(/^www\./, ""));
  }
  const file = attribute(link, "download") || (isPage && download.test(url.pathname) && redactAll(url.pathname));
  tell("download", !!file || link.hasAttribute("download"));
  tell("file_name", file);
  tell("file_extension", file && /\.(\w{1,9})$/.exec(file)?.[1].toLowerCase());
  return info;
};
