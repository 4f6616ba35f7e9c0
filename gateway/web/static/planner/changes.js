// @ts-check
/** Who changed what today: shown where no visit is chosen, so that nobody works on a day that somebody else has moved. */

import { call, Problem } from "./api.js";
import { byId, el, keep } from "./dom.js";
import { clock, t } from "./text.js";

/** @typedef {{at: string, who: string | null, text: string, reason: string | null, visit_id: string | null}} Change */

export class Changes {
  /** @param {import("./board.js").Board} board @param {(visit_id: string) => void} select */
  constructor(board, select) {
    this.board = board;
    this.select = select;
    this.place = byId("changes");
    this.list = el("ol", { class: "change-list" });
    this.place.replaceChildren(el("h2", {}, t("planner.changes")), this.list);
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
    this.place.hidden = changes.length === 0;
    keep(this.list, changes, (change) => `${change.at}|${change.visit_id}`, (change) => el("li", {}, this._line(change)));
  }

  /** @param {Change} change */
  _line(change) {
    const words = [
      el("time", { datetime: change.at }, clock(change.at)),
      el("span", {}, el("b", {}, change.text), el("span", { class: "muted" }, [change.who, change.reason].filter(Boolean).join(" · "))),
    ];
    const { visit_id } = change;
    if (!visit_id) return el("div", { class: "change" }, ...words);
    const button = el("button", { type: "button", class: "change" }, ...words);
    button.addEventListener("click", () => this.select(visit_id));
    return button;
  }
}
