import type { Core, Fields } from "../../core";

/**
 * How far the page was scrolled and how long it was in front: a `scroll` at 25, 50, 75 and 100 percent, and both figures in the
 * `page_exit`. A page can be left for another tab and come back: the figures of its last exit are those of the whole view.
 */
/** @param sessionTimeout Minutes. */
export const watchEngagement = (core: Core, sessionTimeout: number): void => {
  const { on, guard, read, track } = core;
  // percent of the page's height that has been on screen
  let depth = 0;
  let reached = 0;
  // milliseconds in front, and since when it is
  let engaged = 0;
  let since = 0;
  // an exit is told once, and again after the visitor came back
  let isOpen = !document.hidden;
  let timer = 0;

  const measure = (): void => {
    const percent = Math.round(((scrollY + innerHeight) / document.documentElement.scrollHeight) * 100);
    depth = Math.max(depth, Math.min(100, percent) || 0);
  };
  /** Adds the time since the last look, when the page was in front; only a page in front goes on counting. */
  const count = (): void => {
    const now = Date.now();
    if (since) engaged += now - since;
    since = !document.hidden && document.hasFocus() ? now : 0;
  };
  const comeBack = (): void => {
    if (document.hidden) return;
    isOpen = true;
    count();
  };

  core.leave = guard((page: Fields, isNew?: boolean) => {
    const [session, last] = read("session").split(".");
    // one that is over ended with its last event
    if (isOpen && session && Date.now() - +last < sessionTimeout * 60000) {
      isOpen = false;
      // a new page stands there already
      if (!isNew) measure();
      count();
      track("page_exit", { ...page, percent_scrolled: depth, engagement_time_msec: engaged });
    }
    if (isNew) {
      depth = reached = engaged = since = 0;
      comeBack();
      setTimeout(guard(measure), 300);
    }
  });
  on(document, "visibilitychange", comeBack);
  on(window, "focus", comeBack);
  on(window, "blur", count);
  on(window, "scroll", () => {
    timer =
      timer ||
      setTimeout(
        guard(() => {
          timer = 0;
          measure();
          while (reached + 25 <= depth) track("scroll", { percent_scrolled: (reached += 25) });
        }),
        200,
      );
  });
  count();
  measure();
};
