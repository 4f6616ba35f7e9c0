// @ts-check
/** The rest of the day: visits that will miss their window as things stand, and fragile ones. Routes, never people. */
/** @typedef {import("./types.js").Outlook} Outlook */

import { call } from "./api.js";
import { Beside } from "./beside.js";
import { MISSES_BY_MIN } from "./board.js";
import { byId, el, icon } from "./dom.js";
import { clock, t } from "./text.js";

const LOOK_EVERY_MS = 60_000;
const SHOWN = 12;

export class Foresight {
  /**
   * @param {import("./board.js").Board} board @param {string} day
   * @param {{select: (visit_id: string) => void, changed: () => void}} acts  `changed`: bars say something else now
   */
  constructor(board, day, acts) {
    this.board = board;
    this.day = day;
    this.acts = acts;
    this.beside = new Beside(byId("foresight"), true);
    window.setInterval(() => void this.load(), LOOK_EVERY_MS);
    void this.load();
  }

  async load() {
    /** @type {Outlook[]} */
    let visits = [];
    try {
      visits = (await call("GET", `/api/v1/foresight?day=${encodeURIComponent(this.day)}`)).visits;
    } catch {
      // The board itself says that nothing comes through; what was expected a minute ago would only mislead.
    }
    this.board.ahead = new Map(visits.map((one) => [one.visit_id, one]));
    this.acts.changed();
    const shown = [...visits].sort((a, b) => b.late_min - a.late_min || (b.late_percent ?? 0) - (a.late_percent ?? 0)).slice(0, SHOWN);
    const heading = [icon("time"), t("planner.foresight.count", { n: visits.length })];
    this.beside.paint(shown, heading, (one) => one.visit_id, (one) => this._item(one));
  }

  /** @param {Outlook} one */
  _item(one) {
    const show = el("button", { type: "button", class: "button button-small" }, t("planner.foresight.show"));
    show.addEventListener("click", () => this.acts.select(one.visit_id));
    return el("li", {}, el("p", {}, outlookWords(one)), show);
  }
}

/** What is expected of a visit, in a sentence. @param {Outlook} one */
function outlookWords(one) {
  const at = clock(one.expected_at);
  return one.late_min > MISSES_BY_MIN
    ? t("planner.foresight.late", { short: one.short, at, n: one.late_min })
    : t("planner.foresight.fragile", { short: one.short, at, n: one.late_percent ?? 0, latest: clock(one.latest_at ?? one.expected_at) });
}
