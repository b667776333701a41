import { base, tag } from "./config";

declare const LATER_FILES_VERSION: string;

/** Loads page.js: all that need not happen before the page is there. It brings the other files. */
export const loadRest = (): void => {
  const script = document.createElement("script");
  script.src = base + "page.js?v=" + LATER_FILES_VERSION;
  // for a content security policy with nonces
  script.nonce = tag.nonce;
  document.head.append(script);
};
