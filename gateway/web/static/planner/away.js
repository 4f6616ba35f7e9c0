// @ts-check
/** Citizens who are not at home. Who comes home gets visits back: which and from whom is chosen like any other change. */

import { call } from "./api.js";
import { Beside } from "./beside.js";
import { byId, el, icon } from "./dom.js";
import { clock, t } from "./text.js";

/** @typedef {{citizen_id: string, citizen_short: number | null, kind: string, from_at: string}} Absence */

export class Away {
  /** @param {{open: (one: import("./happened.js").Happening, place: HTMLElement) => void}} acts */
  constructor(acts) {
    this.acts = acts;
    this.beside = new Beside(byId("away"), true);
  }

  async load() {
    try {
      /** @type {{absences: Absence[]}} */
      const { absences } = await call("GET", "/api/v1/citizen-absences");
      const heading = [icon("home"), t("planner.away", { n: absences.length })];
      this.beside.paint(absences, heading, (one) => one.citizen_id, (one) => this._item(one));
    } catch (error) {
      this.beside.fail(error);
    }
  }

  /** @param {Absence} one */
  _item(one) {
    const at = new Date(one.from_at);
    const day = at.toLocaleDateString(document.documentElement.lang, { day: "numeric", month: "short", timeZone: "Europe/Copenhagen" });
    const place = el("div", { class: "happened happened-place", "aria-live": "polite" });
    const home = el("button", { type: "button", class: "button button-small" }, t("planner.away.home"));
    home.addEventListener("click", () => this.acts.open({ kind: "citizen_home", citizen_id: one.citizen_id }, place));
    return el("li", {}, el("p", {}, t(`planner.away.${one.kind}`, { citizen: one.citizen_short ?? "?", day, clock: clock(one.from_at) })), home, place);
  }
}
