// The view: which records are shown, and with which layout and filters. The URL stores the view, so that a link restores it.
import { kinds } from "./page.js";

const FIRST = Object.keys(kinds).filter((kind) => kinds[kind].first);
const ONE = ["from", "to", "impact", "by", "sector", "area", "on", "layout", "at"];
const MANY = ["of", "open", "hide"];

export function viewOf(search) {
  const parameters = new URLSearchParams(search);
  const view = { kinds: parameters.has("kinds") ? listed(parameters.get("kinds")) : FIRST, colour: parameters.get("colour") === "sector" ? "sector" : "kind" };
  for (const name of ONE) view[name] = parameters.get(name) ?? "";
  for (const name of MANY) view[name] = parameters.getAll(name).filter(Boolean);
  return view;
}

export function addressOf(view) {
  const parameters = new URLSearchParams();
  for (const name of MANY) for (const value of view[name]) parameters.append(name, value);
  for (const name of ONE) if (view[name]) parameters.set(name, view[name]);
  if (view.colour !== "kind") parameters.set("colour", view.colour);
  if (view.kinds.join() !== FIRST.join()) parameters.set("kinds", view.kinds.join(" "));
  const text = parameters.toString().replaceAll("%3A", ":");
  return text ? `/explore?${text}` : "/explore";
}

export const isEmpty = (view) => !view.of.length && !view.by && !view.impact && !(view.from && view.to);

const listed = (text) => text.split(" ").filter((kind) => kind in kinds);
