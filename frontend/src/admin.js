import "bootstrap/js/src/collapse.js";
import "bootstrap/js/src/dropdown.js";
import "bootstrap/js/src/offcanvas.js";
import "bootstrap/js/src/tab.js";

import { startCopyButtons } from "./copy.js";
import { startDialogs } from "./dialogs.js";
import { startErrorSummaries } from "./errors.js";
import { startGuard } from "./guard.js";
import { startPalette } from "./palette.js";
import { startRequests } from "./requests.js";
import { startReveal } from "./reveal.js";
import { mountRichText } from "./rich-text.js";
import { startSide } from "./side.js";
import { mountSortables, startSortables } from "./sortable.js";
import { startTabs } from "./tabs.js";
import { startThemeSwitch } from "./theme-switch.js";
import { startToasts } from "./toasts.js";

startToasts();
startRequests();
startDialogs();
startThemeSwitch();
startCopyButtons();
startReveal();
startGuard();
startErrorSummaries();
startPalette();
startSide();
startTabs();
startSortables();
mountRichText();

document.addEventListener("htmx:after:swap", () => {
  mountRichText();
  mountSortables();
});
