// Colours, read from the style sheet so that the light and dark themes are defined in one place.
const dark = matchMedia("(prefers-color-scheme: dark)");
const HUES = 12;

const style = getComputedStyle(document.documentElement);
const cache = new Map();

export function colour(name) {
  if (!cache.has(name)) cache.set(name, style.getPropertyValue(`--${name}`).trim());
  return cache.get(name);
}

export function onTheme(listener) {
  dark.addEventListener("change", () => {
    cache.clear();
    listener();
  });
}

// A sector keeps its colour while it is shown; colours are assigned in order of appearance.
const sectors = new Map();

function hue(id) {
  if (!sectors.has(id)) sectors.set(id, sectors.size % HUES);
  return colour(`hue-${sectors.get(id)}`);
}

export const kindColour = (kind) => colour(`kind-${kind}`) || colour("kind-other");
export const sectorColour = (sector) => (sector ? hue(sector.id) : colour("kind-other"));

export function colourOf(record, by) {
  if (record.group) return colour("kind-Agency");
  return by === "sector" ? sectorColour(record.sectors[0]) : kindColour(record.kind);
}
