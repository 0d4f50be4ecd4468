// Sharing and saving: the link to the view, and the graph as PNG, SVG or GraphML.
import { graphml } from "./graphml.js";
import { byId, element, translate } from "./page.js";
import { svg } from "./svg.js";

export function addExports({ scene, drawing, announce }) {
  const files = {
    png: () => drawing.png(),
    svg: () => new Blob([svg(drawing.picture(), document.title)], { type: "image/svg+xml" }),
    graphml: () => new Blob([graphml(scene())], { type: "application/graphml+xml" }),
  };
  for (const [format, create] of Object.entries(files)) {
    byId(format).addEventListener("click", async () => save(await create(), `${translate("file")}.${format}`));
  }
  byId("copy").addEventListener("click", async () => {
    const copied = await copy(location.href);
    if (!copied) select(location.href);
    announce(translate(copied ? "copied" : "not_copied"));
  });
  byId("link").addEventListener("blur", ({ target }) => (target.hidden = true));
}

// Browsers deny clipboard access to pages without HTTPS or without permission.
async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return false;
  }
}

function select(text) {
  const field = byId("link");
  field.hidden = false;
  field.value = text;
  field.select();
}

function save(blob, name) {
  const href = URL.createObjectURL(blob);
  element("a", { href, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(href), 1000);
}
