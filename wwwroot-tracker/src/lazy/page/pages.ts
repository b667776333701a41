import type { Core } from "../../core";

/**
 * Watches for new views: a single-page app that goes on, a page that comes back from the back/forward cache. With `data-hash` another
 * fragment is another view.
 */
export const watchPages = ({ data, guard, on }: Core, viewPage: (again?: boolean) => void): void => {
  const withoutFragment = (url: string): string => url.split("#")[0];
  let last = location.href;
  const look = guard(() => {
    const isOther = "hash" in data && location.href !== last && withoutFragment(location.href) === withoutFragment(last);
    last = location.href;
    viewPage(isOther);
  });
  // routers set the title after the address, and may redirect at once
  const lookSoon = (): void => void setTimeout(look, 50);
  // fires for fragments too
  on(window, "popstate", lookSoon);
  on(window, "pageshow", (event) => event.persisted && viewPage(true));
  // the router may have moved on before we were here
  look();
  for (const name of ["pushState", "replaceState"] as const) {
    const original = history[name];
    history[name] = function (this: History, ...args) {
      original.apply(this, args);
      lookSoon();
    };
  }
};
