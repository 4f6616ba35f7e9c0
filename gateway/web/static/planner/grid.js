// @ts-check
/**
 * The windowed grid: only rows in view exist, plus a few beyond and the one that has the focus. Measured against
 * all-rows DOM, content-visibility, SVG and canvas in the interface guide; this was the fast one with real elements.
 */
/** @typedef {import("./board.js").Board} Board */
/** @typedef {import("./board.js").Row} Row */
/** @typedef {import("./board.js").LaneRow} LaneRow */
/** @typedef {import("./scale.js").Scale} Scale */

import { makeAside, makeBar, paintAside, paintBar, paintWaiting, spanOf } from "./bar.js";
import { byId, el, icon, inFrame } from "./dom.js";
import { laneWords } from "./lane_words.js";
import { number, t } from "./text.js";
import { spreadWaiting } from "./waiting.js";

export const ROW_PX = 40;
const BEYOND = 3;
/** Rows above the windowed ones: the time axis and the lane of unallocated visits. */
const FIXED_ROWS = 2;

export class Grid {
  /** @param {Board} board @param {Scale} scale */
  constructor(board, scale) {
    this.board = board;
    this.scale = scale;
    this.root = byId("grid");
    this.scroller = byId("lanes");
    this.canvas = byId("canvas");
    this.waitingRow = byId("unallocated");
    this.axis = byId("axis");
    this.nowLine = byId("now-line");
    /** @type {Row[]} */
    this.rows = [];
    /** @type {Map<string, number>} */
    this.index = new Map();
    /** @type {Map<string, HTMLElement>} */
    this.mounted = new Map();
    /** @type {{row: string, visit: string | null}} where the one tab stop is */
    this.focus = { row: "waiting", visit: null };
    /** @type {string | null} */
    this.selected = null;
    /** @type {string | null} the visit under the pointer or in drag: its bar is not moved */
    this.held = null;
    /** @type {import("./fits.js").Fits | null} what the lanes say to a visit in the hand, once one has been taken up */
    this.fits = null;
    /** Pixels a lane has on paper, where all lanes are laid out at once; 0 on the screen. */
    this.onPaper_px = 0;
    /** While a visit is dragged the captured pointer says nothing about what it is over. */
    this.dragging = false;
    this.scroller.addEventListener("scroll", () => inFrame("rows", () => this.paintRows(false)), { passive: true });
    new ResizeObserver(() => this.refresh()).observe(this.scroller);
    this.root.addEventListener("pointerover", (event) => this._hold(event));
    this.root.addEventListener("pointerleave", () => {
      if (!this.dragging) this.release();
    });
  }

  /** Rows, window or filter may have changed: lay out again in the next frame. */
  refresh() {
    inFrame("grid", () => this.layOut());
  }

  layOut() {
    if (this.scroller.clientHeight === 0 && !this.onPaper_px) return; // a phone has lists instead
    this._measure();
    this.scale.refit();
    this.rows = this.board.rows();
    this.index = new Map(this.rows.map((row, i) => [row.key, i]));
    this.canvas.style.height = `${this.rows.length * ROW_PX}px`;
    this.root.setAttribute("aria-rowcount", String(this.rows.length + FIXED_ROWS));
    byId("board-empty").hidden = !this.board.loaded || this.board.lanes.size > 0;
    byId("board-none").hidden = !this.board.loaded || this.board.lanes.size === 0 || this.rows.length > 0;
    this._paintAxis();
    this._paintWaiting();
    this.paintRows();
    this.paintNow();
  }

  /** Mount what came into view, unmount what left it, repaint what stays. @param {boolean} [stays]  scrolling changes no row */
  paintRows(stays = true) {
    const top = this.scroller.scrollTop;
    const first = Math.max(0, Math.floor(top / ROW_PX) - BEYOND);
    const last = Math.min(this.rows.length, Math.ceil((top + this.scroller.clientHeight) / ROW_PX) + BEYOND);
    const inView = this.onPaper_px ? this.rows : this.rows.slice(first, last);
    const wanted = new Set(inView.map((row) => row.key));
    const focused = /** @type {HTMLElement | null} */ (document.activeElement?.closest("[data-row]") ?? null);
    const keep = focused?.dataset.row ?? this.focus.row;
    if (this.index.has(keep)) wanted.add(keep);
    for (const [key, node] of this.mounted) {
      if (wanted.has(key)) continue;
      node.remove();
      this.mounted.delete(key);
    }
    const now_ms = this.board.now();
    for (const key of wanted) {
      const i = this.index.get(key);
      if (i === undefined) continue;
      const row = this.rows[i];
      let node = this.mounted.get(key);
      if (node && !stays) continue;
      if (!node) {
        node = row.kind === "unit" ? this._makeUnit(row.key) : this._makeLane(row.key);
        this.mounted.set(key, node);
        this.canvas.append(node);
      }
      // Rows flow on paper, in the order they stand in the page.
      if (this.onPaper_px) this.canvas.append(node);
      node.style.transform = `translateY(${i * ROW_PX}px)`;
      node.setAttribute("aria-rowindex", String(i + 1 + FIXED_ROWS));
      if (row.kind === "unit") this._paintUnit(node, row);
      else this._paintLane(node, row, now_ms);
    }
    this._placeTabStop();
  }

  paintNow() {
    const now = this.board.now();
    const shown = now >= this.scale.from_ms && now <= this.scale.to_ms;
    this.nowLine.hidden = !shown;
    if (shown) this.nowLine.style.transform = `translateX(${this.scale.x(now).toFixed(1)}px)`;
  }

  /** The element of a cell, if it is mounted. @param {string} row @param {string | null} visit */
  cell(row, visit) {
    const node = row === "waiting" ? this.waitingRow : this.mounted.get(row);
    if (!node) return null;
    const id = CSS.escape(visit ?? "");
    const wanted = visit === null ? '[role="rowheader"]' : `[data-visit="${id}"], [data-aside="${id}"]`;
    return /** @type {HTMLElement | null} */ (node.querySelector(wanted));
  }

  /** Scroll a row into view without animation. @param {string} key */
  revealRow(key) {
    const i = this.index.get(key);
    if (i === undefined) return;
    const top = i * ROW_PX;
    const view = this.scroller.clientHeight;
    if (top < this.scroller.scrollTop) this.scroller.scrollTop = top;
    else if (top + ROW_PX > this.scroller.scrollTop + view) this.scroller.scrollTop = top + ROW_PX - view;
  }

  /** The lane under a point of the screen, or "waiting", or null. @param {number} x @param {number} y */
  rowAt(x, y) {
    const box = this.scroller.getBoundingClientRect();
    if (x < box.left || x > box.right) return null;
    const waiting = this.waitingRow.getBoundingClientRect();
    if (y >= waiting.top && y < waiting.bottom) return "waiting";
    if (y < box.top || y >= box.bottom) return null;
    const row = this.rows[Math.floor((y - box.top + this.scroller.scrollTop) / ROW_PX)];
    return row?.kind === "lane" ? row.key : null;
  }

  _measure() {
    const header_px = this.waitingRow.querySelector('[role="rowheader"]')?.getBoundingClientRect().width ?? 0;
    this.scale.width_px = this.onPaper_px || Math.max(200, this.scroller.clientWidth - header_px);
    const bar_px = this.scroller.offsetWidth - this.scroller.clientWidth;
    this.root.style.setProperty("--scrollbar", `${bar_px}px`);
  }

  _paintAxis() {
    const marks = this.scale.ticks().map(({ x, text }) => {
      const mark = el("span", { class: "tick" }, text);
      mark.style.left = `${x.toFixed(1)}px`;
      return mark;
    });
    this.axis.replaceChildren(...marks);
  }

  _paintWaiting() {
    const waiting = this.board.waiting();
    const minutes = waiting.reduce((sum, v) => sum + v.duration_min, 0);
    byId("unallocated-sum").textContent = t("planner.unallocated.sum", {
      count: number(waiting.length),
      hours: Math.floor(minutes / 60),
      minutes: Math.round(minutes % 60),
    });
    const track = /** @type {HTMLElement} */ (this.waitingRow.querySelector(".track"));
    spreadWaiting(track, waiting, this.scale, (bar, visit) =>
      paintWaiting(bar, visit, this.scale, this.selected === visit.id),
    );
    this.waitingRow.classList.toggle("wanted", this.board.filter.attention === "unallocated");
  }

  /** @param {string} key */
  _makeUnit(key) {
    const header = el("div", { role: "rowheader", tabindex: "-1", class: "unit-name" }, icon("chevron-down"), el("span"));
    return el("div", { role: "row", class: "row unit", "data-row": key }, header);
  }

  /** @param {HTMLElement} node @param {import("./board.js").UnitRow} row */
  _paintUnit(node, row) {
    const text = t(row.actions ? "planner.unit.row" : "planner.unit.row.calm", {
      name: row.name,
      carers: number(row.carers),
      actions: number(row.actions),
    });
    const header = /** @type {HTMLElement} */ (node.firstElementChild);
    header.setAttribute("aria-expanded", String(!row.collapsed));
    const words = /** @type {HTMLElement} */ (header.lastElementChild);
    if (words.textContent !== text) words.textContent = text;
  }

  /** @param {string} key */
  _makeLane(key) {
    const header = el("div", { role: "rowheader", tabindex: "-1", class: "who" }, el("b"), el("span"));
    const track = el("div", { role: "presentation", class: "track" });
    return el("div", { role: "row", class: "row lane", "data-row": key }, header, track);
  }

  /** @param {HTMLElement} node @param {LaneRow} row @param {number} now_ms */
  _paintLane(node, row, now_ms) {
    const { lane } = row;
    const [header, track] = /** @type {Iterable<HTMLElement>} */ (node.children);
    this.fits?.paint(node, lane.carer_id);
    const [name, below] = header.children;
    if (name.textContent !== lane.name) name.textContent = lane.name;
    const words = laneWords(lane);
    if (below.textContent !== words) below.textContent = words;
    /** @type {Map<string, HTMLElement>} */
    const known = new Map();
    for (const bar of /** @type {Iterable<HTMLElement>} */ (track.children)) known.set(bar.dataset.visit ?? bar.dataset.aside ?? "", bar);
    /** @type {{from_ms: number, bar: HTMLElement}[]} */
    const shown = [];
    for (const aside of lane.asides ?? []) {
      const focused = this.focus.row === row.key && this.focus.visit === aside.id;
      const from_ms = Date.parse(aside.start_at);
      if (!focused && !this.scale.shows(from_ms, Date.parse(aside.end_at))) continue;
      const bar = known.get(aside.id) ?? makeAside(aside.id);
      known.delete(aside.id);
      paintAside(bar, aside, this.scale);
      shown.push({ from_ms, bar });
    }
    for (const visit of lane.visits) {
      const { from_ms, to_ms } = spanOf(visit);
      const focused = this.focus.row === row.key && this.focus.visit === visit.id;
      if (!focused && !this.scale.shows(from_ms, to_ms)) continue;
      const bar = known.get(visit.id) ?? makeBar(visit.id);
      known.delete(visit.id);
      const held = this.held === visit.id && bar.dataset.mark !== undefined;
      paintBar(bar, visit, this.scale, now_ms, this.selected === visit.id, held, this.board.found(visit), this.board.fragility(visit));
      shown.push({ from_ms, bar });
    }
    // In the order of time, which is the order a screen reader finds them in.
    shown.sort((a, b) => a.from_ms - b.from_ms);
    // A bar that is being pointed at stays until the pointer leaves it.
    for (const [id, bar] of known) if (id !== this.held) bar.remove();
    shown.forEach(({ bar }, i) => {
      if (track.children[i] !== bar) track.insertBefore(bar, track.children[i] ?? null);
    });
  }

  /** Exactly one element of the grid is in the tab order. */
  _placeTabStop() {
    if (this.focus.row !== "waiting" && !this.index.has(this.focus.row)) this.focus = { row: "waiting", visit: null };
    const wanted = this.cell(this.focus.row, this.focus.visit) ?? this.cell(this.focus.row, null);
    for (const other of this.root.querySelectorAll('[tabindex="0"]')) {
      if (other !== wanted) other.setAttribute("tabindex", "-1");
    }
    wanted?.setAttribute("tabindex", "0");
  }

  /** @param {PointerEvent} event */
  _hold(event) {
    if (this.dragging) return;
    const bar = /** @type {HTMLElement} */ (event.target).closest?.("[data-visit]");
    const id = /** @type {HTMLElement | null} */ (bar)?.dataset.visit ?? null;
    if (id === this.held) return;
    this.release();
    this.held = id;
  }

  /** Let go of the held bar; what was kept back is painted now. */
  release() {
    if (this.held === null) return;
    this.held = null;
    for (const bar of this.root.querySelectorAll("[data-behind]")) bar.removeAttribute("data-behind");
    inFrame("rows", () => this.paintRows());
  }
}
