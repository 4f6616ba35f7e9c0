// @ts-check
/**
 * The town as a drawing without tiles: districts as outlines, all routes thin, the chosen one strong with its stops
 * numbered, and what needs somebody by its shape. Everything is a handful of paths, however many routes there are.
 */
/** @typedef {import("./geometry.js").Point} Point */
/** @typedef {import("./types.js").Lane} Lane */
/** @typedef {import("./types.js").Visit} Visit */
/** @typedef {Point & {visit_id: string, short: string, state: string, carer_id: string | null}} Stop */
/** @typedef {{name: string, base: Point | null, outline: Point[]}} District */

import { inFrame, svg } from "./dom.js";
import { bounds, nearest, scaleLength } from "./geometry.js";
import { t } from "./text.js";
import { Ground } from "./town_ground.js";

const MARGIN_PX = 36;
const REACH_PX = 16;
const CLOSEST_PX_PER_M = 2;

/** Shapes around 0,0 by state: a triangle warns, a cross is missing, a square belongs to nobody. @type {Record<string, string>} */
const SHAPES = {
  late: "m0 -8 l8 14 h-16 z",
  expected_late: "m0 -8 l8 14 h-16 z",
  not_started: "m-6 -6 l12 12 m0 -12 l-12 12",
  unallocated: "m-6 -6 h12 v12 h-12 z",
};

export class TownMap {
  /** @param {SVGElement} root @param {HTMLCanvasElement} canvas  below it @param {(stop: Stop) => void} chosen */
  constructor(root, canvas, chosen) {
    this.root = root;
    this.ground = new Ground(canvas);
    /** @type {District[]} */
    this.districts = [];
    /** @type {Stop[][]} */
    this.routes = [];
    /** @type {Stop[]} */
    this.troubled = [];
    /** @type {Stop[]} */
    this.route = [];
    /** @type {string | null} */
    this.visit_id = null;
    this.degrees = true;
    /** @type {{x: number, y: number, px_per_m: number} | null} what is in the middle, and how close */
    this.view = null;
    this._drag = { x: 0, y: 0, on: false, moved: false };
    root.addEventListener("wheel", (event) => this._wheel(/** @type {WheelEvent} */ (event)), { passive: false });
    root.addEventListener("pointerdown", (event) => this._down(/** @type {PointerEvent} */ (event)));
    root.addEventListener("pointermove", (event) => this._move(/** @type {PointerEvent} */ (event)));
    root.addEventListener("pointerup", (event) => this._up(/** @type {PointerEvent} */ (event), chosen));
    root.addEventListener("pointercancel", () => (this._drag.on = false));
    new ResizeObserver(() => this.draw()).observe(root);
  }

  /** Everything, or the chosen route, in view. @param {Point[]} points */
  fit(points) {
    const known = points.length ? points : this.districts.flatMap((d) => d.outline);
    if (!known.length) return;
    const { width, height } = this.root.getBoundingClientRect();
    const { left, top, right, bottom } = bounds(known);
    const per_x = (width - 2 * MARGIN_PX) / Math.max(right - left, 1);
    const per_y = (height - 2 * MARGIN_PX) / Math.max(bottom - top, 1);
    this.view = { x: (left + right) / 2, y: (top + bottom) / 2, px_per_m: Math.min(per_x, per_y, CLOSEST_PX_PER_M) };
    this.draw();
  }

  /** Closer (above 1) or further (below 1). @param {number} factor @param {Point} [about]  pixels, the middle where absent */
  zoom(factor, about) {
    if (!this.view) return;
    const box = this.root.getBoundingClientRect();
    const at = about ?? { x: box.width / 2, y: box.height / 2 };
    const before = this._metres(at);
    this.view.px_per_m = Math.min(CLOSEST_PX_PER_M, Math.max(0.002, this.view.px_per_m * factor));
    const after = this._metres(at);
    this.view.x += before.x - after.x;
    this.view.y += before.y - after.y;
    this.redraw();
  }

  /** Draw in the next frame, once however often it is asked for. */
  redraw() {
    inFrame("town", () => this.draw());
  }

  draw() {
    const { view, root } = this;
    const { width, height } = root.getBoundingClientRect();
    if (!view || !width) return;
    root.setAttribute("viewBox", `0 0 ${width} ${height}`);
    /** @type {(p: Point) => [number, number]} */
    const place = (p) => [(p.x - view.x) * view.px_per_m + width / 2, (p.y - view.y) * view.px_per_m + height / 2];
    const at = (/** @type {Point} */ p) => place(p).map((px) => px.toFixed(1)).join(" ");
    const line = (/** @type {Point[]} */ points) => (points.length > 1 ? `M${points.map(at).join("L")}` : "");
    this.ground.draw(this.routes, place, width, height);
    root.replaceChildren(
      svg("path", { class: "town-district", d: this.districts.map((d) => (d.outline.length > 2 ? `${line(d.outline)}z` : "")).join("") }),
      svg("path", { class: "town-route", d: line(this.route) }),
      ...Object.entries(SHAPES).map(([state, shape]) =>
        svg("path", { class: `town-${state}`, d: this.troubled.filter((s) => s.state === state).map((s) => `M${at(s)}${shape}`).join("") }),
      ),
      ...this.route.flatMap((stop, i) => numbered(stop, i + 1, at(stop).split(" "), stop.visit_id === this.visit_id)),
      ...this.districts.flatMap((d) => this._district(d, at)),
      ...this._furniture(width, height),
    );
  }

  /** @param {District} district @param {(p: Point) => string} at */
  _district(district, at) {
    const { left, right, top } = bounds(district.outline);
    const place = district.base ?? { x: (left + right) / 2, y: top };
    const [x, y] = at(place).split(" ").map(Number);
    const base = district.base ? [svg("path", { class: "town-base", d: `M${x} ${y}m-8 3 l8 -9 l8 9 v6 h-16 z` })] : [];
    return [...base, svg("text", { class: "town-name", x: x + 14, y: y + 5 }, district.name)];
  }

  /** Scale and north, where there are degrees. @param {number} width @param {number} height */
  _furniture(width, height) {
    if (!this.view || !this.degrees) return [];
    const { px, words } = scaleLength(this.view.px_per_m, width / 5);
    return [
      svg("path", { class: "town-scale", d: `M16 ${height - 22} v6 h${px.toFixed(1)} v-6` }),
      svg("text", { class: "town-note", x: 16, y: height - 28 }, words),
      svg("path", { class: "town-north", d: `M${width - 24} 18 l7 18 l-7 -5 l-7 5 z` }),
      svg("text", { class: "town-note", x: width - 24, y: 52, "text-anchor": "middle" }, t("planner.map.north")),
    ];
  }

  /** @param {Point} px */
  _metres(px) {
    const { width, height } = this.root.getBoundingClientRect();
    const view = this.view ?? { x: 0, y: 0, px_per_m: 1 };
    return { x: view.x + (px.x - width / 2) / view.px_per_m, y: view.y + (px.y - height / 2) / view.px_per_m };
  }

  /** @param {MouseEvent} event */
  _px(event) {
    const box = this.root.getBoundingClientRect();
    return { x: event.clientX - box.left, y: event.clientY - box.top };
  }

  /** @param {WheelEvent} event */
  _wheel(event) {
    event.preventDefault();
    this.zoom(event.deltaY < 0 ? 1.25 : 0.8, this._px(event));
  }

  /** @param {PointerEvent} event */
  _down(event) {
    if (event.button !== 0) return;
    this._drag = { x: event.clientX, y: event.clientY, on: true, moved: false };
    this.root.setPointerCapture(event.pointerId);
  }

  /** @param {PointerEvent} event */
  _move(event) {
    const { _drag: drag, view } = this;
    if (!drag.on || !view) return;
    const [dx, dy] = [event.clientX - drag.x, event.clientY - drag.y];
    if (!drag.moved && Math.hypot(dx, dy) < 4) return;
    view.x -= dx / view.px_per_m;
    view.y -= dy / view.px_per_m;
    this._drag = { x: event.clientX, y: event.clientY, on: true, moved: true };
    this.redraw();
  }

  /** @param {PointerEvent} event @param {(stop: Stop) => void} chosen */
  _up(event, chosen) {
    const { on, moved } = this._drag;
    this._drag.on = false;
    if (!on || moved || !this.view) return;
    const reach = REACH_PX / this.view.px_per_m;
    const at = this._metres(this._px(event));
    const stop = nearest(this.route, at, reach) ?? nearest(this.troubled, at, reach) ?? nearest(this.routes.flat(), at, reach);
    if (stop) chosen(stop);
  }
}

/** A stop of the chosen route with its number in the order of the day. @param {Stop} stop @param {number} n @param {string[]} at @param {boolean} here */
function numbered(stop, n, at, here) {
  const mark = svg("circle", { class: here ? "town-stop here" : "town-stop", cx: at[0], cy: at[1], r: here ? 13 : 10 }, svg("title", {}, stop.short));
  return [mark, svg("text", { class: here ? "town-number here" : "town-number", x: at[0], y: Number(at[1]) + 4, "text-anchor": "middle" }, String(n))];
}
