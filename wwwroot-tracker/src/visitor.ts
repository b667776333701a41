import { read, write } from "./storage";

/** A random UUID (version 4): unlike any other, not secret. crypto.randomUUID is missing on plain http pages. */
export const uuid = (): string => "xxxxxxxx-xxxx-4xxx-axxx-xxxxxxxxxxxx".replace(/x/g, () => ((Math.random() * 16) | 0).toString(16));

/** The anonymous id of this browser on this website. */
export const visitorId = (): string => {
  const id = read("visitor") || uuid();
  // written again each time: both stores, and a life that starts anew
  write("visitor", id);
  return id;
};
