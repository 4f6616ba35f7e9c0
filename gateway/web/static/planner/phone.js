// @ts-check
/** The day on a phone: what needs somebody, what nobody has, and every route as a list. It is looked at, not changed. */
/** @typedef {import("./board.js").Board} Board */
/** @typedef {import("./types.js").Lane} Lane */
/** @typedef {import("./types.js").Visit} Visit */

import { asideWords, STATE_TAGS } from "./bar.js";
import { isProblem, stateOf } from "./board.js";
import { byId, el, keep, tag } from "./dom.js";
import { laneWords } from "./lane_words.js";
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
    this.problems = section();
    this.waiting = section();
    this.routes = section();
    this.more = el("p", { class: "muted" });
    this.place.replaceChildren(this.problems.node, this.waiting.node, this.routes.node, this.more);
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
    // A list that is looked through is not pulled away: what is open, and where somebody stands, stays.
    fill(this.problems, t("planner.phone.problems", { n: number(troubled.length) }), troubled,
      ({ visit, lane }) => `${visit.id} ${lane.carer_id}`, ({ lane, visit }) => el("li", {}, item(visit, lane.name, this._fragile(visit))));
    fill(this.waiting, t("planner.phone.waiting", { n: number(waiting.length) }), waiting, (one) => one.id, (one) => el("li", {}, wanted(one)));
    fill(this.routes, t("planner.phone.routes", { n: number(lanes.length) }), shown, (lane) => lane.carer_id, (lane) => el("li", {}, this._route(lane)),
      (lane) => [lane, lane.visits.map((visit) => this._fragile(visit))]);
    this.more.textContent = shown.length < lanes.length ? t("planner.phone.more", { n: number(lanes.length - shown.length) }) : "";
  }

  /** @param {Visit} visit */
  _fragile(visit) {
    return this.board.fragility(visit) !== null;
  }

  /** @param {Lane} lane */
  _route(lane) {
    const summary = el("summary", {}, el("b", {}, lane.name), el("span", { class: "muted" }, laneWords(lane)));
    const route = el("details", {}, summary);
    route.addEventListener("toggle", () => {
      if (!(/** @type {HTMLDetailsElement} */ (route).open) || route.childElementCount > 1) return;
      const visits = lane.visits.map((visit) => ({ at: visit.begun_at ?? visit.start_at, node: item(visit, "", this._fragile(visit)) }));
      const asides = (lane.asides ?? []).map((one) => ({ at: one.start_at, node: el("p", { class: "aside-line" }, asideWords(one)) }));
      route.append(...[...asides, ...visits].sort((a, b) => a.at.localeCompare(b.at)).map(({ node }) => node));
    });
    return route;
  }
}

/** @param {import("./types.js").Unallocated} one */
function wanted(one) {
  return el("div", { class: "visit" }, span(one.window_open_at, one.window_close_at), el("b", {}, one.short), el("span", { class: "muted" }, one.reason ?? ""));
}

/** @param {string} from @param {string} to */
function span(from, to) {
  return el("span", { class: "tabular" }, t("planner.span", { from: clock(from), to: clock(to) }));
}

/** @param {Visit} visit @param {string} name @param {boolean} fragile */
function item(visit, name, fragile) {
  const state = stateOf(visit);
  const [sign, kind] = STATE_TAGS[state];
  const late = state === "late" && visit.delay_min ? ` ${Math.round(visit.delay_min)}\u00a0min` : "";
  return el(
    "div",
    { class: "visit" },
    span(visit.begun_at ?? visit.start_at, visit.ended_at ?? visit.end_at),
    el("b", {}, visit.short),
    el("span", { class: "tags" }, tag(t(`planner.state.${state}`) + late, sign, kind), ...(fragile ? [tag(t("planner.state.fragile"), "hourglass", "")] : [])),
    ...(name ? [el("span", { class: "muted" }, name)] : []),
  );
}

/** A heading over a list, both hidden while there is nothing. */
function section() {
  const [head, list] = [el("h2", {}), el("ul", { class: "plain" })];
  return { head, list, node: el("section", { hidden: true }, head, list) };
}

/**
 * @template T
 * @param {ReturnType<typeof section>} place @param {string} heading @param {T[]} items
 * @param {(item: T) => string} key @param {(item: T) => HTMLElement} make @param {(item: T) => unknown} [facts]
 */
function fill(place, heading, items, key, make, facts) {
  place.node.hidden = items.length === 0;
  if (place.head.textContent !== heading) place.head.textContent = heading;
  keep(place.list, items, key, make, facts);
}
