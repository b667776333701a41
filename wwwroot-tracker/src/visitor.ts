import { read, write } from "./storage";

/** A random UUID (version 4): unlike any other, not secret. crypto.randomUUID is missing on plain http pages. */
export const uuid = (): string => "xxxxxxxx-xxxx-4xxx-axxx-xxxxxxxxxxxx".replace(/x/g, () => ((Math.random() * 16) | 0).toString(16));

/** The anonymous id of this browser on this website. page.js renews its life. */
export const visitorId = (): string => {
  let id = read("visitor");
  if (!id) write("visitor", (id = uuid()));
  return id;
};
