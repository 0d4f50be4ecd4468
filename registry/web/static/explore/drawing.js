// Draws a scene with Cytoscape.
import cytoscape from "../vendor/cytoscape-3.34.4/cytoscape.esm.min.mjs";
import { colour, colourOf } from "./colours.js";
import { settle } from "./forces.js";
import { around, layers, layoutFor, SETTLED } from "./layouts.js";
import { graphStyle } from "./style.js";

const EDGE = 20;
const [SMALL, LARGE] = [0.55, 1.4];
const FEW_LINKS = 40;
const FEW_NAMES = 16;
const CROWD = 60;
const MANY_ELEMENTS = 600;

export class Drawing {
  constructor(place, { select, toggle }) {
    this.cy = cytoscape({ container: place, style: graphStyle(), minZoom: 0.05, maxZoom: 3, boxSelectionEnabled: false, autounselectify: true });
    this.cy.on("tap", (event) => select(event.target === this.cy || event.target.isEdge() ? "" : event.target.id()));
    this.cy.on("dbltap", "node", (event) => toggle(event.target.id()));
    this.cy.on("mouseover mouseout", "edge", (event) => event.target.toggleClass("hovered", event.type === "mouseover"));
    new ResizeObserver(() => this.cy.resize()).observe(place);
  }

  show(scene, view) {
    const layout = layoutFor(scene, view);
    const form = [layout, view.of[0], ...scene.records.map((record) => record.id).sort()].join("\n");
    this.cy.batch(() => this.#match(scene, view));
    if (form !== this.form) this.#arrange(layout, scene, view);
    this.form = form;
    this.choose(view.at);
  }

  choose(id) {
    const { cy } = this;
    cy.batch(() => {
      cy.elements().removeClass("chosen apart near");
      const chosen = cy.getElementById(id);
      if (chosen.empty()) return;
      const near = chosen.closedNeighborhood();
      chosen.addClass("chosen");
      near.edges().addClass("near");
      if (near.nodes().length <= FEW_NAMES) near.nodes().addClass("near");
      cy.elements().not(near).addClass("apart");
    });
  }

  reveal(id) {
    const node = this.cy.getElementById(id);
    const { x, y } = node.empty() ? { x: 0, y: 0 } : node.renderedPosition();
    if (x < 0 || y < 0 || x > this.cy.width() || y > this.cy.height()) this.cy.center(node);
  }

  restyle() {
    this.cy.style(graphStyle());
  }

  // Zoom so that the whole graph is visible. If its labels were then unreadable, show only the top of the graph.
  fit() {
    const { cy } = this;
    cy.fit(undefined, EDGE);
    const { x1, y1, w } = cy.elements().boundingBox();
    const readable = Math.min(1, (cy.width() - 2 * EDGE) / w);
    if (cy.zoom() < SMALL && readable >= SMALL) cy.viewport({ zoom: readable, pan: { x: EDGE - x1 * readable, y: EDGE - y1 * readable } });
    if (cy.zoom() > LARGE) cy.zoom(LARGE).center();
  }

  zoom(factor) {
    this.cy.zoom({ level: this.cy.zoom() * factor, renderedPosition: { x: this.cy.width() / 2, y: this.cy.height() / 2 } });
  }

  png() {
    return this.cy.png({ output: "blob-promise", full: true, scale: 2, maxWidth: 6000, maxHeight: 6000, bg: colour("paper") });
  }

  picture() {
    const nodes = this.cy.nodes().map((node) => ({ ...node.data(), ...node.position(), classes: node.classes() }));
    const links = this.cy.edges().map((edge) => ({ ...edge.data(), start: edge.source().position(), end: edge.target().position(), labelled: edge.hasClass("labelled") }));
    return { nodes, links };
  }

  #match(scene, view) {
    const { cy } = this;
    const elements = [...scene.records.map((record) => nodeOf(record, scene, view)), ...scene.links.map((link) => edgeOf(link, scene))];
    const wanted = new Set(elements.map((one) => one.data.id));
    cy.remove(cy.elements().filter((one) => !wanted.has(one.id())));
    const crowd = crowded(scene, view);
    for (const one of elements) {
      if (crowd.has(one.data.id)) one.classes.push("quiet");
      const drawn = cy.getElementById(one.data.id);
      if (drawn.empty()) cy.add(one);
      else if (drawn.scratch("element") !== serialized(one)) drawn.removeData("badge").data(one.data).classes([...one.classes, ...drawn.classes().filter((name) => SIDES.includes(name))]);
      cy.getElementById(one.data.id).scratch("element", serialized(one));
    }
  }

  #arrange(layout, scene, view) {
    const { cy } = this;
    cy.resize();
    cy.nodes().removeClass(SIDES);
    if (layout === "around" || layout === "layers") {
      const aspect = cy.width() / cy.height();
      this.#place(layout === "around" ? around(scene.records, centresOf(scene, view), aspect) : layers(scene.records, aspect, hasNamedLinks(scene)), layout);
    } else if (layout === "spread") {
      this.#spread(scene, view);
    } else {
      cy.layout({ ...SETTLED[layout], fit: false }).run();
    }
    this.fit();
  }

  #place(places, layout) {
    this.cy.batch(() => {
      for (const [id, { x, y, side }] of places) this.cy.getElementById(id).position({ x, y }).addClass(layout === "layers" ? [side, "narrow"] : side);
    });
  }

  // Each record starts next to a record that is linked to it. The same graph therefore always gets the same layout.
  #spread(scene, view) {
    const centres = centresOf(scene, view);
    const index = new Map(scene.records.map((record, i) => [record.id, i]));
    const links = scene.links.map((link) => [index.get(link.from), index.get(link.to)]);
    const far = 260 * Math.sqrt(centres.length) * (centres.length > 1);
    const middle = new Map(centres.map((id, i) => [index.get(id), onCircle(far, i, centres.length)]));
    const beside = new Map(links.flatMap(([from, to]) => [[from, middle.get(to)], [to, middle.get(from)]]).filter(([, place]) => place));
    const places = scene.records.map((_record, i) => middle.get(i) ?? offset(beside.get(i), onCircle(180 + (i % 3) * 40, i, index.size)));
    settle(places, links);
    this.cy.batch(() => scene.records.forEach((record, i) => this.cy.getElementById(record.id).position(places[i])));
  }
}

// In a large graph, only expanded records and those with the most links show their names until the user zooms in.
function crowded(scene, view) {
  if (["around", "layers"].includes(layoutFor(scene, view)) || scene.records.length <= CROWD) return new Set();
  const [least] = scene.records.map((record) => record.degree).sort((a, b) => b - a).slice(FEW_NAMES - 1);
  return new Set(scene.records.filter((record) => record.degree <= least && !record.expanded).map((record) => record.id));
}

const hasNamedLinks = ({ whole, links }) => whole && links.length <= FEW_LINKS;

// The central records: the records that the user expanded, or else the record with the greatest weight.
function centresOf({ records }, { of }) {
  const centres = records.filter((record) => of.includes(record.id));
  const [heaviest] = [...records].sort((a, b) => (b.weight ?? b.degree) - (a.weight ?? a.degree));
  return (centres.length ? centres : [heaviest]).map((record) => record.id);
}

const offset = (place, by) => ({ x: (place?.x ?? 0) + by.x, y: (place?.y ?? 0) + by.y });
const serialized = (element) => JSON.stringify(element);
const SIDES = ["left", "right", "below", "narrow"];
const onCircle = (radius, i, of) => ({ x: radius * Math.cos((2 * Math.PI * i) / of), y: radius * Math.sin((2 * Math.PI * i) / of) });

function nodeOf(record, scene, view) {
  const heaviest = Math.max(1, ...(record.weight ? scene.records.map((one) => one.weight ?? 0) : []));
  const size = record.weight ? 16 + 46 * Math.sqrt(record.weight / heaviest) : Math.min(54, (scene.whole ? 18 : 14) + 4.5 * Math.sqrt(record.degree));
  const badge = record.more && !record.cluster ? badgeOf(record.more) : {};
  const rank = view.of.includes(record.id) ? 2 : 1;
  const data = { id: record.id, label: record.name, size, colour: colourOf(record, view.colour), kind: record.kind, rank, ...badge };
  return { group: "nodes", data, classes: [record.state, record.expanded && "expanded"].filter(Boolean) };
}

function edgeOf(link, scene) {
  const width = link.weight ? Math.min(12, Math.sqrt(link.weight)) : 1.4;
  const opacity = link.weight ? Math.min(1, 0.25 + width / 6) : 1;
  const classes = [];
  if (hasNamedLinks(scene)) classes.push("labelled");
  if (link.group) classes.push("tie");
  if (scene.records.length + scene.links.length > MANY_ELEMENTS) classes.push("many");
  return { group: "edges", data: { id: link.id, source: link.from, target: link.to, label: link.phrase, width, opacity }, classes };
}

function badgeOf(more) {
  const text = `+${more}`;
  const width = 7 + 7 * text.length;
  const drawing =
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width * 2}" height="28" viewBox="0 0 ${width} 14">` +
    `<rect width="${width}" height="14" rx="7" fill="${colour("ink")}"/><text x="${width / 2}" y="10.5" text-anchor="middle" ` +
    `font-family="system-ui, sans-serif" font-size="10" font-weight="600" fill="${colour("paper")}">${text}</text></svg>`;
  return { badge: `data:image/svg+xml;utf8,${encodeURIComponent(drawing)}`, badgeWidth: width, badgeText: text };
}

