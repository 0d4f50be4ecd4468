// Escapes text for XML.
const FORBIDDEN = /[^\t\n\r\u0020-\uD7FF\uE000-\uFFFD\u{10000}-\u{10FFFF}]/gu;
const ENTITIES = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };

export const xml = (text) => String(text ?? "").replace(FORBIDDEN, "").replace(/[&<>"]/g, (letter) => ENTITIES[letter]);
