// Shortens names to the room that they have. The part that distinguishes a name from the other names shown stays.
const SIZE = 12.5;
const FONT = "system-ui, sans-serif";
const MORE = "…";
const LEAST = 30; // px: less room shows no word
const ABBREVIATED = 3; // letters of a start that is left out
const SHORT_TAIL = 4; // an end of fewer letters says nothing
const ENDS = /[\s/.:@_-]/;
const WORD = /^[\s/.:@_-]*[^\s/.:@_-]*/;

const pen = document.createElement("canvas").getContext("2d");

export const label = { size: SIZE, font: FONT };

export function widthOf(text, { bold = false } = {}) {
  pen.font = `${bold ? 700 : 400} ${SIZE}px ${FONT}`;
  return pen.measureText(text).width;
}

// Return the text to draw for each id. `named` maps an id to a name and the room for it, in px.
export function shortLabels(named) {
  const shared = sharedStarts([...named.values()].map(({ name }) => name));
  return new Map([...named].map(([id, { name, room, bold }]) => [id, shortened(name, shared.get(name), Math.max(room, LEAST), bold)]));
}

// Return for each name the length of the longest start that another name shares, up to the end of a word. In sorted order,
// this other name is next to the name.
export function sharedStarts(names) {
  const sorted = [...new Set(names)].sort();
  const before = sorted.map((name, i) => (i ? sharedStart(sorted[i - 1], name) : 0));
  return new Map(sorted.map((name, i) => [name, Math.max(before[i], before[i + 1] ?? 0)]));
}

function sharedStart(a, b) {
  let length = 0;
  while (length < Math.min(a.length, b.length) && a[length] === b[length]) length += 1;
  if (length === b.length || length === a.length) return length;
  while (length && !ENDS.test(b[length - 1])) length -= 1;
  return length;
}

// Cut a name in the middle, so that the first word that distinguishes it stays. `start` is the length of the shared start.
export function shortened(name, start, room, bold = false) {
  const fits = (text) => widthOf(text, { bold }) <= room;
  if (fits(name)) return name;
  const [word] = name.slice(start).match(WORD) ?? [""];
  const needed = start + word.length;
  return ends(name, needed, fits) ?? (start ? withoutStart(name, start, fits) : cut(name, fits));
}

// Keep the beginning, at least `needed` letters, and the end of a name.
function ends(name, needed, fits) {
  for (let length = name.length - 1; length >= needed; length -= 1) {
    const tail = Math.min(Math.floor(length / 3), length - needed);
    const text = `${name.slice(0, length - tail).trimEnd()}${MORE}${tail < SHORT_TAIL ? "" : name.slice(name.length - tail).trimStart()}`;
    if (fits(text)) return text;
  }
  return null;
}

// Leave out as much of the shared start of a name as necessary, from its end.
function withoutStart(name, start, fits) {
  const distinct = name.slice(start);
  for (let length = start - 1; length > 1; length -= 1) {
    const text = `${name.slice(0, length).trimEnd()}${MORE}${distinct}`;
    if (fits(text)) return text;
  }
  return cut(`${name.slice(0, ABBREVIATED)}${MORE}${distinct}`, fits);
}

function cut(text, fits) {
  let length = text.length - 1;
  while (length > 1 && !fits(`${text.slice(0, length)}${MORE}`)) length -= 1;
  return `${text.slice(0, length).trimEnd()}${MORE}`;
}
