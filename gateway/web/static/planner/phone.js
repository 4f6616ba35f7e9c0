// @ts-check
/** The day on a phone: what needs somebody, what nobody has, and every route as a list. It is looked at, not changed. */
/** @typedef {import("./board.js").Board} Board */
/** @typedef {import("./types.js").Lane} Lane */
/** @typedef {import("./types.js").Visit} Visit */

import { isProblem, stateOf } from "./board.js";
import { byId, el, tag } from "./dom.js";
import { laneWords } from "./lane_words.js";
import { STATE_TAGS } from "./panel.js";
import { clock, number, t } from "./text.js";

const NARROW = "(max-width: 700px)";
/** A phone shows so many lanes at once; the filters and the search lead to the others. */
const LANES = 60;

export class Phone {
  /** @param {Board} board */
  constructor(board) {
    this.board = board;
    this.place = byId("phone");
    this.narrow = window.matchMedia(NARROW);
    /** @type {Set<string>} carers whose routes are open */
    this.open = new Set();
    this._mark = "";
    this.narrow.addEventListener("change", () => this.paint());
  }

  paint() {
    this.place.hidden = !this.narrow.matches || !this.board.loaded;
    if (this.place.hidden) return;
    const lanes = this.board.rows().flatMap((row) => (row.kind === "lane" ? [row.lane] : []));
    const { attention } = this.board.filter;
    const troubled = lanes.flatMap((lane) => lane.visits.filter((v) => (attention ? this.board.matches(v) : isProblem(v))).map((visit) => ({ lane, visit })));
    troubled.sort((a, b) => a.visit.start_at.localeCompare(b.visit.start_at));
    const waiting = this.board.waiting();
    const shown = lanes.slice(0, LANES);
    const mark = JSON.stringify([troubled.map(({ visit }) => [visit.id, visit.state, visit.delay_min]), waiting, shown, lanes.length]);
    if (mark === this._mark) return;
    this._mark = mark;
    this.place.replaceChildren(
      ...section(t("planner.phone.problems", { n: number(troubled.length) }), troubled.map(({ lane, visit }) => item(visit, lane.name))),
      ...section(
        t("planner.phone.waiting", { n: number(waiting.length) }),
        waiting.map((u) => el("div", { class: "visit" }, span(u.window_open_at, u.window_close_at), el("b", {}, u.short), el("span", { class: "muted" }, u.reason ?? ""))),
      ),
      ...section(t("planner.phone.routes", { n: number(lanes.length) }), shown.map((lane) => this._route(lane))),
      ...(shown.length < lanes.length ? [el("p", { class: "muted" }, t("planner.phone.more", { n: number(lanes.length - shown.length) }))] : []),
    );
  }

  /** @param {Lane} lane */
  _route(lane) {
    const summary = el("summary", {}, el("b", {}, lane.name), el("span", { class: "muted" }, laneWords(lane)));
    const route = el("details", { open: this.open.has(lane.carer_id) }, summary);
    const fillIn = () => {
      if (route.childElementCount === 1) route.append(...lane.visits.map((visit) => item(visit, "")));
    };
    if (this.open.has(lane.carer_id)) fillIn();
    route.addEventListener("toggle", () => {
      if (/** @type {HTMLDetailsElement} */ (route).open) {
        this.open.add(lane.carer_id);
        fillIn();
      } else this.open.delete(lane.carer_id);
    });
    return route;
  }
}

/** @param {string} from @param {string} to */
function span(from, to) {
  return el("span", { class: "tabular" }, t("planner.span", { from: clock(from), to: clock(to) }));
}

/** @param {Visit} visit @param {string} name */
function item(visit, name) {
  const state = stateOf(visit);
  const [sign, kind] = STATE_TAGS[state];
  const late = state === "late" && visit.delay_min ? ` ${Math.round(visit.delay_min)}\u00a0min` : "";
  return el(
    "div",
    { class: "visit" },
    span(visit.begun_at ?? visit.start_at, visit.ended_at ?? visit.end_at),
    el("b", {}, visit.short),
    tag(t(`planner.state.${state}`) + late, sign, kind),
    ...(name ? [el("span", { class: "muted" }, name)] : []),
  );
}

/** @param {string} heading @param {HTMLElement[]} rows */
function section(heading, rows) {
  if (!rows.length) return [];
  return [el("section", {}, el("h2", {}, heading), el("ul", { class: "plain" }, ...rows.map((row) => el("li", {}, row))))];
}
