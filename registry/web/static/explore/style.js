// The Cytoscape style. Shapes show the kind of a record, colours its kind or sector, and borders whether it would stop.
import { colour } from "./colours.js";
import { label } from "./labels.js";
import { GAP } from "./layouts.js";
import { kinds } from "./page.js";
import { points } from "./shapes.js";

export function graphStyle() {
  const [ink, quiet, paper, line, accent, lost] = ["ink", "quiet", "paper", "line", "accent", "lost"].map(colour);
  const text = { color: ink, "font-family": label.font, "text-background-color": paper, "text-background-opacity": 0.8, "text-background-padding": 1 };
  return [
    { selector: "node", style: {
      ...text, label: "data(label)", width: "data(size)", height: "data(size)", "background-color": "data(colour)", "font-size": label.size,
      "text-valign": "bottom", "text-margin-y": 4, "text-wrap": "wrap", "text-max-width": 130, "min-zoomed-font-size": 6,
      "border-width": 1.5, "border-color": paper, "overlay-opacity": 0,
    } },
    ...Object.keys(kinds).map((kind) => ({ selector: `node[kind = "${kind}"]`, style: shape(kind) })),
    { selector: "node[badge]", style: {
      "background-image": "data(badge)", "background-clip": "none", "background-image-containment": "over", "bounds-expansion": "12 30 4 4",
      "background-width": "data(badgeWidth)", "background-height": 14, "background-position-x": "100%", "background-position-y": "0%",
      "background-offset-x": 12, "background-offset-y": -8,
    } },
    { selector: ".right", style: { "text-halign": "right", "text-valign": "center", "text-margin-x": GAP, "text-margin-y": 0, "text-wrap": "none" } },
    { selector: ".left", style: { "text-halign": "left", "text-valign": "center", "text-margin-x": -GAP, "text-margin-y": 0, "text-wrap": "none" } },
    { selector: ".right[badge]", style: { "background-position-x": "0%", "background-position-y": "50%", "bounds-expansion": "2 2 2 48", "background-offset-x": beside(-1), "background-offset-y": 0 } },
    { selector: ".left[badge]", style: { "background-position-x": "100%", "background-position-y": "50%", "bounds-expansion": "2 48 2 2", "background-offset-x": beside(1), "background-offset-y": 0 } },
    { selector: ".covered", style: { "text-opacity": 0, "text-background-opacity": 0 } },
    { selector: ".quiet[badge]", style: { "background-image-opacity": 0, "bounds-expansion": 0 } },
    { selector: "node.near", style: { "z-index": 5 } },
    { selector: ".expanded", style: { "font-weight": 700, "border-color": ink, "border-width": 2 } },
    { selector: ".lost", style: { "border-color": lost, "border-width": 6, "border-style": "double", "font-weight": 700 } },
    { selector: ".degraded", style: { "border-color": lost, "border-width": 2.5, "border-style": "dashed" } },
    { selector: ".first", style: { "border-color": ink, "border-width": 5 } },
    { selector: "edge", style: {
      width: "data(width)", opacity: "data(opacity)", "line-color": line, "target-arrow-color": line, "curve-style": "bezier", "arrow-scale": 0.8,
      "overlay-opacity": 0,
    } },
    { selector: "edge.behind", style: { opacity: 0.45 } },
    { selector: "edge.many", style: { "curve-style": "haystack" } },
    { selector: "edge.labelled, edge.near", style: { "target-arrow-shape": "triangle", "line-color": quiet, "target-arrow-color": quiet } },
    { selector: "edge.labelled, edge.hovered", style: { ...text, label: "data(label)", "font-size": 11, color: quiet, "text-rotation": "autorotate", "text-background-opacity": 1 } },
    { selector: "edge.arc", style: { "curve-style": "unbundled-bezier", "control-point-distances": "data(arc)", "control-point-weights": 0.5 } },
    { selector: "edge.tie", style: { "line-color": quiet, "target-arrow-shape": "none" } },
    { selector: "edge.hovered", style: { "line-color": accent, "target-arrow-color": accent, "z-index": 9 } },
    { selector: ".apart", style: { opacity: 0.22 } },
    { selector: "node.chosen", style: { "underlay-color": accent, "underlay-opacity": 0.35, "underlay-padding": 9, "underlay-shape": "ellipse", "z-index": 10, "border-color": accent, "border-width": 3 } },
  ];
}

const beside = (side) => (node) => side * (node.data("badgeWidth") + 3);
const shape = (kind) => ({ shape: "polygon", "shape-polygon-points": points(kind).flat() });
