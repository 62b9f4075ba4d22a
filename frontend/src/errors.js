// A form that came back with errors: the summary takes the focus, and its links lead to the
// fields, also where an editor stands in for the field.

const CONTROL = "input, select, textarea";

function fieldFor(link) {
  const field = document.getElementById(link.hash.slice(1));
  if (field?.classList.contains("is-mounted")) {
    return field.nextElementSibling.querySelector("[contenteditable]");
  }
  return field?.matches(CONTROL) ? field : field?.querySelector(CONTROL);
}

function focusSummary() {
  document.querySelector("[data-error-summary]")?.focus();
}

export function startErrorSummaries() {
  focusSummary();
  document.addEventListener("htmx:after:swap", focusSummary);
  document.addEventListener("click", (event) => {
    const link = event.target.closest("[data-error-summary] a[href^='#']");
    const field = link && fieldFor(link);
    if (!field) return;
    event.preventDefault();
    field.focus();
    field.scrollIntoView({ block: "center" });
  });
}
