import type { Core } from "../../core";

// seconds; long enough for a redirect, too short for an address that is passed on
const lifetime = 120;

/** Goes on as the visitor of the website's other domain whose link led here: `ct_link={visitor id}.{seconds in base 36}`. */
export const followLink = ({ write }: Core): void => {
  const link = /[?&]ct_link=([\w-]{8,64})\.([\da-z]{1,8})(?:[&#]|$)/.exec(location.href);
  if (link && Math.abs(Date.now() / 1000 - parseInt(link[2], 36)) < lifetime) write("visitor", link[1]);
};
