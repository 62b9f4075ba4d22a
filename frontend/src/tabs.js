// A row of tabs that is wider than the screen begins at the one that is open.

export function startTabs() {
  for (const row of document.querySelectorAll(".dx-tabs")) {
    const open = row.querySelector("[aria-current], [aria-selected=true]");
    if (!open || row.scrollWidth <= row.clientWidth) continue;
    const outer = row.getBoundingClientRect();
    const inner = open.getBoundingClientRect();
    row.scrollBy({ left: inner.left + inner.width / 2 - (outer.left + outer.width / 2), behavior: "instant" });
  }
}
