// Ctrl-K (Command-K): one box that finds pages and things. The server answers a fragment of
// role="option" links; arrows choose, Enter opens.

import { openDialog } from "./dialogs.js";
import { message } from "./messages.js";

const PAUSE_MS = 140;

class Palette {
  constructor(dialog) {
    this.dialog = dialog;
    this.input = dialog.querySelector("input");
    this.results = dialog.querySelector("[data-palette-results]");
    this.status = dialog.querySelector("[role=status]");
    this.url = dialog.dataset.palette;
    this.input.addEventListener("input", () => this.schedule());
    this.input.addEventListener("keydown", (event) => this.onKey(event));
    this.results.addEventListener("pointermove", (event) => {
      const option = event.target.closest("[role=option]");
      if (option) this.select(option);
    });
  }

  open() {
    openDialog(this.dialog);
    this.input.select();
    this.load();
  }

  schedule() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.load(), PAUSE_MS);
  }

  async load() {
    this.request?.abort();
    this.request = new AbortController();
    const address = new URL(this.url, location.href);
    address.searchParams.set("q", this.input.value.trim());
    try {
      const answer = await fetch(address, {
        headers: { Accept: "text/html", "HX-Request": "true" },
        signal: this.request.signal,
      });
      if (!answer.ok) throw new Error(String(answer.status));
      this.results.innerHTML = await answer.text();
    } catch (error) {
      if (error.name === "AbortError") return;
      this.results.replaceChildren();
      this.status.textContent = message("network");
      return;
    }
    const options = this.options();
    this.status.textContent = this.results.querySelector("[data-count]")?.dataset.count ?? "";
    this.select(options[0]);
  }

  options() {
    return [...this.results.querySelectorAll("[role=option]")];
  }

  select(option) {
    for (const other of this.options()) {
      other.setAttribute("aria-selected", String(other === option));
    }
    this.input.setAttribute("aria-expanded", String(Boolean(option)));
    if (!option) {
      this.input.removeAttribute("aria-activedescendant");
      return;
    }
    this.input.setAttribute("aria-activedescendant", option.id);
  }

  onKey(event) {
    const options = this.options();
    const now = options.findIndex((option) => option.ariaSelected === "true");
    const moves = {
      ArrowDown: (now + 1) % options.length,
      ArrowUp: (now - 1 + options.length) % options.length,
      Home: event.ctrlKey ? 0 : undefined,
      End: event.ctrlKey ? options.length - 1 : undefined,
    };
    if (options.length && moves[event.key] !== undefined) {
      event.preventDefault();
      const next = options[moves[event.key]];
      this.select(next);
      next.scrollIntoView({ block: "nearest" });
    } else if (event.key === "Enter" && !event.isComposing) {
      event.preventDefault();
      options[now]?.click();
    }
  }
}

export function startPalette() {
  const dialog = document.querySelector("dialog[data-palette]");
  if (!dialog) return;
  const palette = new Palette(dialog);
  document.addEventListener("keydown", (event) => {
    if ((event.ctrlKey || event.metaKey) && !event.altKey && event.key.toLowerCase() === "k") {
      event.preventDefault();
      palette.open();
    }
  });
  document.addEventListener("click", (event) => {
    if (event.target.closest("[data-palette-open]")) palette.open();
  });
}
