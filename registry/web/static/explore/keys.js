// Keyboard navigation of the graph: arrow keys move through the records in the order of the table.
const STEPS = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1, Home: -Infinity, End: Infinity };

export function addKeyboardNavigation(canvas, { select, toggle, clear, beside, chosen, drawing }) {
  const actions = {
    Enter: () => chosen() && toggle(chosen()),
    Escape: clear,
    "+": () => drawing.zoom(1.3),
    "-": () => drawing.zoom(1 / 1.3),
    0: () => drawing.fit(),
  };
  canvas.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key in STEPS) select(beside(STEPS[event.key]));
    else if (event.key in actions) actions[event.key]();
    else return;
    event.preventDefault();
  });
}
