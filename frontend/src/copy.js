import { message } from "./messages.js";
import { toast } from "./toasts.js";

const SHOWN_MS = 1600;

/** What a copy button copies: its own `data-copy`, or the text of the element it names. */
function textFor(button) {
  if (button.dataset.copy) return button.dataset.copy;
  const source = document.getElementById(button.dataset.copyFrom);
  return source?.value ?? source?.textContent ?? "";
}

export function startCopyButtons() {
  document.addEventListener("click", async (event) => {
    const button = event.target.closest("[data-copy], [data-copy-from]");
    if (!button) return;
    try {
      await navigator.clipboard.writeText(textFor(button));
    } catch {
      toast({ message: message("copyFailed"), kind: "danger" });
      return;
    }
    const icon = button.querySelector(".bi");
    icon?.classList.replace("bi-copy", "bi-check-lg");
    button.classList.add("dx-copy-done");
    toast({ message: message("copied"), kind: "success" });
    setTimeout(() => {
      icon?.classList.replace("bi-check-lg", "bi-copy");
      button.classList.remove("dx-copy-done");
    }, SHOWN_MS);
  });
}
