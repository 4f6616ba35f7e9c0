// @ts-check
/** From instants to pixels: some hours around now, or the whole day. */
/** @typedef {import("./board.js").Board} Board */

import { clock } from "./text.js";

const HOUR_MS = 3_600_000;
const STEP_MS = HOUR_MS / 4;
export const MIN_BAR_PX = 24;
/** From this width on a bar has room for its number. */
export const WORDS_PX = 40;
/** Hours a planner can look at; the widest first. Eighteen minutes are 50 pixels at six. */
export const ZOOMS = [12, 8, 6, 4, 2];
export const USUAL_HOURS = 6;

export class Scale {
  /** @param {Board} board */
  constructor(board) {
    this.board = board;
    /** @type {"hours" | "day"} */
    this.mode = "hours";
    this.hours = USUAL_HOURS;
    this.words_px = WORDS_PX;
    this.width_px = 1000;
    this.from_ms = 0;
    this.to_ms = USUAL_HOURS * HOUR_MS;
    /** Hours the planner has looked away from now; 0 follows the clock. */
    this.shifted_ms = 0;
  }

  /** Pixels from the left edge of the lane. @param {number} at_ms */
  x(at_ms) {
    return ((at_ms - this.from_ms) / (this.to_ms - this.from_ms)) * this.width_px;
  }

  /** @param {number} px */
  minutesOf(px) {
    return ((px / this.width_px) * (this.to_ms - this.from_ms)) / 60_000;
  }

  /** Left and width of a span; never narrower than a target must be. @param {number} from_ms @param {number} to_ms */
  box(from_ms, to_ms) {
    const left = this.x(from_ms);
    return { left, width: Math.max(MIN_BAR_PX, this.x(to_ms) - left - 2) };
  }

  /** @param {number} from_ms @param {number} to_ms */
  shows(from_ms, to_ms) {
    return to_ms > this.from_ms && from_ms < this.to_ms;
  }

  /** Recompute the window. Returns true where it moved. @returns {boolean} */
  refit() {
    const before = `${this.from_ms}:${this.to_ms}:${this.width_px}`;
    if (this.mode === "day") this._wholeDay();
    else {
      const centre = this._anchor() + this.shifted_ms;
      const from = centre - (this.hours / 2) * HOUR_MS;
      // Before the first shift there is nothing to see, unless the planner looks there on purpose.
      const earliest = this.shifted_ms ? from : Math.max(from, this._extent().first - HOUR_MS);
      this.from_ms = Math.floor(earliest / STEP_MS) * STEP_MS;
      this.to_ms = this.from_ms + this.hours * HOUR_MS;
    }
    return before !== `${this.from_ms}:${this.to_ms}:${this.width_px}`;
  }

  /** Bring an instant into view, half an hour from the nearer edge. @param {number} at_ms */
  reveal(at_ms) {
    if (this.mode === "day" || (at_ms >= this.from_ms && at_ms <= this.to_ms - STEP_MS)) return false;
    const half = (this.hours / 2 - 0.5) * HOUR_MS;
    const centre = at_ms < this.from_ms ? at_ms + half : at_ms - half;
    this.shifted_ms = centre - this._anchor();
    return this.refit();
  }

  /** Hour marks inside the window. @returns {{x: number, text: string}[]} */
  ticks() {
    const marks = [];
    const every_ms = this._tickEvery();
    for (let at = Math.ceil(this.from_ms / every_ms) * every_ms; at < this.to_ms; at += every_ms) {
      marks.push({ x: this.x(at), text: clock(at) });
    }
    return marks;
  }

  /** As many marks as have room for their words. */
  _tickEvery() {
    const hour_px = this.width_px / ((this.to_ms - this.from_ms) / HOUR_MS);
    if (hour_px > 320) return HOUR_MS / 4;
    if (hour_px > 200) return HOUR_MS / 2;
    return hour_px < 60 ? 2 * HOUR_MS : HOUR_MS;
  }

  /** Now, or the first planned start where the day shown is not today. */
  _anchor() {
    const now = this.board.now();
    const { first, last } = this._extent();
    return now >= first - 3 * HOUR_MS && now <= last + 3 * HOUR_MS ? now : first + (this.hours / 2 - 0.25) * HOUR_MS;
  }

  _extent() {
    let first = Infinity;
    let last = -Infinity;
    for (const lane of this.board.lanes.values()) {
      if (lane.shift) {
        first = Math.min(first, Date.parse(lane.shift.planned_start_at));
        last = Math.max(last, Date.parse(lane.shift.planned_end_at));
      }
      const [begin] = lane.visits;
      const final = lane.visits[lane.visits.length - 1];
      if (begin) first = Math.min(first, Date.parse(begin.start_at));
      if (final) last = Math.max(last, Date.parse(final.end_at));
    }
    if (first > last) {
      // A day without routes: its morning, so that the axis and the now-line belong to the day shown.
      const morning = Date.parse(`${this.board.day || new Date(this.board.now()).toISOString().slice(0, 10)}T06:00:00Z`);
      return { first: morning, last: morning + 8 * HOUR_MS };
    }
    return { first, last };
  }

  _wholeDay() {
    const { first, last } = this._extent();
    this.from_ms = Math.floor(first / HOUR_MS) * HOUR_MS - HOUR_MS;
    this.to_ms = Math.ceil(last / HOUR_MS) * HOUR_MS + HOUR_MS;
  }
}
