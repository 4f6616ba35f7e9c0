// @ts-check
/** A route as a drawing without tiles: equirectangular around its centre, with scale and north. A list says the same. */
/** @typedef {import("./types.js").MapPoint} MapPoint */

import { svg } from "./dom.js";
import { t } from "./text.js";

const WIDTH = 344;
const HEIGHT = 168;
const MARGIN = 26;
const METRES_PER_DEGREE = 111_320;
const SCALES_M = [50, 100, 200, 500, 1000, 2000, 5000, 10_000, 20_000];

/**
 * @param {MapPoint[]} points  in the order of the route, WGS 84 degrees
 * @returns {SVGElement | null} null where there is nothing to draw
 */
export function routeMap(points) {
  const known = points.filter((p) => Number.isFinite(p.lat) && Number.isFinite(p.lon));
  if (known.length === 0) return null;
  // Some test instances live on a plane without degrees: drawn as they are, without scale or north.
  const degrees = known.every((p) => Math.abs(p.lat) <= 90 && Math.abs(p.lon) <= 180);
  const lat0 = known.reduce((sum, p) => sum + p.lat, 0) / known.length;
  const per_x = degrees ? Math.cos((lat0 * Math.PI) / 180) * METRES_PER_DEGREE : 1;
  const per_y = degrees ? METRES_PER_DEGREE : 1;
  const plane = known.map((p) => ({ ...p, x_m: p.lon * per_x, y_m: -p.lat * per_y }));
  const xs = plane.map((p) => p.x_m);
  const ys = plane.map((p) => p.y_m);
  const span_x = Math.max(...xs) - Math.min(...xs);
  const span_y = Math.max(...ys) - Math.min(...ys);
  const px_per_m = Math.min((WIDTH - 2 * MARGIN) / Math.max(span_x, 1), (HEIGHT - 2 * MARGIN) / Math.max(span_y, 1));
  const mid_x = (Math.max(...xs) + Math.min(...xs)) / 2;
  const mid_y = (Math.max(...ys) + Math.min(...ys)) / 2;
  const drawn = plane.map((p) => ({
    ...p,
    x: WIDTH / 2 + (p.x_m - mid_x) * px_per_m,
    y: HEIGHT / 2 + (p.y_m - mid_y) * px_per_m,
  }));
  const line = drawn.map((p) => `${p.x.toFixed(1)},${p.y.toFixed(1)}`).join(" ");
  const node = svg("svg", {
    class: "route-map", viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img",
    "aria-label": t("planner.map.label", { n: known.length }),
  });
  node.append(svg("polyline", { class: "route-line", points: line }));
  for (const p of drawn) if (!p.current) node.append(mark(p));
  for (const p of drawn) if (p.current) node.append(mark(p), label(p));
  if (degrees) {
    node.append(
      ...scaleBar(px_per_m),
      svg("text", { class: "route-note", x: WIDTH - 10, y: HEIGHT - 8, "text-anchor": "end" }, t("planner.map.north")),
      svg("path", { class: "route-north", d: `M${WIDTH - 14} ${HEIGHT - 38} l4 8 h-8 z` }),
    );
  }
  return node;
}

/** @param {MapPoint & {x: number, y: number}} p */
function mark(p) {
  const title = svg("title", {}, p.label);
  if (p.current) return svg("rect", { class: "route-here", x: p.x - 7, y: p.y - 7, width: 14, height: 14 }, title);
  return svg("circle", { class: "route-stop", cx: p.x, cy: p.y, r: 5 }, title);
}

/** @param {MapPoint & {x: number, y: number}} p */
function label(p) {
  const right = p.x < WIDTH * 0.6;
  return svg(
    "text",
    { class: "route-name", x: p.x + (right ? 12 : -12), y: p.y + 4, "text-anchor": right ? "start" : "end" },
    p.label,
  );
}

/** @param {number} px_per_m */
function scaleBar(px_per_m) {
  const length_m = [...SCALES_M].reverse().find((m) => m * px_per_m <= WIDTH / 3) ?? SCALES_M[0];
  const width = length_m * px_per_m;
  const words = length_m >= 1000 ? `${length_m / 1000}\u00a0km` : `${length_m}\u00a0m`;
  return [
    svg("path", { class: "route-scale", d: `M10 22 v4 h${width.toFixed(1)} v-4` }),
    svg("text", { class: "route-note", x: 10, y: 16 }, words),
  ];
}
