// @ts-check
/** The rest of the day: visits that will miss their window as things stand, and fragile ones. Routes, never people. */

import { call } from "./api.js";
import { byId, el, icon } from "./dom.js";
import { clock, t } from "./text.js";

const LOOK_EVERY_MS = 60_000;
const SHOWN = 12;

/**
 * @typedef {{visit_id: string, short: string, expected_at: string, late_min: number, late_percent: number | null, latest_at: string | null}} Outlook
 */

export class Foresight {
  /** @param {string} day @param {{select: (visit_id: string) => void}} acts */
  constructor(day, acts) {
    this.day = day;
    this.acts = acts;
    this.place = byId("foresight");
    window.setInterval(() => void this.load(), LOOK_EVERY_MS);
    void this.load();
  }

  async load() {
    try {
      const answer = await call("GET", `/api/v1/foresight?day=${encodeURIComponent(this.day)}`);
      this._paint(answer.visits);
    } catch {
      // The board itself says that nothing comes through; what was expected a minute ago would only mislead.
      this.place.hidden = true;
    }
  }

  /** @param {Outlook[]} visits */
  _paint(visits) {
    const shown = [...visits].sort((a, b) => b.late_min - a.late_min || (b.late_percent ?? 0) - (a.late_percent ?? 0)).slice(0, SHOWN);
    const open = this.place.querySelector("details")?.open ?? false;
    this.place.hidden = shown.length === 0;
    this.place.replaceChildren(el("details", open ? { open: true } : {},
      el("summary", {}, icon("time"), t("planner.foresight.count", { n: visits.length })),
      el("ul", { class: "task-list" }, ...shown.map((one) => this._item(one)))));
  }

  /** @param {Outlook} one */
  _item(one) {
    const at = clock(one.expected_at);
    const words = one.late_min > 5
      ? t("planner.foresight.late", { short: one.short, at, n: one.late_min })
      : t("planner.foresight.fragile", { short: one.short, at, n: one.late_percent ?? 0, latest: clock(one.latest_at ?? one.expected_at) });
    const show = el("button", { type: "button", class: "button button-small" }, t("planner.foresight.show"));
    show.addEventListener("click", () => this.acts.select(one.visit_id));
    return el("li", {}, el("p", {}, words), show);
  }
}
