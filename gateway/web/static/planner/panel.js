// @ts-check
/** The side panel of a chosen visit: what the board knows at once, facts and ranked proposals as they arrive. */
/** @typedef {import("./board.js").Board} Board */
/** @typedef {import("./types.js").VisitFacts} VisitFacts */
/** @typedef {import("./types.js").Proposal} Proposal */
/** @typedef {import("./types.js").Lane} Lane */

import { call, wordsOf } from "./api.js";
import { asideWords, STATE_TAGS } from "./bar.js";
import { stateOf } from "./board.js";
import { byId, el, icon, keep, tag, takeOver } from "./dom.js";
import { happenedSection } from "./happened.js";
import { proposalList, reasonSelect } from "./proposals.js";
import { nearestSection } from "./nearest.js";
import { offerSection } from "./offer.js";
import { clock, t } from "./text.js";
import { factsOf } from "./visit_facts.js";
import { whySection } from "./why.js";

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
    const { place } = this._known(visit_id);
    const state = this._state(visit_id);
    this.lane = place?.lane ?? null;
    this.tags = el("p", { class: "tags" }, el("span", { class: "state-tags" }));
    this.heading = el("h2", { tabindex: "-1" });
    this.fragile = el("div", { class: "fragile-why" });
    this.stops = el("ol", { class: "route-list" });
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
      this.heading,
      el("div", { class: "panel-acts" }, ...(state === "ended" ? [] : [move])),
      this.fragile,
      this.facts,
      ...(state === "ended" || state === "begun" ? [] : [this.proposals, offerSection(visit_id), nearestSection(visit_id)]),
      whySection(visit_id, () => this._colleagues(place?.lane ?? null, visit_id)),
      this.happened,
      ...(this.lane ? [el("details", { class: "route", open: true }, el("summary", {}, t("planner.route.list", { name: this.lane.name, n: this.lane.visits.length })), this.stops)] : []),
    );
    byId("panel-empty").hidden = true;
    this._shown = { state, lane: this.lane?.carer_id ?? null };
    this.follow();
    const wanted = visit_id;
    const still = () => this.visit_id === wanted;
    await Promise.all([
      this._loadFacts(wanted, still),
      ...(state === "ended" || state === "begun" ? [] : [this._loadProposals(wanted, still, state)]),
    ]);
  }

  /**
   * The board stands differently: what the panel says of the visit follows. What was opened, typed, asked for or is
   * stood on in it stays; a visit that has begun, ended or changed hands has its facts read again.
   */
  follow() {
    const { visit_id } = this;
    if (visit_id === null || !this.heading?.isConnected) return;
    const { place, waiting } = this._known(visit_id);
    // Off the day since: what was true when it was opened is not rewritten into nothing.
    if (!place && !waiting) return;
    const state = this._state(visit_id);
    const [from, to] = place ? [place.visit.start_at, place.visit.end_at] : [waiting?.window_open_at ?? "", waiting?.window_close_at ?? ""];
    const heading = t("planner.panel.heading", { short: place?.visit.short ?? waiting?.short ?? "", span: t("planner.span", { from: clock(from), to: clock(to) }) });
    if (this.heading.textContent !== heading) this.heading.textContent = heading;
    const delay = place?.visit.delay_min;
    const words = t(`planner.state.${state}`) + (delay && state === "late" ? ` ${Math.round(delay)}\u00a0min` : "");
    const [name, kind] = STATE_TAGS[state] ?? STATE_TAGS.planned;
    const outlook = place && this.board.fragility(place.visit) !== null ? (this.board.ahead.get(visit_id) ?? null) : null;
    const said = /** @type {HTMLElement} */ (this.tags?.firstElementChild);
    if (said.textContent !== words + (outlook ? t("planner.state.fragile") : "")) {
      said.replaceChildren(tag(words, name, kind), ...(outlook ? [tag(t("planner.state.fragile"), "hourglass", "")] : []));
    }
    this._sayFragile(outlook);
    if (place) this._paintStops(place.lane, visit_id);
    const lane = place?.lane.carer_id ?? null;
    if (this._shown && (this._shown.state !== state || this._shown.lane !== lane)) {
      this._shown = { state, lane };
      const over = state === "begun" || state === "ended";
      for (const part of this.body.querySelectorAll(".proposals, .offer, .nearest")) {
        if (over && part.parentElement === this.body && !part.contains(document.activeElement)) part.remove();
      }
      void this._loadFacts(visit_id, () => this.visit_id === visit_id);
    }
  }

  /** Why a visit is marked, and what helps. @param {import("./types.js").Outlook | null} outlook */
  _sayFragile(outlook) {
    const at = outlook ? { n: outlook.late_percent ?? 0, at: clock(outlook.expected_at), latest: clock(outlook.latest_at ?? outlook.expected_at) } : null;
    const words = at ? t("planner.panel.fragile", at) : "";
    if (!this.fragile || this.fragile.textContent === words) return;
    this.fragile.replaceChildren(...(words ? [el("p", {}, words)] : []));
  }

  /** @param {string} visit_id */
  _state(visit_id) {
    const { place } = this._known(visit_id);
    return place ? stateOf(place.visit) : "unallocated";
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
    const { citizen_id } = visit;
    const gone = /** @type {const} */ (["hospital", "away"]).map((one) => ({ kind: "citizen_away", citizen_absence: one, citizen_id }));
    return [...about, { kind: "urgent", citizen_id }, ...gone];
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
    while ((this.tags?.childElementCount ?? 0) > 1) this.tags?.lastElementChild?.remove();
    this.tags?.append(el("span", { class: "tag" }, visit.service_name));
    if (visit.double) this.tags?.append(tag(t("planner.state.double"), "own-two-persons"));
    this._paintHappened(visit);
    const facts = el("div", { class: "facts" }, ...factsOf(visit));
    if (this.facts) takeOver(this.facts, facts);
    this.facts = facts;
  }

  /** What can have happened to it; a question under way is not taken out of the planner's hands. @param {VisitFacts} visit */
  _paintHappened(visit) {
    if (!this.happened) return;
    const asked = this.happened.querySelector(".happened-place:not(:empty)");
    if (asked && visit.ended_at === null) return;
    this.happened.replaceChildren(...(visit.ended_at === null ? [happenedSection(this._happenings(visit), this.acts)] : []));
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
  _paintStops(lane, current) {
    const stops = [
      ...(lane.asides ?? []).map((aside) => ({ id: aside.id, at: aside.start_at, aside })),
      ...lane.visits.map((visit) => ({ id: visit.id, at: visit.start_at, visit })),
    ].sort((a, b) => a.at.localeCompare(b.at));
    keep(/** @type {HTMLElement} */ (this.stops), stops, (one) => one.id, (one) =>
      "aside" in one ? el("li", { class: "aside-line" }, asideWords(one.aside)) : el("li", {}, this._stop(one.visit, current)));
  }

  /** @param {import("./types.js").Visit} visit @param {string} current */
  _stop(visit, current) {
    const state = stateOf(visit);
    const [name] = STATE_TAGS[state];
    const button = el(
      "button",
      { type: "button", class: "route-item", "aria-current": visit.id === current ? "true" : null },
      el("span", { class: "tabular" }, t("planner.span", { from: clock(visit.start_at), to: clock(visit.end_at) })),
      el("b", {}, visit.short),
      el("span", { class: "route-state" }, icon(name), t(`planner.state.${state}`)),
    );
    button.addEventListener("click", () => this.acts.select(visit.id));
    return button;
  }
}
