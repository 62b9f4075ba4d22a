// The toolbar: one tab stop, arrows move inside it (the ARIA toolbar pattern).

const HEADINGS = [2, 3, 4];

/** Every tool: name (its label's key), icon, command, and whether it is on or can run. */
function tools(linkRow) {
  const toggle = (name, icon, command, active = [name]) => ({
    name,
    icon,
    run: (chain) => chain[command](),
    isOn: (editor) => editor.isActive(...active),
  });
  return [
    [
      toggle("bold", "type-bold", "toggleBold"),
      toggle("italic", "type-italic", "toggleItalic"),
      toggle("underline", "type-underline", "toggleUnderline"),
      toggle("strike", "type-strikethrough", "toggleStrike"),
      toggle("code", "code", "toggleCode"),
    ],
    HEADINGS.map((level) => ({
      name: `heading${level}`,
      icon: `type-h${level}`,
      run: (chain) => chain.toggleHeading({ level }),
      isOn: (editor) => editor.isActive("heading", { level }),
    })),
    [
      toggle("bulletList", "list-ul", "toggleBulletList"),
      toggle("orderedList", "list-ol", "toggleOrderedList"),
      toggle("blockquote", "quote", "toggleBlockquote"),
      toggle("codeBlock", "code-square", "toggleCodeBlock"),
      { name: "horizontalRule", icon: "hr", run: (chain) => chain.setHorizontalRule() },
    ],
    [
      {
        name: "link",
        icon: "link-45deg",
        open: () => linkRow.open(),
        isOn: (editor) => editor.isActive("link"),
      },
    ],
    [
      { name: "undo", icon: "arrow-counterclockwise", run: (chain) => chain.undo() },
      { name: "redo", icon: "arrow-clockwise", run: (chain) => chain.redo() },
    ],
  ];
}

function makeButton(tool, labels) {
  const button = document.createElement("button");
  button.type = "button";
  button.title = labels[tool.name];
  button.setAttribute("aria-label", labels[tool.name]);
  if (tool.isOn) button.setAttribute("aria-pressed", "false");
  button.innerHTML = `<i class="bi bi-${tool.icon}" aria-hidden="true"></i>`;
  return button;
}

function moveFocus(event, buttons, rightToLeft) {
  const reach = buttons.filter((button) => !button.disabled);
  const now = reach.indexOf(document.activeElement);
  const forward = rightToLeft ? "ArrowLeft" : "ArrowRight";
  const back = rightToLeft ? "ArrowRight" : "ArrowLeft";
  const next = {
    [forward]: reach[(now + 1) % reach.length],
    [back]: reach[(now - 1 + reach.length) % reach.length],
    Home: reach[0],
    End: reach.at(-1),
  }[event.key];
  if (!next) return;
  event.preventDefault();
  for (const button of buttons) button.tabIndex = button === next ? 0 : -1;
  next.focus();
}

/** Builds the bar; returns it with `refresh()`, to be called when the selection moves. */
export function makeToolbar(editor, linkRow, labels) {
  const bar = document.createElement("div");
  bar.className = "dx-rich-bar";
  bar.setAttribute("role", "toolbar");
  bar.setAttribute("aria-label", labels.toolbar);
  const pairs = [];
  for (const group of tools(linkRow)) {
    const part = document.createElement("span");
    bar.append(part);
    for (const tool of group) {
      const button = makeButton(tool, labels);
      button.tabIndex = pairs.length ? -1 : 0;
      button.addEventListener("mousedown", (event) => event.preventDefault());
      button.addEventListener("click", () => {
        if (tool.open) tool.open();
        else tool.run(editor.chain().focus()).run();
      });
      pairs.push([tool, button]);
      part.append(button);
    }
  }
  const buttons = pairs.map(([, button]) => button);
  bar.addEventListener("keydown", (event) =>
    moveFocus(event, buttons, getComputedStyle(bar).direction === "rtl"),
  );
  const refresh = () => {
    for (const [tool, button] of pairs) {
      if (tool.isOn) button.setAttribute("aria-pressed", String(tool.isOn(editor)));
      if (tool.run) button.disabled = !tool.run(editor.can().chain()).run();
    }
    if (!buttons.some((button) => button.tabIndex === 0 && !button.disabled)) {
      for (const button of buttons) button.tabIndex = -1;
      const first = buttons.find((button) => !button.disabled);
      if (first) first.tabIndex = 0;
    }
  };
  return { bar, refresh };
}
