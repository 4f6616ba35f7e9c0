// @ts-check
/** The bar after a change: what was done, whether the tablet has seen it, and the way back. */
/** @typedef {import("./board.js").Board} Board */
/** @typedef {import("./types.js").MoveOrder} MoveOrder */
/** @typedef {import("./types.js").Moved} Moved */

import { move, Problem, wordsOf } from "./api.js";
import { byId } from "./dom.js";
import { t } from "./text.js";

const SHOWN_MS = 60_000;

export class Undo {
  /**
   * @param {Board} board
   * @param {{moved: (answer: Moved, order: MoveOrder, undone: boolean) => void,
   *   clash: (problem: Problem, order: MoveOrder) => void,
   *   change: (order: MoveOrder) => void,
   *   lanesOf: (order: MoveOrder) => (import("./types.js").Lane | null)[]}} acts
   */
  constructor(board, acts) {
    this.board = board;
    this.acts = acts;
    this.bar = byId("undo-bar");
    this.words = byId("undo-words");
    this.button = /** @type {HTMLButtonElement} */ (byId("undo-button"));
    /** @type {{order: MoveOrder, text: string, versions: Map<string, number>} | null} */
    this.last = null;
    this._timer = 0;
    this.button.addEventListener("click", () => void this.back());
    byId("undo-close").addEventListener("click", () => this.hide());
  }

  /** Offer the way back from an act. @param {Moved} answer @param {MoveOrder} order */
  offer(answer, order) {
    const versions = new Map(answer.lanes.map((lane) => [lane.carer_id, lane.version ?? 0]));
    this.last = answer.undo
      ? {
          order: { visit_id: order.visit_id, ...answer.undo, reason: order.reason },
          text: answer.moved.text,
          versions,
        }
      : null;
    this._act = null;
    this._text = answer.moved.text;
    this.button.hidden = !this.last;
    this.paint();
    this.bar.hidden = false;
    window.clearTimeout(this._timer);
    this._timer = window.setTimeout(() => this.hide(), SHOWN_MS);
  }

  /** Offer the way back from an act with several routes. @param {string} text @param {() => Promise<string>} back */
  offerAct(text, back) {
    this.say(text);
    this._act = back;
    this.button.hidden = false;
    window.clearTimeout(this._timer);
    this._timer = window.setTimeout(() => this.hide(), SHOWN_MS);
  }

  /** Say one sentence without a way back. @param {string} text */
  say(text) {
    this.last = null;
    /** @type {(() => Promise<string>) | null} */
    this._act = null;
    this._text = text;
    this.button.hidden = true;
    this.paint();
    this.bar.hidden = false;
  }

  /** Whether every touched tablet has acknowledged its new version. */
  _acknowledged() {
    return [...(this.last?.versions ?? [])].some(([carer_id, version]) => {
      const lane = this.board.lanes.get(carer_id);
      return lane !== undefined && (lane.acknowledged_version ?? 0) >= version;
    });
  }

  paint() {
    const seen = this.last ? t(this._acknowledged() ? "planner.undo.seen" : "planner.undo.unseen") : "";
    const words = [this._text ?? "", seen].filter(Boolean).join(" ");
    if (this.words.textContent !== words) this.words.textContent = words;
  }

  /** Take the last move back. Once a tablet has seen it, that is a new change with a reason of its own. */
  async back() {
    const { last } = this;
    if (this._act) return this._backFromAct(this._act);
    if (!last) return;
    if (this._acknowledged()) {
      this.acts.change(last.order);
      return;
    }
    this.button.disabled = true;
    try {
      const answer = await move(last.order, this.acts.lanesOf(last.order), false, crypto.randomUUID());
      this.acts.moved(answer, last.order, true);
      this.say(t("planner.undo.done", { text: last.text }));
    } catch (error) {
      if (error instanceof Problem && error.status === 412) this.acts.clash(error, last.order);
      else this.say(wordsOf(error));
    } finally {
      this.button.disabled = false;
    }
  }

  /** @param {() => Promise<string>} act */
  async _backFromAct(act) {
    this.button.disabled = true;
    try {
      this.say(await act());
    } catch (error) {
      this.say(wordsOf(error));
    } finally {
      this.button.disabled = false;
    }
  }

  hide() {
    this.bar.hidden = true;
    this.last = null;
    this._act = null;
  }
}
