import { debug } from "./config";

/** Speaks in the console, and only when the tag says data-debug. */
export const log = (...words: unknown[]): void => {
  if (debug) console.warn("[ClarityTracking]", ...words);
};

/** The page must never see an error of ours: every public method, listener and timer goes through here. */
export const guard =
  <A extends unknown[], R>(action: (...args: A) => R) =>
  (...args: A): R | undefined => {
    try {
      return action(...args);
    } catch (error) {
      log(error);
      return undefined;
    }
  };

export const on = (target: EventTarget, name: string, listener: (event: Event) => void): void =>
  target.addEventListener(name, guard(listener));
