// The view: what is shown and how. It is stored in the URL, so that a link restores it.
import { kinds } from "./page.js";

const FIRST = Object.keys(kinds).filter((kind) => kinds[kind].first);
const ONE = ["from", "to", "impact", "by", "sector", "area", "on", "layout", "at"];
const MANY = ["of", "open", "hide"];

export function viewOf(search) {
  const asked = new URLSearchParams(search);
  const view = { kinds: asked.has("kinds") ? listed(asked.get("kinds")) : FIRST, colour: asked.get("colour") === "sector" ? "sector" : "kind" };
  for (const name of ONE) view[name] = asked.get(name) ?? "";
  for (const name of MANY) view[name] = asked.getAll(name).filter(Boolean);
  return view;
}

export function addressOf(view) {
  const asked = new URLSearchParams();
  for (const name of MANY) for (const value of view[name]) asked.append(name, value);
  for (const name of ONE) if (view[name]) asked.set(name, view[name]);
  if (view.colour !== "kind") asked.set("colour", view.colour);
  if (view.kinds.join() !== FIRST.join()) asked.set("kinds", view.kinds.join(" "));
  const text = asked.toString().replaceAll("%3A", ":");
  return text ? `/explore?${text}` : "/explore";
}

export const isEmpty = (view) => !view.of.length && !view.by && !view.impact && !(view.from && view.to);

const listed = (text) => text.split(" ").filter((kind) => kind in kinds);
