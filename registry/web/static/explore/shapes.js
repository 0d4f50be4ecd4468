// The shape of each kind, as a polygon in a square from -1 to 1, for the canvas, the files and the legend.
const regular = (corners, turn = 0) =>
  Array.from({ length: corners }, (_, i) => {
    const angle = turn + (2 * Math.PI * i) / corners - Math.PI / 2;
    return [Math.cos(angle), Math.sin(angle)];
  });

const CIRCLE = regular(36);
const SHAPES = {
  Agency: [[-0.9, -0.9], [0.9, -0.9], [0.9, 0.9], [-0.9, 0.9]],
  Service: CIRCLE,
  Resource: regular(6),
  Need: [[0, -1], [1, 0.8], [-1, 0.8]],
  Partnership: regular(4),
  Sector: regular(8, Math.PI / 8),
  Area: regular(5),
  Audience: [[-1, -0.8], [1, -0.8], [0, 1]],
  Function: [[-0.5, -0.8], [1, -0.8], [0.5, 0.8], [-1, 0.8]],
  Channel: [[-1, -0.6], [0.4, -0.6], [1, 0], [0.4, 0.6], [-1, 0.6]],
  Statement: [[-1, -0.7], [1, -0.7], [1, 0.5], [-0.3, 0.5], [-0.7, 1], [-0.7, 0.5], [-1, 0.5]],
};

export const points = (kind) => SHAPES[kind] ?? CIRCLE;

const SVG = "http://www.w3.org/2000/svg";

export function glyph(kind, colour) {
  const drawing = document.createElementNS(SVG, "svg");
  drawing.setAttribute("viewBox", "-1.1 -1.1 2.2 2.2");
  drawing.setAttribute("class", "glyph");
  drawing.setAttribute("aria-hidden", "true");
  const polygon = document.createElementNS(SVG, "polygon");
  polygon.setAttribute("points", points(kind).map((point) => point.join()).join(" "));
  polygon.setAttribute("fill", colour);
  drawing.append(polygon);
  return drawing;
}
