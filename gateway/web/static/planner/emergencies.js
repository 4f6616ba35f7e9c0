// @ts-check
/** Emergency openings of the planner's units: shown at once, and looked at where they stand. */

import { call } from "./api.js";
import { byId, el, icon, tag } from "./dom.js";
import { wordsOf } from "./panel.js";
import { clock, t } from "./text.js";

/**
 * @typedef {object} Emergency
 * @property {string} emergency_id
 * @property {number | null} citizen_short
 * @property {string} reason_text
 * @property {string | null} carer_name
 * @property {string} requested_at
 * @property {string | null} opened_at
 */

export class Emergencies {
  constructor() {
    this.place = byId("emergencies");
    /** What is typed survives a repaint. @type {Map<string, string>} */
    this.notes = new Map();
    /** The openings whose review stands open: it does not shut under the planner's hand. @type {Set<string>} */
    this.open = new Set();
    /** What stands painted: the same answer again moves nothing under a finger on its way down. */
    this._mark = "";
  }

  async load() {
    try {
      const answer = await call("GET", "/api/v1/emergencies");
      this._paint(answer.waiting);
    } catch (error) {
      this._mark = "";
      this.place.hidden = false;
      this.place.replaceChildren(el("p", { class: "field-error" }, wordsOf(error)));
    }
  }

  /** @param {Emergency[]} waiting */
  _paint(waiting) {
    if (this.place.contains(document.activeElement) && document.activeElement?.matches("textarea")) return;
    const mark = JSON.stringify(waiting);
    if (mark === this._mark) return;
    this._mark = mark;
    this.place.hidden = waiting.length === 0;
    this.place.replaceChildren(
      el("h2", {}, icon("warning"), t("planner.emergencies", { n: waiting.length })),
      el("ul", { class: "task-list" }, ...waiting.map((one) => this._item(one))),
    );
  }

  /** @param {Emergency} one */
  _item(one) {
    const note = /** @type {HTMLTextAreaElement} */ (
      el("textarea", { class: "input", rows: "2", maxlength: "500", id: `note-${one.emergency_id}` })
    );
    note.value = this.notes.get(one.emergency_id) ?? "";
    note.addEventListener("input", () => this.notes.set(one.emergency_id, note.value));
    const said = el("p", { class: "field-error", role: "alert" });
    const acts = el("div", { class: "panel-acts" });
    for (const outcome of /** @type {const} */ (["ok", "not_ok"])) {
      const button = el("button", { type: "button", class: "button button-small" }, t(`planner.emergency.${outcome}`));
      button.addEventListener("click", () => void this._review(one, outcome, note.value, said));
      acts.append(button);
    }
    const review = /** @type {HTMLDetailsElement} */ (
      el("details", {},
        el("summary", {}, t("planner.emergency.review")),
        el("label", { for: note.id }, t("planner.emergency.note")), note,
        el("p", { class: "muted" }, t("planner.emergency.note_hint")), acts, said)
    );
    review.open = this.open.has(one.emergency_id);
    review.addEventListener("toggle", () => {
      if (!review.isConnected) return;
      if (review.open) this.open.add(one.emergency_id);
      else this.open.delete(one.emergency_id);
    });
    return el("li", {},
      el("p", {}, el("b", {}, t("planner.emergency", { citizen: one.citizen_short ?? "?", reason: one.reason_text }))),
      el("p", {}, t("planner.emergency.by", { carer: one.carer_name ?? "?", clock: clock(one.requested_at) }),
        one.opened_at ? tag(t("planner.emergency.opened"), "own-lock-open", "danger") : tag(t("planner.emergency.not_opened"), "lock", "")),
      review);
  }

  /** @param {Emergency} one @param {"ok" | "not_ok"} outcome @param {string} note @param {HTMLElement} said */
  async _review(one, outcome, note, said) {
    try {
      await call("POST", `/api/v1/emergencies/${encodeURIComponent(one.emergency_id)}/review`, {
        body: { outcome, note },
        key: crypto.randomUUID(),
      });
      this.notes.delete(one.emergency_id);
      this.open.delete(one.emergency_id);
      await this.load();
    } catch (error) {
      said.textContent = wordsOf(error);
    }
  }
}
