// form[data-guard]: leaving the page with unsaved changes asks first.

const dirty = new Set();

export function markDirty(form) {
  if (form?.matches("[data-guard]")) dirty.add(form);
}

export function markClean(form) {
  dirty.delete(form);
}

export function startGuard() {
  for (const name of ["input", "change", "dxp:sorted"]) {
    document.addEventListener(name, (event) => markDirty(event.target.closest?.("form")));
  }
  document.addEventListener("submit", (event) => {
    if (!event.defaultPrevented) markClean(event.target);
  });
  document.addEventListener("htmx:after:request", ({ detail: { ctx } }) => {
    if (ctx.response.status < 400) markClean(ctx.request.form);
  });
  window.addEventListener("beforeunload", (event) => {
    const unsaved = [...dirty].some((form) => form.isConnected);
    if (unsaved) event.preventDefault();
  });
}
