// @ts-check
/** Who changed what today: shown where no visit is chosen, so that nobody works on a day that somebody else has moved. */

import { call, Problem } from "./api.js";
import { byId, el } from "./dom.js";
import { clock, t } from "./text.js";

/** @typedef {{at: string, who: string | null, text: string, reason: string | null, visit_id: string | null}} Change */

export class Changes {
  /** @param {import("./board.js").Board} board @param {(visit_id: string) => void} select */
  constructor(board, select) {
    this.board = board;
    this.select = select;
    this.place = byId("changes");
    this._mark = "";
  }

  async load() {
    try {
      const body = await call("GET", `/api/v1/board/changes?day=${encodeURIComponent(this.board.day)}`);
      this._paint(body.changes);
    } catch (error) {
      // The board itself says when the server cannot be reached; the list stays as it was.
      if (!(error instanceof Problem)) throw error;
    }
  }

  /** @param {Change[]} changes */
  _paint(changes) {
    const mark = JSON.stringify(changes);
    if (mark === this._mark) return;
    this._mark = mark;
    this.place.hidden = changes.length === 0;
    const focused = /** @type {HTMLElement | null} */ (document.activeElement)?.dataset?.change;
    this.place.replaceChildren(
      el("h2", {}, t("planner.changes")),
      el("ol", { class: "change-list" }, ...changes.map((change) => el("li", {}, this._line(change)))),
    );
    if (focused) /** @type {HTMLElement | null} */ (this.place.querySelector(`[data-change="${CSS.escape(focused)}"]`))?.focus();
  }

  /** @param {Change} change */
  _line(change) {
    const words = [
      el("time", { datetime: change.at }, clock(change.at)),
      el("span", {}, el("b", {}, change.text), el("span", { class: "muted" }, [change.who, change.reason].filter(Boolean).join(" · "))),
    ];
    const { visit_id } = change;
    if (!visit_id) return el("div", { class: "change" }, ...words);
    const button = el("button", { type: "button", class: "change", "data-change": `${change.at}|${visit_id}` }, ...words);
    button.addEventListener("click", () => this.select(visit_id));
    return button;
  }
}
