// @ts-check
/**
 * Who could take the visit in hand: green, amber or red for every lane, always with a sign and words, before it is
 * dropped. Asked once when the visit is taken up; what is not answered yet is not guessed.
 */
/** @typedef {import("./board.js").Board} Board */
/** @typedef {{fit: "ok" | "warn" | "stop", words: string, start_at: string | null, extra_min: number | null}} Fit */

import { call } from "./api.js";
import { el, icon } from "./dom.js";
import { t } from "./text.js";

const SIGNS = { ok: "success", warn: "warning", stop: "close" };
/** Order of the suggestions in "Flyt til…": what fits first, then what has not been asked about. */
const ORDER = { ok: 0, warn: 1, stop: 3 };
const UNKNOWN = 2;

export class Fits {
  /** @param {Board} board @param {() => void} changed */
  constructor(board, changed) {
    this.board = board;
    this.changed = changed;
    /** @type {string | null} the visit in the hand */
    this.shown = null;
    this._key = "";
    /** @type {Promise<Map<string, Fit>>} */
    this._asked = Promise.resolve(new Map());
    /** @type {Map<string, Fit>} */
    this._known = new Map();
  }

  /** The answers for a visit as the board stands, by carer; asked once. @param {string} visit_id */
  of(visit_id) {
    const key = `${visit_id}|${this.board.position}|${this.board.places(visit_id)[0]?.lane.version ?? ""}`;
    if (key === this._key) return this._asked;
    this._key = key;
    this._known = new Map();
    this._asked = call("GET", `/api/v1/visits/${encodeURIComponent(visit_id)}/fits`).then(
      (body) => {
        /** @type {Map<string, Fit>} */
        const found = new Map(Object.entries(body.fits));
        if (key === this._key) this._known = found;
        return found;
      },
      () => {
        // Without an answer the lanes say nothing; the lane under the pointer still asks for itself.
        if (key === this._key) this._key = "";
        return new Map();
      },
    );
    return this._asked;
  }

  /** Say on every lane what would happen to this visit. @param {string} visit_id */
  show(visit_id) {
    this.shown = visit_id;
    this.changed();
    void this.of(visit_id).then(() => {
      if (this.shown === visit_id) this.changed();
    });
  }

  hide() {
    if (this.shown === null) return;
    this.shown = null;
    this.changed();
  }

  /** Bring a lane's sign to what is known. @param {HTMLElement} node @param {string} carer_id */
  paint(node, carer_id) {
    const fit = this.shown === null ? undefined : this._known.get(carer_id);
    const mark = fit ? `${fit.fit}|${fit.words}` : "";
    if ((node.dataset.fits ?? "") === mark) return;
    node.dataset.fits = mark;
    node.classList.remove("fit-ok", "fit-warn", "fit-stop");
    node.querySelector(".fit")?.remove();
    if (!fit) return;
    node.classList.add(`fit-${fit.fit}`);
    node.append(el("p", { class: "fit", "aria-hidden": "true" }, icon(SIGNS[fit.fit]), fit.words));
  }
}

/**
 * What a suggestion of "Flyt til…" says beside the name, and where it stands among the others.
 * @param {Fit | undefined} fit
 * @returns {{order: number, words: string}}
 */
export function suggestion(fit) {
  if (!fit) return { order: UNKNOWN, words: "" };
  return { order: ORDER[fit.fit], words: t(`planner.fit.${fit.fit}`, { words: fit.words }) };
}
