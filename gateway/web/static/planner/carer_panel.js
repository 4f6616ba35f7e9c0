// @ts-check
/** The side panel of a carer: her shift, and what a planner may have to do about her day. No figures about her. */
/** @typedef {import("./board.js").Board} Board */
/** @typedef {import("./types.js").Lane} Lane */

import { call, Problem, wordsOf } from "./api.js";
import { asideWords } from "./bar.js";
import { coverList } from "./cover.js";
import { happenedSection } from "./happened.js";
import { byId, el } from "./dom.js";
import { leaverButton } from "./leaver.js";
import { clock, t } from "./text.js";
import { offlineTabletButton, showWithdrawn } from "./withdrawn.js";

export class CarerPanel {
  /**
   * @param {Board} board
   * @param {{said: (text: string) => void, select: (visit_id: string) => void} & import("./happened.js").Acts} acts
   */
  constructor(board, acts) {
    this.board = board;
    this.acts = acts;
    this.body = byId("panel-body");
    /** @type {string | null} */
    this.carer_id = null;
  }

  /** Show a carer; `ill` asks for proposals at once. @param {string} carer_id @param {boolean} [ill] */
  async show(carer_id, ill = false) {
    const lane = this.board.lanes.get(carer_id);
    if (!lane) return;
    this.carer_id = carer_id;
    const open = lane.shift !== null && lane.shift.state !== "ended";
    this.body.replaceChildren(
      el("h2", { tabindex: "-1" }, lane.name),
      el("p", { class: "muted" }, shiftWords(lane)),
      ...(lane.asides?.length ? [el("ul", { class: "asides" }, ...lane.asides.map((one) => el("li", { class: "aside-line" }, asideWords(one))))] : []),
      el("div", { class: "panel-acts" }, leaverButton(lane, this.acts.said), ...(open ? [this._illButton(carer_id), this._lostButton(lane), offlineTabletButton(lane, this.acts.said)] : [])),
      el("section", { class: "proposals", id: "cover", "aria-live": "polite" }),
      ...(open ? [happenedSection([{ kind: "carer_late", carer_id }], this.acts)] : []),
    );
    byId("panel-empty").hidden = true;
    if (ill && open) await this.propose(carer_id);
  }

  /** Ask for whole solutions; the first is chosen beforehand and its button has the focus. @param {string} carer_id */
  async propose(carer_id) {
    const place = byId("cover");
    place.replaceChildren(el("p", { class: "muted" }, t("planner.cover.loading")));
    const still = () => this.carer_id === carer_id && place.isConnected;
    try {
      const happened = { kind: "carer_away", carer_id, day: this.board.day };
      const { proposals } = await call("POST", "/api/v1/reassignments/preview", { body: { happened } });
      if (!still()) return;
      const waiting = proposals.length ? proposals[0].waiting : 0;
      const answer = { waiting, proposals };
      place.replaceChildren(...coverList(answer, (proposal) => void this._carryOut(carer_id, proposal)));
      /** @type {HTMLElement | null} */ (place.querySelector(".proposal.chosen .confirm"))?.focus();
    } catch (error) {
      if (still()) place.replaceChildren(el("p", { class: "field-error", role: "alert" }, wordsOf(error)));
    }
  }

  /** @param {string} carer_id @param {any} proposal */
  async _carryOut(carer_id, proposal) {
    const versions = proposal.versions.map((v) => `"${v.route_id}:${v.version}"`).join(", ");
    try {
      const happened = { kind: "carer_away", carer_id, day: this.board.day };
      /** @type {import("./happened.js").Done} */
      const done = await call("POST", "/api/v1/reassignments", {
        body: { happened, routes: proposal.routes, reason: "illness", substitute_id: proposal.substitute_id },
        key: crypto.randomUUID(),
        headers: { "If-Match": versions },
      });
      this.carer_id = null;
      this.acts.done(done, () => call("POST", `/api/v1/reassignments/${encodeURIComponent(done.reassignment_id)}/undo`, { body: {}, key: crypto.randomUUID() }));
    } catch (error) {
      if (this.carer_id !== carer_id) return;
      const stale = error instanceof Problem && error.status === 412;
      if (stale) await this.propose(carer_id);
      // The network may come back: what was refused can be tried again.
      for (const button of byId("cover").querySelectorAll("button.confirm")) button.removeAttribute("disabled");
      byId("cover").prepend(el("p", { class: "field-error", role: "alert" }, wordsOf(error)));
    }
  }

  /** @param {string} carer_id */
  _illButton(carer_id) {
    const button = el("button", { type: "button", class: "button button-small" }, t("planner.ill"), el("kbd", {}, "S"));
    button.addEventListener("click", () => void this.propose(carer_id));
    return button;
  }

  /** Two taps: the first says what will happen, the second does it. @param {Lane} lane */
  _lostButton(lane) {
    const button = el("button", { type: "button", class: "button button-small" }, t("planner.lost"));
    button.addEventListener("click", () => {
      const yes = el("button", { type: "button", class: "button button-danger button-small" }, t("planner.lost.do"));
      yes.addEventListener("click", () => void this._blockTablet(lane));
      byId("cover").replaceChildren(
        el("div", { class: "alert alert-warn" }, el("p", {}, t("planner.lost.what", { name: lane.name })), yes),
      );
      yes.focus();
    });
    return button;
  }

  /** @param {Lane} lane */
  async _blockTablet(lane) {
    try {
      await call("POST", `/api/v1/carers/${encodeURIComponent(lane.carer_id)}/tablet-lost`, {
        body: { reason: "lost" },
        key: crypto.randomUUID(),
      });
      this.acts.said(t("planner.lost.done", { name: lane.name }));
      await showWithdrawn(lane, byId("cover"), () => this.carer_id === lane.carer_id);
    } catch (error) {
      byId("cover").replaceChildren(el("p", { class: "field-error", role: "alert" }, wordsOf(error)));
    }
  }
}

/** @param {Lane} lane */
function shiftWords(lane) {
  if (!lane.shift) return t("planner.lane.noshift");
  const span = { from: clock(lane.shift.planned_start_at), to: clock(lane.shift.planned_end_at) };
  return `${t("planner.lane.shift", span)} · ${t("planner.carer.visits", { n: lane.visits.length })}`;
}
