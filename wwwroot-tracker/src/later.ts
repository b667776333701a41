import { base, tag } from "./config";
import { guard } from "./guard";

declare const LATER_FILES_VERSION: string;

const loaded: Record<string, unknown> = {};

/** Loads a file that the first view of a page can do without. */
export const load = (file: string): void => {
  if (loaded[file]) return;
  const script = (loaded[file] = document.createElement("script"));
  script.src = base + file + ".js?v=" + LATER_FILES_VERSION;
  // a nonce-based content security policy
  script.nonce = tag.nonce;
  document.head.append(script);
};

/** Loads it when the browser has nothing better to do. */
export const later = (file: string): void =>
  void (window.requestIdleCallback || setTimeout)(guard(() => load(file)));

export const release = (): void => {};
