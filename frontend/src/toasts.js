import { message } from "./messages.js";

const ICONS = {
  success: "check-circle-fill",
  danger: "exclamation-octagon-fill",
  warning: "exclamation-triangle-fill",
  info: "info-circle-fill",
};
const STAYS_MS = 7000;

function region() {
  return document.getElementById("dx-toasts");
}

function arm(toast) {
  toast.querySelector("[data-toast-close]")?.addEventListener("click", () => toast.remove());
  // A failure stays until it is read; so does whatever the pointer or the focus is on.
  if (toast.classList.contains("is-danger")) return;
  let timer;
  const start = () => {
    timer = setTimeout(() => toast.remove(), STAYS_MS);
  };
  const stop = () => clearTimeout(timer);
  for (const name of ["pointerenter", "focusin"]) toast.addEventListener(name, stop);
  for (const name of ["pointerleave", "focusout"]) toast.addEventListener(name, start);
  start();
}

/**
 * Shows a note in the corner; assistive technology hears it.
 * `kind` is success, info, warning or danger; `detail` is a second, quieter line.
 */
export function toast({ message: text, kind = "success", title = "" }) {
  const box = region();
  if (!box || !text) return;
  const note = document.createElement("div");
  note.className = `dx-toast is-${ICONS[kind] ? kind : "info"}`;
  const icon = document.createElement("i");
  icon.className = `bi bi-${ICONS[kind] ?? ICONS.info}`;
  icon.setAttribute("aria-hidden", "true");
  const words = document.createElement("div");
  if (title) {
    const strong = document.createElement("strong");
    strong.textContent = title;
    words.append(strong);
  }
  const line = document.createElement("p");
  line.textContent = text;
  line.dir = "auto";
  words.append(line);
  const close = document.createElement("button");
  close.type = "button";
  close.className = "btn btn-quiet btn-icon btn-sm";
  close.dataset.toastClose = "";
  close.setAttribute("aria-label", message("close"));
  close.innerHTML = '<i class="bi bi-x-lg" aria-hidden="true"></i>';
  note.append(icon, words, close);
  box.append(note);
  arm(note);
}

export function startToasts() {
  for (const note of region()?.querySelectorAll(".dx-toast") ?? []) arm(note);
  // htmx turns the answer's HX-Trigger header {"toast": {...}} into this event.
  document.addEventListener("toast", (event) => {
    const { detail } = event;
    for (const note of detail.toasts ?? [detail]) toast(note);
  });
}
