// Shows and hides a secret: <button data-reveal="input id" aria-pressed="false">.

export function startReveal() {
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-reveal]");
    if (!button) return;
    const input = document.getElementById(button.dataset.reveal);
    const show = input.type === "password";
    input.type = show ? "text" : "password";
    button.setAttribute("aria-pressed", String(show));
    const icon = button.querySelector(".bi");
    icon?.classList.toggle("bi-eye", !show);
    icon?.classList.toggle("bi-eye-slash", show);
  });
}
