// The frame's own behaviour, without a circuit: theme, folded navigation, drawer, menus. Choices live in cookies, so that the server
// writes them on <html> and nothing flashes. Loaded as a module on every page.
const root = document.documentElement;
const remember = (name, value) => {
  document.cookie = `${name}=${value}; path=/; max-age=${value ? 31536000 : 0}; samesite=lax${location.protocol === "https:" ? "; secure" : ""}`;
};
const set = (name, value) => (value ? root.setAttribute(name, value) : root.removeAttribute(name));

const acts = {
  theme(button) {
    const theme = button.dataset.value;
    remember("ct_theme", theme);
    set("data-theme", theme);
    markTheme();
  },
  fold() {
    const folded = root.dataset.nav === "folded" ? "" : "folded";
    remember("ct_nav", folded);
    set("data-nav", folded);
  },
  drawer() {
    set("data-drawer", root.dataset.drawer ? "" : "open");
  },
};

function markTheme() {
  for (const button of document.querySelectorAll("[data-act=theme]"))
    button.setAttribute("aria-pressed", String((root.dataset.theme ?? "") === button.dataset.value));
}

document.addEventListener("click", event => {
  const target = event.target instanceof Element ? event.target : null;
  const button = target?.closest("[data-act]");
  if (button) acts[button.dataset.act]?.(button);
  if (target?.closest(".side a")) set("data-drawer", "");
  for (const menu of document.querySelectorAll("details.menu[open]"))
    if (!menu.contains(target) || target?.closest("a, .menu-item:not([data-act])")) menu.open = false;
});

document.addEventListener("toggle", event => {
  if (event.target instanceof Element && event.target.matches("details.menu")) markTheme();
}, true);

document.addEventListener("keydown", event => {
  if (event.key !== "Escape") return;
  set("data-drawer", "");
  for (const menu of document.querySelectorAll("details.menu[open]")) {
    menu.open = false;
    menu.querySelector("summary")?.focus();
  }
});
