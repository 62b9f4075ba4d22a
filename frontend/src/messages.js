// Words that scripts show come from the page, where they are translated:
// <template id="dx-messages" data-network="…">.

/** The translated text under `name`, or the name itself when the page does not carry it. */
export function message(name) {
  return document.getElementById("dx-messages")?.dataset[name] ?? name;
}
