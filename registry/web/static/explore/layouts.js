// Where records stand. Labels stay readable: around one record they all point outwards.
import { kinds } from "./page.js";

const ROW = 25;
const AROUND = 70;
const SPREAD = 500;
const ORDER = Object.keys(kinds);
const ordered = (records) => [...records].sort((a, b) => ORDER.indexOf(a.kind) - ORDER.indexOf(b.kind) || a.name.localeCompare(b.name));

export function layoutFor(scene, view) {
  if (view.layout) return view.layout;
  if (scene.grouped || scene.clustered) return "circle";
  if (scene.whole) return "layers";
  const one = view.of.length === 1;
  if (one && scene.records.length <= AROUND) return "around";
  return scene.records.length <= SPREAD ? "spread" : "rings";
}

// The centre, and the rest on the two halves of an ellipse, row by row, kind by kind.
export function around(records, centre) {
  const rest = ordered(records.filter((record) => record.id !== centre));
  const half = Math.ceil(rest.length / 2);
  const height = Math.max(half * ROW, 6 * ROW);
  const places = new Map([[centre, { x: 0, y: 0, side: "below" }]]);
  rest.forEach((record, i) => {
    const right = i < half;
    const row = right ? i : rest.length - 1 - i;
    const y = ((row + 0.5) / half - 0.5) * height;
    const x = 90 + 0.62 * Math.sqrt((height / 2) ** 2 - y ** 2);
    places.set(record.id, { x: right ? x : -x, y, side: right ? "right" : "left" });
  });
  return places;
}

// From left to right by how many links away; a crowded layer takes several columns.
export function layers(records) {
  const places = new Map();
  const tall = Math.max(8, Math.ceil(Math.sqrt(records.length) * 2));
  const layer = new Map();
  for (const record of ordered(records)) layer.set(record.steps ?? 0, [...(layer.get(record.steps ?? 0) ?? []), record]);
  let x = 0;
  for (const [, those] of [...layer].sort(([a], [b]) => a - b)) {
    const columns = Math.ceil(those.length / tall);
    const rows = Math.ceil(those.length / columns);
    those.forEach((record, i) => places.set(record.id, { x: x + Math.floor(i / rows) * 230, y: ((i % rows) - (rows - 1) / 2) * 44, side: "right" }));
    x += columns * 230 + 40;
  }
  return places;
}

export const SETTLED = {
  spread: { name: "cose", animate: false, randomize: false, nodeRepulsion: () => 30000, idealEdgeLength: () => 90, nodeOverlap: 30, gravity: 0.6, numIter: 600, componentSpacing: 120, nodeDimensionsIncludeLabels: true },
  rings: { name: "concentric", animate: false, concentric: (node) => node.data("rank"), levelWidth: () => 1, minNodeSpacing: 28 },
  circle: { name: "circle", animate: false, spacingFactor: 1.3, sort: (a, b) => a.data("label").localeCompare(b.data("label")) },
};
