// What only the viewer's browser knows or can do.
export const timeZone = () => Intl.DateTimeFormat().resolvedOptions().timeZone;

export function countryNames(codes) {
  const names = new Intl.DisplayNames(["en"], { type: "region", fallback: "code" });
  return codes.map(code => names.of(code));
}

export const isVisible = () => document.visibilityState === "visible";

export const isScrolled = () => window.scrollY > 160;

export function toTop() {
  window.scrollTo({ top: 0, behavior: matchMedia("(prefers-reduced-motion: reduce)").matches ? "auto" : "smooth" });
}

// The clipboard API needs a secure context; a selection copies anywhere.
export async function copy(text) {
  if (navigator.clipboard && window.isSecureContext) {
    try {
      await navigator.clipboard.writeText(text);
      return true;
    } catch {
      // Refused by the browser: the older way below may still be allowed.
    }
  }
  const area = document.createElement("textarea");
  area.value = text;
  area.style.position = "fixed";
  area.style.opacity = "0";
  document.body.append(area);
  area.select();
  const done = document.execCommand("copy");
  area.remove();
  return done;
}

// Keeps the keyboard inside an open panel and gives the focus back when it closes.
export function openPanel(panel) {
  const before = document.activeElement;
  panel.querySelector("button, a, input, select")?.focus();
  const onKey = event => {
    if (event.key !== "Tab") return;
    const all = [...panel.querySelectorAll("a[href], button:not(:disabled), input, select, summary, [tabindex='0']")].filter(e => e.offsetParent);
    const [first, last] = [all[0], all.at(-1)];
    if (event.shiftKey && document.activeElement === first) { last?.focus(); event.preventDefault(); }
    else if (!event.shiftKey && document.activeElement === last) { first?.focus(); event.preventDefault(); }
  };
  // What had the focus may be gone, as a form that was saved, or have got it back, as a heading after navigation: Escape closes the panel all the same.
  const onLost = event => {
    if (event.key === "Escape" && !panel.contains(document.activeElement) && !document.querySelector(".rz-dialog")) panel.querySelector("header button")?.click();
  };
  panel.addEventListener("keydown", onKey);
  document.addEventListener("keydown", onLost);
  return {
    close() {
      panel.removeEventListener("keydown", onKey);
      document.removeEventListener("keydown", onLost);
      before?.focus?.();
    },
  };
}

/** Saves a file that the app is writing. */
export async function save(name, stream) {
  const url = URL.createObjectURL(new Blob([await stream.arrayBuffer()], { type: "text/csv;charset=utf-8" }));
  Object.assign(document.createElement("a"), { href: url, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(url), 10000);
}
