// @ts-check
/** The map instead of the lanes: the same filters, a list of routes that says what the drawing shows, and its stops. */
/** @typedef {import("./board.js").Board} Board */
/** @typedef {import("./types.js").Lane} Lane */
/** @typedef {import("./town_map.js").Stop} Stop */

import { call, wordsOf } from "./api.js";
import { STATE_TAGS } from "./bar.js";
import { isProblem, stateOf } from "./board.js";
import { byId, el, icon } from "./dom.js";
import { outline, projection } from "./geometry.js";
import { clock, number, t } from "./text.js";
import { TownMap } from "./town_map.js";

const OUTLINE_FROM = 3;

export class Town {
  /** @param {Board} board @param {{select: (visit_id: string) => void, carer: (carer_id: string) => void}} acts */
  constructor(board, acts) {
    this.board = board;
    this.acts = acts;
    this.place = byId("town");
    this.list = /** @type {HTMLSelectElement} */ (byId("town-routes"));
    this.stops = byId("town-stops");
    this.map = new TownMap(/** @type {any} */ (byId("town-map")), /** @type {HTMLCanvasElement} */ (byId("town-ground")), (stop) => this._chosen(stop));
    /** @type {Map<string, import("./geometry.js").Point> | null} */
    this.places = null;
    /** @type {string | null} */
    this.carer_id = null;
    this._listed = "";
    this.list.addEventListener("change", () => this._choose(this.list.value || null));
    byId("town-closer").addEventListener("click", () => this.map.zoom(1.5));
    byId("town-wider").addEventListener("click", () => this.map.zoom(1 / 1.5));
    byId("town-all").addEventListener("click", () => this._choose(null));
  }

  get shown() {
    return !this.place.hidden;
  }

  /** Show the map, with the visit that is chosen on the board, or the lanes again. @param {boolean} map @param {string | null} visit_id */
  async show(map, visit_id) {
    this.place.hidden = !map;
    byId("board").hidden = map;
    document.documentElement.classList.toggle("on-map", map);
    for (const button of document.querySelectorAll("[data-view]")) {
      button.setAttribute("aria-pressed", String((/** @type {HTMLElement} */ (button).dataset.view === "map") === map));
    }
    if (!map) return;
    if (!this.places) await this._load();
    const place = visit_id === null ? undefined : this.board.places(visit_id)[0];
    if (place) [this.carer_id, this.map.visit_id] = [place.lane.carer_id, visit_id];
    this.paint();
    this.map.fit(this.map.route);
  }

  async _load() {
    const said = byId("town-said");
    said.textContent = t("planner.town.loading");
    try {
      const body = await call("GET", `/api/v1/board/map?day=${encodeURIComponent(this.board.day)}`);
      const project = projection(body.y, body.degrees);
      /** @type {import("./geometry.js").Point[]} */
      const points = body.short.map((/** @type {string} */ _, /** @type {number} */ i) => project(body.y[i], body.x[i]));
      this.places = new Map(body.short.map((/** @type {string} */ short, /** @type {number} */ i) => [short, points[i]]));
      this.map.degrees = body.degrees;
      this.map.districts = body.units.map((/** @type {any} */ unit, /** @type {number} */ u) => ({
        name: unit.name,
        base: unit.base ? project(unit.base[0], unit.base[1]) : null,
        outline: outline(points.filter((_, i) => body.unit[i] === u)),
      })).filter((/** @type {any} */ d) => d.outline.length >= OUTLINE_FROM || d.base);
      said.textContent = "";
    } catch (error) {
      said.textContent = wordsOf(error);
    }
  }

  paint() {
    if (!this.shown || !this.places) return;
    const lanes = this.board.rows().flatMap((row) => (row.kind === "lane" ? [row.lane] : []));
    this.map.routes = lanes.map((lane) => this._stops(lane));
    this.map.troubled = [...this.map.routes.flat().filter((s) => s.state in { late: 1, expected_late: 1, not_started: 1 }), ...this._waiting()];
    const lane = this.carer_id === null ? null : (lanes.find((l) => l.carer_id === this.carer_id) ?? null);
    this.map.route = lane ? this._stops(lane) : [];
    this._paintList(lanes);
    this._paintStops(lane);
    this.map.draw();
  }

  /** @param {Lane} lane @returns {Stop[]} */
  _stops(lane) {
    return lane.visits.flatMap((visit) => {
      const at = visit.mode === "screen" ? undefined : this.places?.get(visit.short);
      return at ? [{ ...at, visit_id: visit.id, short: visit.short, state: stateOf(visit), carer_id: lane.carer_id }] : [];
    });
  }

  /** @returns {Stop[]} */
  _waiting() {
    return this.board.waiting().flatMap((u) => {
      const at = this.places?.get(u.short);
      return at ? [{ ...at, visit_id: u.id, short: u.short, state: "unallocated", carer_id: null }] : [];
    });
  }

  /** @param {Lane[]} lanes */
  _paintList(lanes) {
    const options = lanes.map((lane) => [lane.carer_id, routeWords(lane)]);
    const mark = JSON.stringify(options);
    if (mark !== this._listed) {
      this._listed = mark;
      this.list.replaceChildren(...options.map(([value, words]) => el("option", { value }, words)));
    }
    this.list.value = this.carer_id ?? "";
    byId("town-count").textContent = t("planner.town.routes", { n: number(lanes.length) });
  }

  /** The chosen route as text; a stop chosen here is the one chosen on the map. @param {Lane | null} lane */
  _paintStops(lane) {
    const items = (lane?.visits ?? []).map((visit) => {
      const state = stateOf(visit);
      const [name] = STATE_TAGS[state];
      const button = el(
        "button",
        { type: "button", class: "route-item", "aria-current": visit.id === this.map.visit_id ? "true" : null, "data-stop": visit.id },
        el("span", { class: "tabular" }, t("planner.span", { from: clock(visit.start_at), to: clock(visit.end_at) })),
        el("b", {}, visit.short),
        el("span", { class: "route-state" }, icon(name), t(`planner.state.${state}`)),
      );
      button.addEventListener("click", () => this._select(visit.id));
      return el("li", {}, button);
    });
    const focused = /** @type {HTMLElement | null} */ (document.activeElement)?.dataset?.stop;
    this.stops.replaceChildren(...items);
    if (focused) /** @type {HTMLElement | null} */ (this.stops.querySelector(`[data-stop="${CSS.escape(focused)}"]`))?.focus();
  }

  /** @param {string | null} carer_id */
  _choose(carer_id) {
    this.carer_id = carer_id;
    this.map.visit_id = null;
    this.paint();
    this.map.fit(this.map.route);
    if (carer_id !== null) this.acts.carer(carer_id);
  }

  /** @param {Stop} stop */
  _chosen(stop) {
    if (stop.carer_id !== null) this.carer_id = stop.carer_id;
    this._select(stop.visit_id);
  }

  /** @param {string} visit_id */
  _select(visit_id) {
    this.map.visit_id = visit_id;
    this.paint();
    this.acts.select(visit_id);
  }
}

/** @param {Lane} lane */
function routeWords(lane) {
  const troubled = lane.visits.filter(isProblem).length;
  const facts = { name: lane.name, n: lane.visits.length, troubled };
  return t(troubled ? "planner.town.route.trouble" : "planner.town.route", facts);
}
