// The layouts of the drawing. Labels must stay readable: around a single central record they point outwards.
import { kinds } from "./page.js";

const ROW = 25;
const LABEL = 215;
const COLUMN = 205;
const LAYER_ROW = 40;
const NAMED_ROW = 110;
const ASIDE = 90;
const AROUND = 80;
const IN_CIRCLE = 14;
const FEW = 5;
const NARROW = 0.8;
const SPREAD = 500;
const ORDER = Object.keys(kinds);
const ordered = (records) => [...records].sort((a, b) => ORDER.indexOf(a.kind) - ORDER.indexOf(b.kind) || a.name.localeCompare(b.name));

export function layoutFor(scene, view) {
  if (view.layout) return view.layout;
  if ((scene.grouped || scene.clustered) && scene.records.length <= IN_CIRCLE) return "circle";
  if (scene.whole) return "layers";
  if (view.of.length <= FEW && scene.records.length <= AROUND) return "around";
  return scene.records.length <= SPREAD ? "spread" : "rings";
}

// Place the central records in a column, and the other records on both halves of an ellipse, in rows by kind, as wide as
// the canvas allows. On a narrow canvas, place the other records in a single column.
export function around(records, centres, aspect) {
  const rest = ordered(records.filter((record) => !centres.includes(record.id)));
  return aspect < NARROW ? column(rest, centres) : ellipse(rest, centres, aspect);
}

function ellipse(rest, centres, aspect) {
  const half = Math.ceil(rest.length / 2);
  const height = Math.max(half, 6) * ROW;
  const reach = Math.min(Math.max((height * aspect) / 2 - LABEL - 110, 40), height * 0.4);
  const places = new Map(centres.map((id, i) => [id, { x: 0, y: ((i + 0.5) / centres.length - 0.5) * height * 0.8, side: "below" }]));
  rest.forEach((record, i) => {
    const right = i < half;
    const row = (right ? i : rest.length - 1 - i) + 0.5;
    const y = (row / half - 0.5) * height;
    const x = 110 + reach * Math.sqrt(1 - ((2 * y) / height) ** 2);
    places.set(record.id, { x: right ? x : -x, y, side: right ? "right" : "left" });
  });
  return places;
}

function column(rest, centres) {
  const places = new Map(centres.map((id, i) => [id, { x: 0, y: i * 3 * ROW, side: "right" }]));
  rest.forEach((record, i) => places.set(record.id, { x: 120, y: (i + 1.5) * ROW, side: "right" }));
  return places;
}

// Place records in layers from left to right by their distance in links. A layer with many records takes several columns.
// If links have labels, place records farther apart and not exactly above one another.
export function layers(records, aspect, named) {
  const byStep = new Map();
  for (const record of ordered(records)) byStep.set(record.steps ?? 0, [...(byStep.get(record.steps ?? 0) ?? []), record]);
  const steps = [...byStep].sort(([a], [b]) => a - b).map(([, those]) => those);
  const tall = tallest(steps, aspect);
  const places = new Map();
  let column = 0;
  for (const those of steps) {
    const columns = Math.ceil(those.length / tall);
    const rows = Math.ceil(those.length / columns);
    those.forEach((record, i) => {
      const x = (column + Math.floor(i / rows)) * COLUMN + (named ? (i % 2) * ASIDE : 0);
      places.set(record.id, { x, y: ((i % rows) - (rows - 1) / 2) * (named ? NAMED_ROW : LAYER_ROW), side: named ? "below" : "right" });
    });
    column += columns;
  }
  return places;
}

// Return the number of rows per layer for which the drawing has the aspect ratio of the canvas.
function tallest(steps, aspect) {
  const wide = (tall) => steps.reduce((sum, those) => sum + Math.ceil(those.length / tall), 0) * COLUMN;
  let tall = 4;
  while (wide(tall) > tall * LAYER_ROW * aspect && tall < 200) tall += 1;
  return tall;
}

export const SETTLED = {
  rings: { name: "concentric", animate: false, concentric: (node) => node.data("rank"), levelWidth: () => 1, minNodeSpacing: 28 },
  circle: { name: "circle", animate: false, spacingFactor: 1.3, sort: (a, b) => a.data("label").localeCompare(b.data("label")) },
};
