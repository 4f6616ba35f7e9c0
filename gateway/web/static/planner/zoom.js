// @ts-check
/** How much of the day the lanes show: two hours to the whole day, and earlier or later than now. */
/** @typedef {import("./scale.js").Scale} Scale */

import { byId } from "./dom.js";
import { USUAL_HOURS, ZOOMS } from "./scale.js";
import { t } from "./text.js";

/** A step sideways is a third of what is shown. */
const STEP_SHARE = 1 / 3;
const HOUR_MS = 3_600_000;

export class Zoom {
  /** @param {Scale} scale @param {() => void} changed */
  constructor(scale, changed) {
    this.scale = scale;
    this.changed = changed;
    this.usual = byId("zoom-usual");
    this.day = byId("zoom-day");
    /** @type {Record<string, HTMLButtonElement>} */
    this.buttons = {};
    for (const id of ["earlier", "later", "zoom-in", "zoom-out"]) {
      this.buttons[id] = /** @type {HTMLButtonElement} */ (byId(id));
    }
    this.usual.addEventListener("click", () => this._set("hours", USUAL_HOURS));
    this.day.addEventListener("click", () => this._set("day", this.scale.hours));
    this.buttons["zoom-in"].addEventListener("click", () => this.by(1));
    this.buttons["zoom-out"].addEventListener("click", () => this.by(-1));
    this.buttons.earlier.addEventListener("click", () => this._shift(-1));
    this.buttons.later.addEventListener("click", () => this._shift(1));
    this._paint();
  }

  /** Closer (1) or wider (-1); wider than the widest is the whole day. @param {1 | -1} by */
  by(by) {
    const { mode, hours } = this.scale;
    const at = mode === "day" ? -1 : ZOOMS.indexOf(hours);
    const next = Math.min(ZOOMS.length - 1, at + by);
    if (next < 0) this._set("day", hours);
    else this._set("hours", ZOOMS[next]);
  }

  /** @param {"hours" | "day"} mode @param {number} hours */
  _set(mode, hours) {
    if (this.scale.mode === "day" && mode === "hours") this.scale.shifted_ms = 0;
    this.scale.mode = mode;
    this.scale.hours = hours;
    this._paint();
    this.changed();
  }

  /** @param {1 | -1} by */
  _shift(by) {
    this.scale.shifted_ms += by * this.scale.hours * STEP_SHARE * HOUR_MS;
    this.changed();
  }

  _paint() {
    const whole = this.scale.mode === "day";
    this.usual.textContent = t("planner.window.hours", { n: this.scale.hours });
    this.usual.setAttribute("aria-pressed", String(!whole));
    this.day.setAttribute("aria-pressed", String(whole));
    this.buttons.earlier.disabled = this.buttons.later.disabled = whole;
    this.buttons["zoom-out"].disabled = whole;
    this.buttons["zoom-in"].disabled = !whole && this.scale.hours === ZOOMS[ZOOMS.length - 1];
  }
}
