/** What auto.js hands to forms.js: `ClarityTracking._.elements`. Types only, and one look-up. */
import { core, type TrackedEvent } from "../core";

export interface Elements {
  /** As Element.closest, but on through open shadow roots. */
  closest(from: any, selector: string): any;
  /** Nothing but the path may be told of it. */
  isPrivate(element: Element): boolean;
  /** An attribute, redacted. */
  attribute(element: Element, name: string): string;
  /** `main>form#signup>button.primary:nth-of-type(2)`, redacted. */
  pathOf(element: Element): string;
  /** What stands on it, redacted, at most 100 characters. */
  textOf(element: Element): string;
  redact(text: string): string;
  /** Listens in the document and in every open shadow root that something is heard from. */
  watch(listeners: Record<string, (target: any, event: any) => void>): void;
  /** Calls back for each event of this page, those so far included. */
  hear(listener: (event: TrackedEvent) => void): void;
}

export const elements = (): Elements => (core() as unknown as { elements: Elements }).elements;
