// Classic script in <head>: decides the theme before anything is painted.
// The cookie is the record; "auto" follows the system.

const system = window.matchMedia("(prefers-color-scheme: dark)");

function apply() {
  const { themeChoice } = document.documentElement.dataset;
  const dark = themeChoice === "dark" || (themeChoice !== "light" && system.matches);
  document.documentElement.dataset.bsTheme = dark ? "dark" : "light";
}

system.addEventListener("change", apply);
document.addEventListener("dxp:theme", apply);
apply();
