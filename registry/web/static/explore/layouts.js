// The layouts of the drawing. Labels must stay readable: these layouts use the pixels of the canvas, so that text is
// drawn in its full size, each label in its own row.
import { kinds } from "./page.js";

const EDGE = 16;
const ROW = 18;
const WIDEST_ROW = 26;
const NARROW = 560;
const INNER = 104;
const BULGE = 56;
const COLUMN = { wide: 200, narrow: 160 };
const BADGE = 44; // px: room for the number of further links beside a record
const ARCS = 110; // px: room for the links within a column
const CENTRE_ROW = 30;
const NAMED = { column: 165, row: 92, side: 150 };
const IN_CIRCLE = 14;
const FEW = 5;
const SPREAD = 500;
const ORDER = Object.keys(kinds);
const compare = new Intl.Collator(document.documentElement.lang).compare;
const ordered = (records) => [...records].sort((a, b) => rank(a) - rank(b) || compare(a.role ?? "", b.role ?? "") || compare(a.name, b.name));
const rank = ({ kind }) => ORDER.indexOf(kind);

export const GAP = 6; // px between a record and its label

export function layoutFor({ records, grouped, clustered, whole }, view, size) {
  if (view.layout) return view.layout;
  const circle = (grouped || clustered) && records.length <= IN_CIRCLE;
  if (circle && !isNarrow(size)) return "circle";
  if (whole || circle) return "layers";
  if (view.of.length <= FEW && !grouped && !clustered) return "around";
  return records.length <= SPREAD ? "spread" : "rings";
}

// Return how many records beside the central ones have room for a readable label.
export function capacity(layout, centres, size) {
  if (layout === "layers") return columnsIn(size) * rowsIn(size);
  return isNarrow(size) ? Math.floor((size.height - 2 * EDGE - centres * CENTRE_ROW) / ROW) : 2 * rowsIn(size);
}

const isNarrow = ({ width }) => width < NARROW;
const rowsIn = ({ height }) => Math.max(4, Math.floor((height - 2 * EDGE) / ROW));
const columnsIn = (size) => Math.max(1, Math.floor((size.width - 2 * EDGE) / (isNarrow(size) ? COLUMN.narrow : COLUMN.wide)));

// Place the central records in the middle, and the other records on both sides of them, in rows by kind. On a narrow canvas,
// place the other records below them. Each place has the side of the label, the room for it, and the height of the row.
export function around(records, centres, size) {
  const rest = ordered(records.filter((record) => !centres.includes(record.id)));
  if (rest.length > capacity("around", centres.length, size)) return columns(rest, size, centres);
  return isNarrow(size) ? below(rest, centres, size) : ellipse(rest, centres, size);
}

function ellipse(rest, centres, { width, height }) {
  const half = Math.ceil(rest.length / 2);
  const row = Math.min(WIDEST_ROW, (height - 2 * EDGE) / Math.max(half, 1));
  const [middle, tall] = [{ x: width / 2, y: height / 2 }, Math.max(half, 6) * row];
  const bulge = Math.min(BULGE, width / 14);
  const places = new Map(centres.map((id, i) => [id, { x: middle.x, y: middle.y + ((i + 0.5) / centres.length - 0.5) * tall * 0.8, side: "below", room: 130, row: 60 }]));
  rest.forEach((record, i) => {
    const right = i < half;
    const y = ((right ? i : rest.length - 1 - i) + 0.5 - half / 2) * row;
    const x = INNER + bulge * Math.sqrt(Math.max(0, 1 - ((2 * y) / tall) ** 2));
    places.set(record.id, { x: middle.x + (right ? x : -x), y: middle.y + y, side: right ? "right" : "left", room: width / 2 - x - EDGE - row / 2 - GAP, row });
  });
  return places;
}

function below(rest, centres, { width, height }) {
  const top = EDGE + centres.length * CENTRE_ROW;
  const row = Math.min(WIDEST_ROW, (height - EDGE - top) / Math.max(rest.length, 1));
  const places = centresAbove(centres, width);
  const x = EDGE + BADGE;
  rest.forEach((record, i) => places.set(record.id, { x, y: top + (i + 0.5) * row, side: "right", room: width - x - EDGE - row / 2 - GAP, row }));
  return places;
}

const centresAbove = (centres, width) =>
  new Map(centres.map((id, i) => [id, { x: EDGE + 14, y: EDGE + (i + 0.5) * CENTRE_ROW, side: "right", room: width - 4 * EDGE - 20, row: CENTRE_ROW }]));

// Fill columns from top to bottom. More records than the canvas has room for continue below it.
function columns(records, size, centres = []) {
  const top = EDGE + centres.length * CENTRE_ROW;
  const needed = Math.ceil(records.length / Math.floor((size.height - EDGE - top) / ROW));
  const count = Math.max(1, Math.min(columnsIn(size), isNarrow(size) ? needed : Infinity));
  const rows = Math.ceil(records.length / count);
  const row = Math.max(ROW, Math.min(WIDEST_ROW, (size.height - EDGE - top) / rows));
  const wide = (size.width - 2 * EDGE) / count;
  const places = centresAbove(centres, size.width);
  const aside = records.some((record) => record.group) ? ARCS : BADGE;
  records.forEach((record, i) => {
    const x = EDGE + Math.floor(i / rows) * wide + aside;
    places.set(record.id, { x, y: top + ((i % rows) + 0.5) * row, side: "right", room: wide - aside - row / 2 - GAP - 4, row });
  });
  return places;
}

// Place records by their distance in links: from left to right, or from top to bottom on a narrow canvas. If the layers do not
// fit with the labels of their links, fill columns in the order of the distance.
export function layers(records, size, named) {
  const steps = byStep(records);
  const most = Math.max(...steps.map((those) => those.length));
  const { width, height } = { width: size.width - 2 * EDGE, height: size.height - 2 * EDGE };
  if (named && steps.length * NAMED.column <= width && most * NAMED.row <= height) return withNames(across(steps, width, height));
  if (named && steps.length * NAMED.row <= height && most * NAMED.side <= width) return withNames(down(steps, width, height));
  return columns(steps.flat(), size);
}

// The links of these places have room for their labels.
const withNames = (places) => Object.assign(places, { named: true });

// Neighbours in a layer are not exactly above one another, so that the labels of their links differ in place.
function across(steps, width, height) {
  const wide = width / steps.length;
  return laidOut(steps, (step, i, count) => ({ x: EDGE + (step + 0.5) * wide + (count > 1 ? (i % 2 ? 1 : -1) * (wide - 140) * 0.3 : 0), y: EDGE + ((i + 0.5) / count) * height - 12, side: "below", room: 130, row: 40 }));
}

function down(steps, width, height) {
  const row = Math.min(120, height / steps.length);
  return laidOut(steps, (step, i, count) => ({ x: EDGE + (i * width) / count + 22, y: EDGE + (step + 0.4) * row, side: "right", room: width / count - 22 - 20 - GAP, row: 30 }));
}

function laidOut(steps, place) {
  return new Map(steps.flatMap((those, step) => those.map((record, i) => [record.id, place(step, i, those.length)])));
}

function byStep(records) {
  const found = new Map();
  for (const record of ordered(records)) found.set(record.steps ?? 0, [...(found.get(record.steps ?? 0) ?? []), record]);
  return [...found].sort(([a], [b]) => a - b).map(([, those]) => those);
}

// Links within a column are arcs on its left side. Return the height of the arc in px, 0 for a straight link.
export function arcOf(from, to) {
  if (!from || !to || from.x !== to.x || from.side !== "right") return 0;
  const height = Math.min(ARCS - 24, Math.abs(to.y - from.y) * 0.6);
  return Math.sign(to.y - from.y) * height;
}

export const SETTLED = {
  rings: { name: "concentric", animate: false, concentric: (node) => node.data("rank"), levelWidth: () => 1, minNodeSpacing: 28 },
  circle: { name: "circle", animate: false, spacingFactor: 1.3, sort: (a, b) => compare(a.data("name"), b.data("name")) },
};
