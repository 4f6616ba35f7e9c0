// @ts-check
/** Emergency openings of the planner's units: shown at once, and looked at where they stand. */

import { call, wordsOf } from "./api.js";
import { Beside } from "./beside.js";
import { byId, el, icon, tag } from "./dom.js";
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
    this.beside = new Beside(byId("emergencies"));
  }

  async load() {
    try {
      /** @type {{waiting: Emergency[]}} */
      const { waiting } = await call("GET", "/api/v1/emergencies");
      const heading = [icon("warning"), t("planner.emergencies", { n: waiting.length })];
      this.beside.paint(waiting, heading, (one) => one.emergency_id, (one) => this._item(one));
    } catch (error) {
      this.beside.fail(error);
    }
  }

  /** @param {Emergency} one */
  _item(one) {
    const note = /** @type {HTMLTextAreaElement} */ (
      el("textarea", { class: "input", rows: "2", maxlength: "500", id: `note-${one.emergency_id}` })
    );
    const said = el("p", { class: "field-error", role: "alert" });
    const acts = el("div", { class: "panel-acts" });
    for (const outcome of /** @type {const} */ (["ok", "not_ok"])) {
      const button = el("button", { type: "button", class: "button button-small" }, t(`planner.emergency.${outcome}`));
      button.addEventListener("click", () => void this._review(one, outcome, note.value, said));
      acts.append(button);
    }
    return el("li", {},
      el("p", {}, el("b", {}, t("planner.emergency", { citizen: one.citizen_short ?? "?", reason: one.reason_text }))),
      el("p", {}, t("planner.emergency.by", { carer: one.carer_name ?? "?", clock: clock(one.requested_at) }),
        one.opened_at ? tag(t("planner.emergency.opened"), "own-lock-open", "danger") : tag(t("planner.emergency.not_opened"), "lock", "")),
      el("details", {},
        el("summary", {}, t("planner.emergency.review")),
        el("label", { for: note.id }, t("planner.emergency.note")), note,
        el("p", { class: "muted" }, t("planner.emergency.note_hint")), acts, said));
  }

  /** @param {Emergency} one @param {"ok" | "not_ok"} outcome @param {string} note @param {HTMLElement} said */
  async _review(one, outcome, note, said) {
    try {
      await call("POST", `/api/v1/emergencies/${encodeURIComponent(one.emergency_id)}/review`, {
        body: { outcome, note },
        key: crypto.randomUUID(),
      });
      await this.load();
    } catch (error) {
      said.textContent = wordsOf(error);
    }
  }
}
