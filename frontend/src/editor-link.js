// The row under the toolbar where a link's address is typed.

const SCHEMES = /^(https?:\/\/|mailto:|tel:|\/(?!\/)|#)/i;

/** A cleaned address, or null when its scheme is none that a page may link to. */
export function safeAddress(text) {
  const address = text.trim();
  if (SCHEMES.test(address)) return address;
  if (/^[\w-]+(\.[\w-]+)+([/?#].*)?$/.test(address)) return `https://${address}`;
  return null;
}

export class LinkRow {
  constructor(editor, labels) {
    this.editor = editor;
    this.element = document.createElement("div");
    this.element.className = "dx-rich-link";
    this.element.hidden = true;
    this.input = document.createElement("input");
    this.input.type = "text";
    this.input.inputMode = "url";
    this.input.dir = "ltr";
    this.input.className = "form-control form-control-sm";
    this.input.placeholder = "https://";
    this.input.setAttribute("aria-label", labels.linkAddress);
    this.error = document.createElement("p");
    this.error.className = "dx-error w-100 m-0";
    this.error.setAttribute("role", "alert");
    this.refusal = labels.linkRefused;
    this.element.append(
      this.input,
      this.button(labels.apply, "btn btn-sm btn-primary", () => this.apply()),
      this.button(labels.removeLink, "btn btn-sm btn-plain", () => this.remove()),
      this.error,
    );
    this.input.addEventListener("keydown", (event) => {
      if (event.key === "Enter") {
        event.preventDefault();
        this.apply();
      } else if (event.key === "Escape") {
        event.preventDefault();
        event.stopPropagation();
        this.close();
      }
    });
  }

  button(label, className, run) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = className;
    button.textContent = label;
    button.addEventListener("click", run);
    return button;
  }

  open() {
    this.error.textContent = "";
    this.input.value = this.editor.getAttributes("link").href ?? "";
    this.element.hidden = false;
    this.input.focus();
    this.input.select();
  }

  close() {
    this.element.hidden = true;
    this.editor.commands.focus();
  }

  apply() {
    if (!this.input.value.trim()) {
      this.remove();
      return;
    }
    const href = safeAddress(this.input.value);
    if (!href) {
      this.error.textContent = this.refusal;
      return;
    }
    const chain = this.editor.chain().focus().extendMarkRange("link");
    if (this.editor.state.selection.empty && !this.editor.isActive("link")) {
      chain.insertContent({ type: "text", text: href, marks: [{ type: "link", attrs: { href } }] });
    } else {
      chain.setLink({ href });
    }
    chain.run();
    this.element.hidden = true;
  }

  remove() {
    this.editor.chain().focus().extendMarkRange("link").unsetLink().run();
    this.element.hidden = true;
  }
}
