// Loads the editor only on pages that have a rich-text field.

export async function mountRichText(root = document) {
  const fields = root.querySelectorAll("textarea[data-rich-text]:not(.is-mounted)");
  if (!fields.length) return;
  const { mountEditor } = await import("./editor.js");
  for (const field of fields) mountEditor(field);
}
