// Rich text: Tiptap over a hidden textarea that holds the ProseMirror document as JSON.

import { Editor } from "@tiptap/core";
import StarterKit from "@tiptap/starter-kit";

import { LinkRow, safeAddress } from "./editor-link.js";
import { makeToolbar } from "./editor-toolbar.js";
import { markDirty } from "./guard.js";

const EMPTY = { type: "doc", content: [{ type: "paragraph" }] };

function readDocument(text) {
  if (!text.trim()) return EMPTY;
  const value = JSON.parse(text);
  return value?.type === "doc" ? value : EMPTY;
}

/** The document without attributes that say nothing, so that what is stored stays lean. */
function leanDocument(node) {
  if (Array.isArray(node)) return node.map(leanDocument);
  if (node === null || typeof node !== "object") return node;
  const lean = {};
  for (const [name, value] of Object.entries(node)) {
    if (name !== "attrs") {
      lean[name] = leanDocument(value);
      continue;
    }
    const said = Object.entries(value).filter(([, attribute]) => attribute !== null);
    if (said.length) lean.attrs = Object.fromEntries(said);
  }
  return lean;
}

/** Replaces `field` by an editor; the textarea stays in the form, hidden, and always current. */
export function mountEditor(field) {
  const labels = JSON.parse(field.dataset.labels);
  const box = document.createElement("div");
  box.className = "dx-rich";
  box.classList.toggle("is-invalid", field.classList.contains("is-invalid"));
  const place = document.createElement("div");
  box.append(place);

  const attributes = {
    class: "dx-prose",
    role: "textbox",
    "aria-multiline": "true",
    "data-placeholder": field.dataset.placeholder ?? "",
    dir: field.dir || getComputedStyle(field).direction,
    lang: field.lang || document.documentElement.lang,
  };
  const label = document.querySelector(`label[for="${CSS.escape(field.id)}"]`);
  if (label?.id) attributes["aria-labelledby"] = label.id;
  const described = field.getAttribute("aria-describedby");
  if (described) attributes["aria-describedby"] = described;
  if (field.required) attributes["aria-required"] = "true";
  if (field.getAttribute("aria-invalid")) attributes["aria-invalid"] = "true";

  const editor = new Editor({
    element: place,
    // The style sheet is part of the bundle; an injected one would break the page's policy.
    injectCSS: false,
    editable: !field.disabled && !field.readOnly,
    content: readDocument(field.value),
    extensions: [
      StarterKit.configure({
        heading: { levels: [2, 3, 4] },
        link: {
          openOnClick: false,
          autolink: true,
          linkOnPaste: true,
          protocols: ["mailto", "tel"],
          isAllowedUri: (address) => safeAddress(address ?? "") !== null,
          HTMLAttributes: { rel: null, target: null, class: null },
        },
        trailingNode: false,
      }),
    ],
    editorProps: { attributes },
    onUpdate: () => {
      field.value = editor.isEmpty ? "" : JSON.stringify(leanDocument(editor.getJSON()));
      field.dispatchEvent(new Event("input", { bubbles: true }));
      markDirty(field.form);
    },
  });

  const linkRow = new LinkRow(editor, labels);
  const { bar, refresh } = makeToolbar(editor, linkRow, labels);
  box.prepend(bar, linkRow.element);
  const markEmpty = () => editor.view.dom.classList.toggle("is-empty-editor", editor.isEmpty);
  editor.on("transaction", () => {
    refresh();
    markEmpty();
  });
  editor.view.dom.addEventListener("keydown", (event) => {
    if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "u" && event.shiftKey) {
      event.preventDefault();
      linkRow.open();
    }
  });
  refresh();
  markEmpty();
  // A required but hidden textarea would stop the form with a message nobody can see.
  field.required = false;
  field.classList.add("is-mounted");
  field.after(box);
  label?.addEventListener("click", () => editor.commands.focus());
  return editor;
}
