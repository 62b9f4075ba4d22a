// The light / dark / auto menu. theme.js does the painting; this keeps the choice.

const YEAR_SECONDS = 365 * 24 * 60 * 60;

function mark(choice) {
  for (const button of document.querySelectorAll("[data-theme-choice-button]")) {
    button.setAttribute("aria-pressed", String(button.dataset.themeChoiceButton === choice));
  }
}

export function startThemeSwitch() {
  const root = document.documentElement;
  mark(root.dataset.themeChoice ?? "auto");
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-theme-choice-button]");
    if (!button) return;
    const choice = button.dataset.themeChoiceButton;
    const secure = location.protocol === "https:" ? "; secure" : "";
    document.cookie = `dxp_theme=${choice}; path=/; max-age=${YEAR_SECONDS}; samesite=lax${secure}`;
    root.dataset.themeChoice = choice;
    document.dispatchEvent(new Event("dxp:theme"));
    mark(choice);
  });
}
