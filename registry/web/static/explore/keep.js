// What one takes along: the link to the view, a picture, a drawing, the graph.
import { graphml } from "./graphml.js";
import { byId, element, say } from "./page.js";
import { svg } from "./svg.js";

export function offerFiles({ scene, drawing, tell }) {
  const write = {
    png: () => drawing.png(),
    svg: () => new Blob([svg(drawing.picture(), document.title)], { type: "image/svg+xml" }),
    graphml: () => new Blob([graphml(scene())], { type: "application/graphml+xml" }),
  };
  for (const [format, made] of Object.entries(write)) {
    byId(format).addEventListener("click", async () => save(await made(), `${say("file")}.${format}`));
  }
  byId("copy").addEventListener("click", async () => {
    await navigator.clipboard?.writeText(location.href);
    tell(say("copied"));
  });
}

function save(blob, name) {
  const href = URL.createObjectURL(blob);
  element("a", { href, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(href), 1000);
}
