// Native <dialog>s: [data-dialog-open="id"] opens, [data-dialog-close] closes, a click on the
// backdrop closes. The browser keeps the focus inside and gives it back.

export function openDialog(dialog) {
  if (!dialog || dialog.open) return;
  dialog.showModal();
  // The first field, rather than the button that closes; a question says itself where to begin.
  if (!dialog.querySelector("[autofocus]")) {
    dialog.querySelector(".dx-dialog-body :is(input:not([type=hidden]), select, textarea)")?.focus();
  }
}

function clickedBackdrop(event) {
  const box = event.target.getBoundingClientRect();
  return (
    event.clientX < box.left ||
    event.clientX > box.right ||
    event.clientY < box.top ||
    event.clientY > box.bottom
  );
}

export function startDialogs() {
  for (const dialog of document.querySelectorAll("dialog[data-dialog-show]")) {
    // Shown by the page without scripts; with them it keeps the focus inside.
    dialog.close();
    openDialog(dialog);
    dialog.querySelector("[aria-invalid=true]")?.focus();
  }
  document.addEventListener("click", (event) => {
    const opener = event.target.closest("[data-dialog-open]");
    if (opener) {
      event.preventDefault();
      openDialog(document.getElementById(opener.dataset.dialogOpen));
      return;
    }
    const closer = event.target.closest("[data-dialog-close]");
    if (closer) {
      closer.closest("dialog")?.close();
      return;
    }
    // A keyboard "click" has no place; only a pointer can hit the backdrop.
    if (event.target instanceof HTMLDialogElement && event.detail > 0 && clickedBackdrop(event)) {
      event.target.close();
    }
  });
  // A dialog answered by htmx has done its work once the answer is good.
  document.addEventListener("htmx:after:request", ({ detail: { ctx } }) => {
    const dialog = ctx.sourceElement?.closest?.("dialog[data-close-on-success]");
    if (dialog && ctx.response.status < 400) dialog.close();
  });
}
