// Force-directed layout after Fruchterman & Reingold, Graph drawing by force-directed placement (1991),
// with gravity. It uses no random numbers: the same start positions give the same layout.
const LENGTH = 95;
const GRAVITY = 0.06;
const WORK = 40_000_000; // the most pairs to compare, so that the page stays responsive

// Move the positions in `places`, an array of {x, y}. Each of `links` is a pair of indexes of linked positions.
export function settle(places, links) {
  const count = places.length;
  const steps = Math.max(30, Math.min(300, Math.floor(WORK / (count * count + 1))));
  const [x, y] = [Float64Array.from(places, (one) => one.x), Float64Array.from(places, (one) => one.y)];
  const [dx, dy] = [new Float64Array(count), new Float64Array(count)];
  for (let step = 0; step < steps; step += 1) {
    dx.fill(0);
    dy.fill(0);
    repel(x, y, dx, dy);
    attract(x, y, dx, dy, links);
    move(x, y, dx, dy, LENGTH * (1 - step / steps));
  }
  places.forEach((place, i) => Object.assign(place, { x: x[i], y: y[i] }));
}

function repel(x, y, dx, dy) {
  for (let i = 0; i < x.length; i += 1) {
    for (let j = i + 1; j < x.length; j += 1) {
      const [ax, ay] = [x[i] - x[j], y[i] - y[j]];
      const push = (LENGTH * LENGTH) / Math.max(ax * ax + ay * ay, 1);
      dx[i] += ax * push;
      dy[i] += ay * push;
      dx[j] -= ax * push;
      dy[j] -= ay * push;
    }
  }
}

function attract(x, y, dx, dy, links) {
  for (const [i, j] of links) {
    const [ax, ay] = [x[i] - x[j], y[i] - y[j]];
    const pull = Math.hypot(ax, ay) / LENGTH;
    dx[i] -= ax * pull;
    dy[i] -= ay * pull;
    dx[j] += ax * pull;
    dy[j] += ay * pull;
  }
}

function move(x, y, dx, dy, most) {
  for (let i = 0; i < x.length; i += 1) {
    const [ax, ay] = [dx[i] - x[i] * GRAVITY * 10, dy[i] - y[i] * GRAVITY * 10];
    const length = Math.max(Math.hypot(ax, ay), 0.01);
    const by = Math.min(length, most) / length;
    x[i] += ax * by;
    y[i] += ay * by;
  }
}
