import { debug } from "./config";

/** Speaks in the console, and only when the tag says data-debug. */
export const log = (word: unknown): unknown => debug && console.warn("ClarityTracking", word);

/** The page must never see an error of ours: every public method, listener and timer goes through here. */
export const guard =
  <A extends unknown[], R>(action: (...args: A) => R) =>
  (...args: A): R | undefined => {
    try {
      return action(...args);
    } catch (error) {
      return log(error) as undefined;
    }
  };

/** In the capture phase: before the page's own listeners can stop it. */
export const on = (target: EventTarget, name: string, listener: (event: any) => void): void =>
  target.addEventListener(name, guard(listener), true);

export const soon = (action: () => unknown, milliseconds?: number): number => setTimeout(guard(action), milliseconds);
