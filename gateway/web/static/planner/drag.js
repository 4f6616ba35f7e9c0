// @ts-check
/**
 * Moving a visit with the pointer. The ghost follows; the lane under it says at once what the move costs or why it
 * cannot be. A drop only opens the same dialog as "Flyt til…": nothing is saved by letting go of a button.
 */
/** @typedef {import("./grid.js").Grid} Grid */
/** @typedef {import("./types.js").Preview} Preview */

import { el, icon, inFrame } from "./dom.js";
import { clock, price, t } from "./text.js";

const BEGIN_PX = 5;
const ASK_AFTER_MS = 80;
const STEP_MS = 5 * 60_000;
const EDGE_PX = 36;
const SIGNS = { ask: "", ok: "success", warn: "warning", stop: "close" };

/**
 * @typedef {object} Grip
 * @property {string} visit_id
 * @property {HTMLElement} bar
 * @property {number} pointer
 * @property {number} x
 * @property {number} y
 * @property {string | null} start_at
 * @property {HTMLElement | null} ghost
 * @property {string | null} row
 * @property {number | null} start_ms  a new start, only while Shift is held
 */

export class Drag {
  /**
   * @param {Grid} grid
   * @param {import("./fits.js").Fits} fits  what every lane says to the visit in the hand
   * @param {{check: (visit_id: string, to_carer_id: string | null, start_at: string | null) => Promise<Preview | string>,
   *   drop: (visit_id: string, to_carer_id: string | null, start_at: string | null) => void}} acts
   */
  constructor(grid, fits, acts) {
    this.grid = grid;
    this.fits = fits;
    this.acts = acts;
    /** @type {Grip | null} */
    this.grip = null;
    this.justDropped = false;
    this._asked = "";
    this._timer = 0;
    grid.root.addEventListener("pointerdown", (event) => this._down(event));
    grid.root.addEventListener("pointermove", (event) => this._moved(event));
    grid.root.addEventListener("pointerup", (event) => this._up(event));
    grid.root.addEventListener("pointercancel", () => this.cancel());
    window.addEventListener("keydown", (event) => {
      if (event.key === "Escape" && this.grip?.ghost) {
        event.stopPropagation();
        event.preventDefault();
        this.cancel();
      }
    }, true);
  }

  /**
   * A visit was taken up before this was fetched: it is carried on from where the pointer is.
   * @param {PointerEvent} down @param {PointerEvent} latest
   */
  resume(down, latest) {
    this._down(down);
    this._moved(latest);
  }

  get active() {
    return Boolean(this.grip?.ghost);
  }

  /** @param {PointerEvent} event */
  _down(event) {
    this.justDropped = false;
    const bar = /** @type {HTMLElement | null} */ (/** @type {HTMLElement} */ (event.target).closest("[data-visit]"));
    if (!bar || event.button !== 0 || bar.classList.contains("s-ended")) return;
    const visit_id = bar.dataset.visit ?? "";
    const place = this.grid.board.places(visit_id)[0];
    if (!bar.classList.contains("s-begun")) void this.fits.of(visit_id);
    this.grip = {
      visit_id, bar, pointer: event.pointerId, x: event.clientX, y: event.clientY,
      start_at: place?.visit.start_at ?? null, ghost: null, row: null, start_ms: null,
    };
  }

  /** @param {PointerEvent} event */
  _moved(event) {
    const { grip } = this;
    if (!grip || event.pointerId !== grip.pointer) return;
    const dx = event.clientX - grip.x;
    const dy = event.clientY - grip.y;
    if (!grip.ghost) {
      if (Math.hypot(dx, dy) < BEGIN_PX) return;
      this._begin(grip);
    }
    const { clientX, clientY, shiftKey } = event;
    inFrame("drag", () => this._follow(clientX, clientY, dx, shiftKey));
  }

  /** @param {Grip} grip */
  _begin(grip) {
    const box = grip.bar.getBoundingClientRect();
    const ghost = el("div", { class: `ghost ${grip.bar.className}`, "aria-hidden": "true" });
    ghost.append(...[...grip.bar.childNodes].map((n) => n.cloneNode(true)), el("span", { class: "ghost-says" }));
    ghost.style.width = `${box.width}px`;
    ghost.style.setProperty("--x0", `${box.left}px`);
    ghost.style.setProperty("--y0", `${box.top}px`);
    document.body.append(ghost);
    grip.ghost = ghost;
    grip.bar.classList.add("dragged");
    this.grid.held = grip.visit_id;
    this.grid.dragging = true;
    this.grid.root.setPointerCapture(grip.pointer);
    document.documentElement.classList.add("dragging");
    this.fits.show(grip.visit_id);
  }

  /** @param {number} x @param {number} y @param {number} dx @param {boolean} shift */
  _follow(x, y, dx, shift) {
    const { grip, grid } = this;
    if (!grip?.ghost) return;
    const left = shift ? x - grip.x : 0;
    grip.ghost.style.transform = `translate(${left}px, ${y - grip.y}px)`;
    this._scroll(y, y - grip.y);
    grip.start_ms = null;
    if (shift) {
      const from = grip.start_at ? Date.parse(grip.start_at) : this._edge(grip);
      grip.start_ms = Math.round((from + grid.scale.minutesOf(dx) * 60_000) / STEP_MS) * STEP_MS;
    }
    const row = grid.rowAt(x, y);
    if (row !== grip.row) {
      grid.root.querySelector(".row.target")?.classList.remove("target", "ok", "warn", "stop");
      grip.row = row;
      if (row) grid.cell(row, null)?.parentElement?.classList.add("target");
    }
    this._ask(grip);
  }

  /** Where an unallocated bar lies on the time axis. @param {Grip} grip */
  _edge(grip) {
    const { scale } = this.grid;
    return scale.from_ms + scale.minutesOf(Number.parseFloat(grip.bar.style.left) || 0) * 60_000;
  }

  /** Near the edge the pointer is drawn towards, the lanes move along. @param {number} y @param {number} dy */
  _scroll(y, dy) {
    const box = this.grid.scroller.getBoundingClientRect();
    if (dy > 0 && y > box.bottom - EDGE_PX && y < box.bottom + EDGE_PX) this.grid.scroller.scrollTop += 12;
    else if (dy < 0 && y < box.top + EDGE_PX && y > box.top) this.grid.scroller.scrollTop -= 12;
  }

  /** Ask the server once the pointer rests on a lane; an answer for another lane is dropped. @param {Grip} grip */
  _ask(grip) {
    const question = `${grip.row}|${grip.start_ms}`;
    if (question === this._asked) return;
    this._asked = question;
    window.clearTimeout(this._timer);
    const when = grip.start_ms === null ? "" : `${clock(grip.start_ms)} · `;
    if (grip.row === null) {
      this._say(grip, t("planner.drag.nowhere"), "ask");
      return;
    }
    this._say(grip, `${when}…`, "ask");
    this._timer = window.setTimeout(async () => {
      const { to, start_at } = this._target(grip);
      const answer = await this.acts.check(grip.visit_id, to, start_at);
      if (this.grip !== grip || this._asked !== question) return;
      if (typeof answer === "string") this._say(grip, answer, "stop");
      else if (!answer.allowed) this._say(grip, t("planner.move.cannot", { title: answer.breaches[0]?.title ?? "" }), "stop");
      else {
        const known = answer.warnings.map((w) => w.title);
        this._say(grip, [when + price(answer.cost_dkk_ore, answer.extra_min), ...known].join(" · "), known.length ? "warn" : "ok");
      }
    }, ASK_AFTER_MS);
  }

  /** @param {Grip} grip @param {string} words @param {"ask" | "ok" | "warn" | "stop"} kind */
  _say(grip, words, kind) {
    const sign = SIGNS[kind];
    grip.ghost?.querySelector(".ghost-says")?.replaceChildren(...(sign ? [icon(sign)] : []), words);
    const row = grip.row ? this.grid.cell(grip.row, null)?.parentElement : null;
    for (const node of [grip.ghost, row]) {
      for (const name of ["ok", "warn", "stop"]) node?.classList.toggle(name, name === kind);
    }
  }

  /** @param {Grip} grip */
  _target(grip) {
    const to = grip.row?.startsWith("l:") ? grip.row.slice(2) : null;
    const start_at = grip.start_ms === null ? grip.start_at : new Date(grip.start_ms).toISOString();
    return { to, start_at: to === null ? null : start_at };
  }

  /** @param {PointerEvent} event */
  _up(event) {
    const { grip } = this;
    if (!grip || event.pointerId !== grip.pointer) return;
    if (!grip.ghost) {
      this.grip = null;
      return;
    }
    // The last move may still wait for its frame; the drop is where the pointer is now.
    this._follow(event.clientX, event.clientY, event.clientX - grip.x, event.shiftKey);
    const { to, start_at } = this._target(grip);
    const home = grip.bar.closest("[data-row]")?.getAttribute("data-row");
    const stays = grip.row === home && grip.start_ms === null;
    const dropped = grip.row !== null && !stays;
    this.cancel();
    this.justDropped = true;
    if (dropped) this.acts.drop(grip.visit_id, to, start_at);
  }

  /** Let go without a change. */
  cancel() {
    const { grip, grid } = this;
    this.grip = null;
    if (!grip) return;
    window.clearTimeout(this._timer);
    this._asked = "";
    this.justDropped = Boolean(grip.ghost);
    grip.ghost?.remove();
    grip.bar.classList.remove("dragged");
    grid.root.querySelector(".row.target")?.classList.remove("target", "ok", "warn", "stop");
    this.fits.hide();
    document.documentElement.classList.remove("dragging");
    if (grid.root.hasPointerCapture(grip.pointer)) grid.root.releasePointerCapture(grip.pointer);
    grid.dragging = false;
    grid.release();
    grid.refresh();
  }
}
