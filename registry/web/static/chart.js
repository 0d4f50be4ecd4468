// Draws the chart of a report in the page's colours. Vega interprets its expressions (`ast`), because the CSP forbids eval.
import { expressionInterpreter } from "/static/vendor/vega-6.4.0/vega-interpreter.js";

const { vega, vegaLite } = globalThis;
const figure = document.getElementById("chart");
const given = JSON.parse(figure.dataset.chart);
const dark = matchMedia("(prefers-color-scheme: dark)");
const narrow = matchMedia("(max-width: 40rem)");
let view = null;

const theme = () => {
  const style = getComputedStyle(figure);
  const of = (name) => style.getPropertyValue(name).trim();
  const text = { labelColor: of("--ink"), titleColor: of("--quiet"), labelFont: style.fontFamily, titleFont: style.fontFamily };
  return {
    background: null,
    font: style.fontFamily,
    axis: { ...text, domainColor: of("--line"), tickColor: of("--line"), gridColor: of("--line"), labelLimit: narrow.matches ? 120 : 220 },
    legend: { ...text, columns: narrow.matches ? 1 : 2 },
    bar: { color: of("--accent") },
    range: { diverging: [of("--below"), of("--even"), of("--above")] },
    style: {
      hatch: { color: of("--quiet") },
      outline: { color: of("--ink") },
      figure: { color: of("--ink") },
      interval: { color: of("--ink") },
      today: { color: of("--ink") },
    },
  };
};

const draw = async () => {
  const config = vega.mergeConfig({}, given.config, theme());
  const { spec } = vegaLite.compile({ ...given, config }, { logger: vega.logger(vega.Error) });
  const runtime = vega.parse(spec, config, { ast: true });
  view?.finalize();
  view = new vega.View(runtime, { expr: expressionInterpreter, renderer: "svg", container: figure, hover: false });
  await view.runAsync();
  figure.querySelector("svg").setAttribute("aria-hidden", "true"); // the caption and the table have the same content as text
};

figure.closest("figure").hidden = false;
await draw();
for (const change of [dark, narrow]) change.addEventListener("change", draw);
