// @ts-check
/** The side panel of a chosen visit: what the board knows at once, facts and ranked proposals as they arrive. */
/** @typedef {import("./board.js").Board} Board */
/** @typedef {import("./types.js").VisitFacts} VisitFacts */
/** @typedef {import("./types.js").Proposal} Proposal */
/** @typedef {import("./types.js").Lane} Lane */

import { call, Problem } from "./api.js";
import { awaySection } from "./away.js";
import { stateOf } from "./board.js";
import { byId, el, icon, tag } from "./dom.js";
import { happenedSection } from "./happened.js";
import { holdersSection } from "./holders.js";
import { proposalList, reasonSelect } from "./proposals.js";
import { routeMap } from "./map.js";
import { nearestSection } from "./nearest.js";
import { offerSection } from "./offer.js";
import { clock, t, word } from "./text.js";
import { whySection } from "./why.js";

/** @type {Record<string, [string, string]>} state to icon and kind of tag */
export const STATE_TAGS = {
  planned: ["calendar-month", ""],
  begun: ["own-play", "ok"],
  ended: ["check", ""],
  late: ["warning", "warn"],
  expected_late: ["time", "warn"],
  not_started: ["close", "danger"],
  unallocated: ["minus", ""],
};

export class Panel {
  /**
   * @param {Board} board
   * @param {{move: (visit_id: string) => void, take: (proposal: Proposal, visit_id: string, reason: string) => void,
   *   select: (visit_id: string) => void} & import("./happened.js").Acts} acts
   */
  constructor(board, acts) {
    this.board = board;
    this.acts = acts;
    this.body = byId("panel-body");
    /** @type {string | null} */
    this.visit_id = null;
    /** @type {Lane | null} */
    this.lane = null;
  }

  /** Show a visit. The first paint needs no answer from the server. @param {string} visit_id */
  async show(visit_id) {
    this.visit_id = visit_id;
    const { place, waiting } = this._known(visit_id);
    const state = place ? stateOf(place.visit) : "unallocated";
    const short = place?.visit.short ?? waiting?.short ?? "";
    const span = place
      ? t("planner.span", { from: clock(place.visit.start_at), to: clock(place.visit.end_at) })
      : waiting
        ? t("planner.span", { from: clock(waiting.window_open_at), to: clock(waiting.window_close_at) })
        : "";
    this.lane = place?.lane ?? null;
    const delay = place?.visit.delay_min;
    const words = t(`planner.state.${state}`) + (delay && state === "late" ? ` ${Math.round(delay)}\u00a0min` : "");
    const [name, kind] = STATE_TAGS[state] ?? STATE_TAGS.planned;
    this.tags = el("p", { class: "tags" }, tag(words, name, kind));
    this.happened = el("div", {});
    this.facts = el("div", { class: "facts" }, el("p", { class: "muted" }, t("planner.panel.loading")));
    this.proposals = el("section", { class: "proposals", "aria-live": "polite" });
    this.proposals.append(
      el("h3", {}, t("planner.proposals")),
      el("p", { class: "muted" }, t("planner.proposals.loading")),
    );
    const move = el("button", { type: "button", class: "button button-small" }, t("planner.move"), el("kbd", {}, "M"));
    move.addEventListener("click", () => this.acts.move(visit_id));
    this.body.replaceChildren(
      this.tags,
      el("h2", { tabindex: "-1" }, t("planner.panel.heading", { short, span })),
      el("div", { class: "panel-acts" }, ...(state === "ended" ? [] : [move])),
      this.facts,
      ...(state === "ended" || state === "begun" ? [] : [this.proposals, offerSection(visit_id), nearestSection(visit_id)]),
      whySection(visit_id, () => this._colleagues(place?.lane ?? null, visit_id)),
      this.happened,
      ...(this.lane ? [this._routeList(this.lane, visit_id)] : []),
    );
    byId("panel-empty").hidden = true;
    const wanted = visit_id;
    const still = () => this.visit_id === wanted;
    await Promise.all([
      this._loadFacts(wanted, still),
      ...(state === "ended" || state === "begun" ? [] : [this._loadProposals(wanted, still, state)]),
    ]);
  }

  /** Show the chosen visit again after it changed. */
  refresh() {
    if (this.visit_id && !this.body.contains(document.activeElement)) void this.show(this.visit_id);
  }

  close() {
    this.visit_id = null;
    this.body.replaceChildren();
    byId("panel-empty").hidden = false;
  }

  /** Those on duty in the visit's unit who do not have it. @param {Lane | null} lane @param {string} visit_id */
  _colleagues(lane, visit_id) {
    const unit_id = lane?.unit_id ?? this._known(visit_id).waiting?.unit_id;
    return [...this.board.lanes.values()]
      .filter((one) => one.unit_id === unit_id && one.carer_id !== lane?.carer_id)
      .map((one) => ({ id: one.carer_id, name: one.name }));
  }

  /** What can have happened to a visit in its state. @param {VisitFacts} visit */
  _happenings(visit) {
    const visit_id = visit.id;
    const mode = this._known(visit_id).place?.visit.mode ?? "physical";
    const planned = visit.begun_at === null;
    const on_route = visit.carer_id !== null;
    const kinds = [
      ...(on_route ? ["visit_longer"] : []),
      ...(planned && visit.door ? ["door_shut"] : []),
      ...(planned && on_route && !visit.double ? ["swap"] : []),
      ...(planned ? ["lend", mode === "screen" ? "to_physical" : "to_screen"] : []),
    ];
    const about = kinds.map((kind) => ({ kind, visit_id, unit_id: visit.unit_id }));
    return [...about, { kind: "urgent", citizen_id: visit.citizen_id }];
  }

  /** @param {string} visit_id */
  _known(visit_id) {
    return {
      place: this.board.places(visit_id)[0] ?? null,
      waiting: this.board.unallocated.find((u) => u.id === visit_id) ?? null,
    };
  }

  /** @param {string} visit_id @param {() => boolean} still */
  async _loadFacts(visit_id, still) {
    try {
      const body = await call("GET", `/api/v1/visits/${encodeURIComponent(visit_id)}`);
      if (still()) this._paintFacts(body);
    } catch (error) {
      if (still()) this.facts?.replaceChildren(el("p", { class: "field-error" }, wordsOf(error)));
    }
  }

  /** @param {VisitFacts} visit */
  _paintFacts(visit) {
    this.tags?.append(el("span", { class: "tag" }, visit.service_name));
    if (visit.double) this.tags?.append(tag(t("planner.state.double"), "own-two-persons"));
    const rows = el("dl", { class: "fact-list" });
    /** @param {string} key @param {string} value */
    const row = (key, value) => rows.append(el("dt", {}, t(key)), el("dd", {}, value));
    row("planner.fact.citizen", visit.citizen_name);
    row("planner.fact.address", visit.address);
    row("planner.fact.carer", visit.carer_name ?? t("planner.unallocated"));
    row("planner.fact.window", t("planner.span", { from: clock(visit.window_open_at), to: clock(visit.window_close_at) }));
    if (visit.begun_at) {
      const source = visit.source ? ` · ${word("planner.source", visit.source)}` : "";
      row("planner.fact.begun", clock(visit.begun_at) + source);
    }
    if (visit.ended_at) {
      const outcome = visit.outcome ? ` · ${word("planner.outcome", visit.outcome)}` : "";
      row("planner.fact.ended", clock(visit.ended_at) + outcome);
    }
    if (visit.door) row("planner.fact.door", doorWords(visit.door));
    if (visit.door?.keeps.length) rows.append(el("dt", {}, t("planner.fact.door_keeps")), ...visit.door.keeps.map((line) => el("dd", {}, line)));
    for (const words of visit.door ? boundWords(visit.door) : []) row("planner.fact.door_bound", words);
    const map = visit.route ? routeMap(visit.route.points) : null;
    const away = visit.state === "ended" ? [] : [awaySection(visit.citizen_id)];
    const holders = visit.door?.holders ? [holdersSection({ id: visit.door.id, holders: visit.door.holders })] : [];
    if (visit.ended_at === null) this.happened?.replaceChildren(happenedSection(this._happenings(visit), this.acts));
    this.facts?.replaceChildren(rows, ...holders, ...away, ...(map ? [map] : []), ...historyOf(visit));
  }

  /** @param {string} visit_id @param {() => boolean} still @param {string} state */
  async _loadProposals(visit_id, still, state) {
    const began = performance.now();
    try {
      const body = await call("GET", `/api/v1/visits/${encodeURIComponent(visit_id)}/proposals`);
      if (!still()) return;
      const seconds = (performance.now() - began) / 1000;
      const reason = reasonSelect(state);
      this.proposals?.replaceChildren(
        ...proposalList(body, seconds, reason, this.lane?.version ?? null, (p, why) => this.acts.take(p, visit_id, why)),
      );
    } catch (error) {
      if (still()) {
        this.proposals?.replaceChildren(
          el("h3", {}, t("planner.proposals")),
          el("p", { class: "field-error" }, wordsOf(error)),
        );
      }
    }
  }

  /** The route as text: what the bars say, in targets of full size. @param {Lane} lane @param {string} current */
  _routeList(lane, current) {
    const list = el("ol", { class: "route-list" });
    for (const visit of lane.visits) {
      const state = stateOf(visit);
      const [name] = STATE_TAGS[state];
      const span = t("planner.span", { from: clock(visit.start_at), to: clock(visit.end_at) });
      const button = el(
        "button",
        { type: "button", class: "route-item", "aria-current": visit.id === current ? "true" : null },
        el("span", { class: "tabular" }, span),
        el("b", {}, visit.short),
        el("span", { class: "route-state" }, icon(name), t(`planner.state.${state}`)),
      );
      button.addEventListener("click", () => this.acts.select(visit.id));
      list.append(el("li", {}, button));
    }
    const summary = el("summary", {}, t("planner.route.list", { name: lane.name, n: lane.visits.length }));
    return el("details", { class: "route", open: true }, summary, list);
  }
}

/** @param {unknown} error */
export function wordsOf(error) {
  return error instanceof Problem ? error.words : t("common.unknown_error");
}

/** @param {NonNullable<VisitFacts["door"]>} door */
function doorWords(door) {
  const parts = door.lock_state ? [word("planner.lock", door.lock_state)] : [];
  if (door.last_opening) {
    parts.push(`${word("planner.opening", door.last_opening.state)} ${clock(door.last_opening.at)}`);
  }
  if (door.battery_low) parts.push(t("planner.lock.battery"));
  return parts.join(" · ") || t("planner.lock.quiet");
}

/** By when what was promised about a door holds. @param {NonNullable<VisitFacts["door"]>} door */
function boundWords(door) {
  const words = [];
  if (door.offline_until_at) words.push(t("planner.bound.offline", { at: clock(door.offline_until_at) }));
  if (door.withdrawn_until_at) words.push(t("planner.bound.withdrawn", { at: clock(door.withdrawn_until_at) }));
  else if (door.withdrawn) words.push(t("planner.bound.confirmed"));
  return words;
}

/** @param {VisitFacts} visit */
function historyOf(visit) {
  if (!visit.history.length) return [];
  const items = visit.history.map((h) => el("li", {}, el("time", { datetime: h.at }, clock(h.at)), ` ${h.text}`));
  return [
    el("details", { class: "history" }, el("summary", {}, t("planner.history", { n: items.length })), el("ul", {}, ...items)),
  ];
}
