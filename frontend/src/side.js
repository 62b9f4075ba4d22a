// The menu is part of the page on wide screens and a dialog on narrow ones; it needs a name only
// while it is a dialog.

export function startSide() {
  const side = document.getElementById("dx-side");
  side?.addEventListener("show.bs.offcanvas", () => {
    side.setAttribute("aria-label", side.dataset.dialogLabel);
  });
  side?.addEventListener("hidden.bs.offcanvas", () => side.removeAttribute("aria-label"));
}
