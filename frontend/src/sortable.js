// [data-sortable]: a list whose items are put in order with the pointer (by their
// [data-sortable-handle]) or with Alt+Up and Alt+Down on the handle. The order is that of the
// fields inside the items; "dxp:sorted" tells who listens (htmx: hx-trigger="dxp:sorted").

import { message } from "./messages.js";

let announcer;

function announce(text) {
  if (!announcer) {
    announcer = document.createElement("div");
    announcer.className = "visually-hidden";
    announcer.setAttribute("role", "status");
    document.body.append(announcer);
  }
  announcer.textContent = text;
}

function tell(list, item) {
  const place = [...list.children].indexOf(item) + 1;
  announce(
    message("moved").replace("{place}", place).replace("{count}", list.children.length),
  );
  list.dispatchEvent(new CustomEvent("dxp:sorted", { bubbles: true, detail: { place } }));
}

function moveByKey(event) {
  const handle = event.target.closest?.("[data-sortable-handle]");
  if (!handle || !event.altKey || !["ArrowUp", "ArrowDown"].includes(event.key)) return;
  const list = handle.closest("[data-sortable]");
  const item = [...list.children].find((child) => child.contains(handle));
  event.preventDefault();
  if (event.key === "ArrowUp") item.previousElementSibling?.before(item);
  else item.nextElementSibling?.after(item);
  handle.focus();
  tell(list, item);
}

async function mount(list) {
  if (list.dataset.sortableMounted) return;
  list.dataset.sortableMounted = "true";
  const { default: Sortable } = await import("sortablejs/modular/sortable.core.esm.js");
  Sortable.create(list, {
    handle: "[data-sortable-handle]",
    animation: window.matchMedia("(prefers-reduced-motion: reduce)").matches ? 0 : 120,
    ghostClass: "dx-sortable-ghost",
    onEnd: ({ item, oldIndex, newIndex }) => {
      if (oldIndex !== newIndex) tell(list, item);
    },
  });
}

export function mountSortables(root = document) {
  for (const list of root.querySelectorAll("[data-sortable]")) mount(list);
}

export function startSortables() {
  document.addEventListener("keydown", moveByKey);
  mountSortables();
}
