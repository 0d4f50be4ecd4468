// Draws a scene with Cytoscape.
import cytoscape from "../vendor/cytoscape-3.34.4/cytoscape.esm.min.mjs";
import { colour, colourOf } from "./colours.js";
import { settle } from "./forces.js";
import { label, shortLabels } from "./labels.js";
import { arcOf, around, layers, SETTLED } from "./layouts.js";
import { byId, number } from "./page.js";
import { graphStyle } from "./style.js";

const EDGE = 20;
const LARGE = 1.4;
const FEW_LINKS = 40;
const FEW_NAMES = 16;
const CROWD = 60;
const MANY_ELEMENTS = 600;
const WRAPPED = 130; // px: the width of a label below its record, as in the style
const LINES = 2.8;
const SMALL = 0.88; // the zoom below which a label has less than 11 px
const PAUSE = 120; // ms without a change of the zoom, before labels are chosen again

export class Drawing {
  constructor(place, { select, toggle, resized }) {
    this.place = place;
    this.cy = cytoscape({ container: place, style: graphStyle(), minZoom: 0.05, maxZoom: 3, boxSelectionEnabled: false, autounselectify: true });
    this.cy.on("tap", (event) => select(event.target === this.cy || event.target.isEdge() ? "" : event.target.id()));
    this.cy.on("dbltap", "node", (event) => toggle(event.target.id()));
    this.cy.on("mouseover mouseout", "edge", (event) => event.target.toggleClass("hovered", event.type === "mouseover"));
    this.cy.on("mouseover mouseout", "node", (event) => this.#hover(event.type === "mouseover" ? event.target.id() : ""));
    this.cy.on("pan zoom resize position", () => this.#showTip());
    this.cy.on("zoom", () => this.#uncoverSoon());
    new ResizeObserver(() => {
      this.cy.resize();
      resized();
    }).observe(place);
  }

  size() {
    return { width: this.place.clientWidth, height: this.place.clientHeight };
  }

  show(scene, view) {
    const places = placesOf(scene, view, this.size());
    const form = [scene.layout, ...Object.values(places ? this.size() : {}), view.of[0], ...scene.records.map((record) => record.id).sort()].join("\n");
    this.cy.batch(() => this.#match(scene, view, places));
    if (form !== this.form) this.#arrange(scene, view, places);
    this.form = form;
    this.full = !places;
    this.choose(view.at);
    this.#uncover();
  }

  choose(id) {
    const { cy } = this;
    this.chosen = id;
    this.#showTip();
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

  // Zoom so that the whole graph is visible.
  fit() {
    const { cy } = this;
    cy.fit(undefined, EDGE);
    if (cy.zoom() > LARGE) cy.zoom(LARGE).center();
  }

  // Zoom so that labels have the size of the text around the graph. Show the selected record, or the top of the graph.
  fitText() {
    const chosen = this.cy.nodes(".chosen");
    if (chosen.empty() || this.cy.extent().h < this.cy.height()) this.cy.viewport({ zoom: 1, pan: { x: 0, y: 0 } });
    else this.cy.zoom(1).center(chosen);
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

  #match(scene, view, places) {
    const { cy } = this;
    const labels = places ? shortLabels(new Map(scene.records.map((record) => [record.id, labelled(record, places.get(record.id))]))) : new Map();
    const elements = [...scene.records.map((record) => nodeOf(record, scene, view, places?.get(record.id), labels.get(record.id))), ...scene.links.map((link) => edgeOf(link, scene, places))];
    const wanted = new Set(elements.map((one) => one.data.id));
    cy.remove(cy.elements().filter((one) => !wanted.has(one.id())));
    for (const one of elements) {
      const drawn = cy.getElementById(one.data.id);
      if (drawn.empty()) cy.add(one);
      else if (drawn.scratch("element") !== serialized(one)) drawn.removeData("badge").data(one.data).classes(one.classes);
      cy.getElementById(one.data.id).scratch("element", serialized(one));
    }
  }

  #arrange(scene, view, places) {
    const { cy } = this;
    cy.resize();
    if (places) {
      cy.batch(() => places.forEach(({ x, y }, id) => cy.getElementById(id).position({ x, y })));
      return cy.viewport({ zoom: 1, pan: { x: 0, y: 0 } });
    }
    if (scene.layout === "spread") this.#spread(scene, view);
    else cy.layout({ ...SETTLED[scene.layout], fit: false }).run();
    this.fit();
  }

  // In a layout that zooms out, keep the text in its size, and hide the labels that would cover a record or another label. Expanded records
  // and those with the most links come first.
  #uncover() {
    const { cy } = this;
    const size = this.full ? label.size / Math.min(1, cy.zoom()) : label.size;
    cy.batch(() => {
      cy.nodes().removeClass("covered").css({ "font-size": size, "text-max-width": (WRAPPED * size) / label.size });
    });
    if (!this.full) return;
    const bodies = cy.nodes().map((node) => bodyOf(node));
    const hidden = cy.nodes().sort((a, b) => b.data("rank") - a.data("rank") || b.data("size") - a.data("size")).filter((node) => {
      const box = node.boundingBox(LABEL_ONLY);
      const covers = node.data("rank") === 1 && bodies.some((other) => other.id !== node.id() && box.x1 < other.x2 && other.x1 < box.x2 && box.y1 < other.y2 && other.y1 < box.y2);
      if (!covers) bodies.push(box);
      return covers;
    });
    cy.batch(() => hidden.addClass("covered"));
  }

  #uncoverSoon() {
    if (!this.full) return;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.#uncover(), PAUSE);
  }

  #hover(id) {
    this.hovered = id;
    this.#showTip();
  }

  // Show the full name of the record under the pointer, or else of the selected record, unless its label shows it.
  #showTip() {
    const tip = byId("tip");
    const node = this.cy.getElementById(this.hovered || this.chosen || "");
    tip.hidden = node.empty() || (node.data("label") === node.data("name") && !node.hasClass("covered") && (this.full || this.cy.zoom() >= SMALL));
    if (tip.hidden) return;
    tip.textContent = node.data("name");
    const { x, y } = node.renderedPosition();
    const { width, height } = this.size();
    const above = y - node.renderedOuterHeight() / 2 - tip.offsetHeight - 4;
    tip.style.left = `${Math.max(4, Math.min(x - tip.offsetWidth / 2, width - tip.offsetWidth - 4))}px`;
    tip.style.top = `${above < 0 ? y + node.renderedOuterHeight() / 2 + 4 : above}px`;
    tip.hidden = x < 0 || y < 0 || x > width || y > height;
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

const hasNamedLinks = ({ whole, links }) => whole && links.length <= FEW_LINKS;

// The central records: the records that the user expanded, or else the record with the greatest weight.
function centresOf({ records }, { of }) {
  const centres = records.filter((record) => of.includes(record.id));
  const [heaviest] = [...records].sort((a, b) => (b.weight ?? b.degree) - (a.weight ?? a.degree));
  return (centres.length ? centres : [heaviest]).map((record) => record.id);
}

const offset = (place, by) => ({ x: (place?.x ?? 0) + by.x, y: (place?.y ?? 0) + by.y });
const LABEL_ONLY = { includeNodes: false, includeEdges: false, includeLabels: true, includeOverlays: false, includeUnderlays: false };

function bodyOf(node) {
  const [{ x, y }, half] = [node.position(), node.data("size") / 2];
  return { id: node.id(), x1: x - half, x2: x + half, y1: y - half, y2: y + half };
}

const serialized = (element) => JSON.stringify(element);
const onCircle = (radius, i, of) => ({ x: radius * Math.cos((2 * Math.PI * i) / of), y: radius * Math.sin((2 * Math.PI * i) / of) });

// The places of the layouts that use the pixels of the canvas. Other layouts zoom out, and have no places in advance.
function placesOf(scene, view, size) {
  if (scene.layout === "around") return around(scene.records, centresOf(scene, view), size);
  return scene.layout === "layers" ? layers(scene.records, size, hasNamedLinks(scene)) : null;
}

function labelled({ name, role, members, expanded, state }, { room, side }) {
  return { name: members ? `${role} (${number(members.length)})` : name, room: side === "below" ? LINES * WRAPPED : room, bold: expanded || state === "lost" };
}

function nodeOf(record, scene, view, place, text) {
  const heaviest = Math.max(1, ...(record.weight ? scene.records.map((one) => one.weight ?? 0) : []));
  const size = record.weight ? 16 + 46 * Math.sqrt(record.weight / heaviest) : Math.min(54, (scene.whole ? 18 : 14) + 4.5 * Math.sqrt(record.degree));
  const badge = record.more && !record.cluster ? badgeOf(record.more) : {};
  const rank = view.of.includes(record.id) ? 2 : 1;
  const data = { id: record.id, label: text ?? record.name, name: record.name, size: Math.min(size, (place?.row ?? Infinity) - 5), colour: colourOf(record, view.colour), kind: record.kind, rank, ...badge };
  const quiet = !place && scene.records.length > CROWD && !record.expanded && "quiet";
  return { group: "nodes", data, classes: [record.state, record.expanded && "expanded", record.cluster && "bundle", quiet, place?.side].filter(Boolean) };
}

function edgeOf(link, scene, places) {
  const width = link.weight ? Math.min(12, Math.sqrt(link.weight)) : 1.4;
  const opacity = link.weight ? Math.min(1, 0.25 + width / 6) : 1;
  const classes = [];
  if (hasNamedLinks(scene) && places?.named) classes.push("labelled");
  if (link.group) classes.push("tie");
  const arc = places ? arcOf(places.get(link.from), places.get(link.to)) : 0;
  if (arc) classes.push("arc");
  if (places && scene.links.length > FEW_LINKS) classes.push("behind");
  if (scene.records.length + scene.links.length > MANY_ELEMENTS) classes.push("many");
  return { group: "edges", data: { id: link.id, source: link.from, target: link.to, label: link.phrase, width, opacity, arc }, classes };
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

