import { readFileSync } from "node:fs";
import { open, type Page, type PageOptions } from "./page";

/** A page with the core and then one of the files it loads later, each exactly as it is shipped. */
export const openWith = async (file: string, options: PageOptions = {}): Promise<Page> => {
  const page = await open({
    ...options,
    before: `MutationObserver = function () { this.observe = function () {}; };
      document.getElementsByTagName = function () { return []; };
      performance = { timeOrigin: 0, getEntriesByType: function () { return window.requests || []; } };
      ${options.before ?? ""}`,
  });
  page.run(readFileSync(process.env.TRACKER!.replace(/\/t\.js$/, "") + `/${file}.js`, "utf8"));
  return page;
};
