// Exports the drawing as SVG, from the positions of its records.
import { colour } from "./colours.js";
import { points } from "./shapes.js";
import { xml } from "./xml.js";

const LABEL = 13;
const LETTER = 6.4;
const round = (value) => Math.round(value * 10) / 10;

export function svg({ nodes, links }, title) {
  const [ink, quiet, paper, line, lost] = ["ink", "quiet", "paper", "line", "lost"].map(colour);
  const { x, y, width, height } = frame(nodes);
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="${[x, y, width, height].map(round).join(" ")}" width="${round(width)}" height="${round(height)}" font-family="system-ui, sans-serif" font-size="${LABEL}">`,
    `<title>${xml(title)}</title>`,
    `<rect x="${round(x)}" y="${round(y)}" width="${round(width)}" height="${round(height)}" fill="${paper}"/>`,
    ...links.map((link) => edgeElement(link, { line, quiet })),
    ...nodes.map((node) => nodeElement(node, { ink, paper, lost })),
    "</svg>",
    "",
  ].join("\n");
}

function edgeElement({ start, end, width, label, labelled }, { line, quiet }) {
  const stroke = `<line x1="${round(start.x)}" y1="${round(start.y)}" x2="${round(end.x)}" y2="${round(end.y)}" stroke="${line}" stroke-width="${round(width)}"><title>${xml(label)}</title></line>`;
  const text = `<text x="${round((start.x + end.x) / 2)}" y="${round((start.y + end.y) / 2)}" text-anchor="middle" font-size="11" fill="${quiet}">${xml(label)}</text>`;
  return labelled ? stroke + text : stroke;
}

function nodeElement({ x, y, size, kind, colour: fill, label, name, classes, badgeText }, { ink, paper, lost }) {
  const outline = points(kind).map(([px, py]) => `${round(x + (px * size) / 2)},${round(y + (py * size) / 2)}`).join(" ");
  const [stroke, width, dashes] = classes.includes("lost") ? [lost, 5, ""] : classes.includes("degraded") ? [lost, 2.5, ' stroke-dasharray="5 3"'] : [classes.includes("expanded") ? ink : paper, 1.5, ""];
  const badge = badgeText ? `<text x="${round(x + size / 2)}" y="${round(y - size / 2)}" font-size="10" fill="${ink}">${badgeText}</text>` : "";
  return `<g><title>${xml(name)}</title><polygon points="${outline}" fill="${fill}" stroke="${stroke}" stroke-width="${width}"${dashes}/>${labelElement({ x, y, size, label, classes }, ink)}${badge}</g>`;
}

function labelElement({ x, y, size, label, classes }, ink) {
  const weight = classes.includes("expanded") ? ' font-weight="700"' : "";
  const aside = classes.includes("right") ? 1 : classes.includes("left") ? -1 : 0;
  const place = aside ? { x: x + aside * (size / 2 + 8), y: y + LABEL / 3, anchor: aside > 0 ? "start" : "end" } : { x, y: y + size / 2 + LABEL + 2, anchor: "middle" };
  return `<text x="${round(place.x)}" y="${round(place.y)}" text-anchor="${place.anchor}" fill="${ink}"${weight}>${xml(label)}</text>`;
}

function frame(nodes) {
  const reach = nodes.map(({ x, y, size, label, classes }) => {
    const wide = label.length * LETTER + size;
    const left = classes.includes("right") ? size : classes.includes("left") ? wide : wide / 2;
    const right = classes.includes("left") ? size : classes.includes("right") ? wide : wide / 2;
    return { left: x - left, right: x + right, top: y - size, bottom: y + size + LABEL * 2 };
  });
  const [x, y] = [Math.min(0, ...reach.map((one) => one.left)) - 20, Math.min(0, ...reach.map((one) => one.top)) - 20];
  return { x, y, width: Math.max(0, ...reach.map((one) => one.right)) + 20 - x, height: Math.max(0, ...reach.map((one) => one.bottom)) + 20 - y };
}
