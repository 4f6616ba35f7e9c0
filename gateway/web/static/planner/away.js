// @ts-check
/** Citizens who are not at home: reported from a visit's panel, and reported home from the list. */

import { call } from "./api.js";
import { byId, el, icon } from "./dom.js";
import { wordsOf } from "./panel.js";
import { clock, t } from "./text.js";

/** @typedef {{citizen_id: string, citizen_short: number | null, kind: string, from_at: string}} Absence */

export class Away {
  /** @param {(text: string) => void} say */
  constructor(say) {
    this.place = byId("away");
    this.say = say;
    this._mark = "";
  }

  async load() {
    try {
      const answer = await call("GET", "/api/v1/citizen-absences");
      this._paint(answer.absences);
    } catch (error) {
      this._mark = "";
      this.place.hidden = false;
      this.place.replaceChildren(el("p", { class: "field-error" }, wordsOf(error)));
    }
  }

  /** @param {Absence[]} absences */
  _paint(absences) {
    // The same absences again move nothing under a finger on its way down, and an open list stays open.
    const mark = JSON.stringify(absences);
    if (mark === this._mark) return;
    this._mark = mark;
    const open = this.place.querySelector("details")?.open ?? false;
    this.place.hidden = absences.length === 0;
    this.place.replaceChildren(
      el("details", open ? { open: true } : {},
        el("summary", {}, icon("home"), t("planner.away", { n: absences.length })),
        el("ul", { class: "task-list" }, ...absences.map((one) => this._item(one)))),
    );
  }

  /** @param {Absence} one */
  _item(one) {
    const at = new Date(one.from_at);
    const day = at.toLocaleDateString(document.documentElement.lang, { day: "numeric", month: "short", timeZone: "Europe/Copenhagen" });
    const home = el("button", { type: "button", class: "button button-small" }, t("planner.away.home"));
    const said = el("p", { class: "field-error", role: "alert" });
    home.addEventListener("click", () => void this._home(one, said));
    return el("li", {}, el("p", {}, t(`planner.away.${one.kind}`, { citizen: one.citizen_short ?? "?", day, clock: clock(one.from_at) })), home, said);
  }

  /** @param {Absence} one @param {HTMLElement} said */
  async _home(one, said) {
    try {
      const answer = await call("POST", `/api/v1/citizens/${encodeURIComponent(one.citizen_id)}/return`, {
        body: {}, key: crypto.randomUUID(),
      });
      this.say(t("planner.away.back", { n: answer.visits_restored }));
      await this.load();
    } catch (error) {
      said.textContent = wordsOf(error);
    }
  }
}

/**
 * Two taps in a visit's panel: the first says what will happen, the second does it.
 * @param {string} citizen_id
 */
export function awaySection(citizen_id) {
  const place = el("div", { class: "away-ask", "aria-live": "polite" });
  const acts = el("div", { class: "panel-acts" });
  for (const kind of /** @type {const} */ (["hospital", "away"])) {
    const button = el("button", { type: "button", class: "button button-small" }, t(`planner.away.report_${kind}`));
    button.addEventListener("click", () => {
      const yes = el("button", { type: "button", class: "button button-danger button-small" }, t("planner.away.do"));
      yes.addEventListener("click", () => void report(citizen_id, kind, place));
      place.replaceChildren(el("div", { class: "alert alert-warn" }, el("p", {}, t("planner.away.what")), yes));
      yes.focus();
    });
    acts.append(button);
  }
  return el("section", {}, acts, place);
}

/** @param {string} citizen_id @param {string} kind @param {HTMLElement} place */
async function report(citizen_id, kind, place) {
  try {
    const answer = await call("POST", `/api/v1/citizens/${encodeURIComponent(citizen_id)}/absence`, {
      body: { kind }, key: crypto.randomUUID(),
    });
    place.replaceChildren(el("p", { role: "status" }, t("planner.away.done", { n: answer.visits_cancelled })));
  } catch (error) {
    place.replaceChildren(el("p", { class: "field-error", role: "alert" }, wordsOf(error)));
  }
}
