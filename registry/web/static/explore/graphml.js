// Exports a scene as GraphML for Gephi, yEd and networkx.
import { xml } from "./xml.js";

const NODE = { label: "string", kind: "string", sectors: "string", areas: "string", degree: "int", more: "int", state: "string" };
const EDGE = { link: "string", phrase: "string", weight: "int" };

export function graphml({ records, links }) {
  const nodes = records.map((record) => `<node id="${xml(record.id)}">${data("n", NODE, nodeData(record))}</node>`);
  const edges = links.map((link, i) => `<edge id="e${i}" source="${xml(link.from)}" target="${xml(link.to)}">${data("e", EDGE, link)}</edge>`);
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    '<graphml xmlns="http://graphml.graphdrawing.org/xmlns">',
    ...keys("n", "node", NODE),
    ...keys("e", "edge", EDGE),
    '<graph edgedefault="directed">',
    ...nodes,
    ...edges,
    "</graph>",
    "</graphml>",
    "",
  ].join("\n");
}

const nodeData = (record) => ({ ...record, more: record.hidden ? undefined : record.more, label: record.name, sectors: names(record.sectors), areas: names(record.areas) });
const names = (terms) => terms.map((term) => term.name).join("; ");
const keys = (of, forWhat, declared) => Object.entries(declared).map(([name, type]) => `<key id="${of}-${name}" for="${forWhat}" attr.name="${name}" attr.type="${type}"/>`);
const data = (of, declared, values) =>
  Object.keys(declared).filter((name) => values[name] || values[name] === 0).map((name) => `<data key="${of}-${name}">${xml(values[name])}</data>`).join("");
