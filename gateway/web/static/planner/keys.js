// @ts-check
/** The keyboard's way through the grid: one tab stop, arrows inside, single letters only while the grid has focus. */
/** @typedef {import("./grid.js").Grid} Grid */

import { isProblem } from "./board.js";
import { byId } from "./dom.js";
import { spanOf } from "./bar.js";

/**
 * @typedef {object} Acts
 * @property {(visit_id: string) => void} open
 * @property {(visit_id: string) => void} move
 * @property {(carer_id: string, ill: boolean) => void} carer
 * @property {() => void} undo
 * @property {() => void} close
 * @property {(unit_id: string) => void} toggle
 * @property {(by: 1 | -1) => void} zoom
 */

export class Keys {
  /** @param {Grid} grid @param {Acts} acts */
  constructor(grid, acts) {
    this.grid = grid;
    this.acts = acts;
    grid.root.addEventListener("keydown", (event) => this._press(event));
    grid.root.addEventListener("focusin", (event) => this._follow(event));
  }

  /** Move the focus to a cell, bringing row and time into view first. @param {string} row @param {string | null} visit */
  go(row, visit) {
    const { grid } = this;
    grid.focus = { row, visit };
    const span = visit === null ? null : this._spans(row).find((s) => s.id === visit);
    if (span && grid.scale.reveal(span.from_ms)) grid.layOut();
    grid.revealRow(row);
    grid.paintRows();
    const cell = grid.cell(row, visit) ?? grid.cell(row, null);
    cell?.focus({ preventScroll: true });
  }

  /** The focus by pointer or Tab decides where the arrows begin. @param {FocusEvent} event */
  _follow(event) {
    const cell = /** @type {HTMLElement} */ (event.target);
    const row = /** @type {HTMLElement | null} */ (cell.closest("[data-row]"))?.dataset.row;
    if (!row) return;
    this.grid.focus = { row, visit: cell.dataset.visit ?? cell.dataset.aside ?? null };
    for (const other of this.grid.root.querySelectorAll('[tabindex="0"]')) other.setAttribute("tabindex", "-1");
    cell.setAttribute("tabindex", "0");
  }

  /** Whether the focus is on a break or a way to the car: nothing can be moved there, the carer's panel tells of it. */
  _aside() {
    return document.activeElement?.hasAttribute("data-aside") ?? false;
  }

  /** Visits of a row in order of time. @param {string} row */
  _spans(row) {
    const { board, index, rows } = this.grid;
    if (row === "waiting") {
      return board
        .waiting()
        .map((u) => ({ id: u.id, from_ms: Date.parse(u.window_open_at), problem: false }))
        .sort((a, b) => a.from_ms - b.from_ms || a.id.localeCompare(b.id));
    }
    const found = rows[index.get(row) ?? -1];
    if (found?.kind !== "lane") return [];
    return [
      ...found.lane.visits.map((v) => ({ id: v.id, from_ms: spanOf(v).from_ms, problem: isProblem(v) })),
      ...(found.lane.asides ?? []).map((a) => ({ id: a.id, from_ms: Date.parse(a.start_at), problem: !a.fits })),
    ].sort((a, b) => a.from_ms - b.from_ms);
  }

  /** @param {KeyboardEvent} event */
  _press(event) {
    if (event.altKey || event.metaKey) return;
    const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    if (event.ctrlKey && key !== "z" && key !== "Home" && key !== "End") return;
    const handled = event.ctrlKey ? this._control(key) : this._plain(key);
    if (handled) event.preventDefault();
  }

  /** @param {string} key */
  _control(key) {
    const { rows } = this.grid;
    if (key === "z") this.acts.undo();
    else if (key === "Home") this.go("waiting", null);
    else if (rows.length) this.go(rows[rows.length - 1].key, null);
    return true;
  }

  /** @param {string} key */
  _plain(key) {
    const { row, visit } = this.grid.focus;
    const spans = this._spans(row);
    const at = visit === null ? -1 : spans.findIndex((s) => s.id === visit);
    const page = Math.max(1, Math.floor(this.grid.scroller.clientHeight / 40) - 1);
    switch (key) {
      case "ArrowRight":
        if (at + 1 < spans.length) this.go(row, spans[at + 1].id);
        return true;
      case "ArrowLeft":
        if (at >= 0) this.go(row, at === 0 ? null : spans[at - 1].id);
        return true;
      case "Home":
        this.go(row, null);
        return true;
      case "End":
        if (spans.length) this.go(row, spans[spans.length - 1].id);
        return true;
      case "ArrowDown":
      case "ArrowUp":
        this._vertical(key === "ArrowDown" ? 1 : -1);
        return true;
      case "PageDown":
      case "PageUp":
        this._vertical(key === "PageDown" ? page : -page);
        return true;
      case "Enter":
      case " ":
        if (visit !== null && !this._aside()) this.acts.open(visit);
        else if (visit !== null) this.acts.carer(row.slice(2), false);
        else if (row.startsWith("u:")) this.acts.toggle(row.slice(2));
        else if (row.startsWith("l:")) this.acts.carer(row.slice(2), false);
        return true;
      case "m":
        if (visit !== null && !this._aside()) this.acts.move(visit);
        return true;
      case "s":
        if (row.startsWith("l:")) this.acts.carer(row.slice(2), true);
        return true;
      case "n":
        this._now();
        return true;
      case "p":
        this._nextProblem();
        return true;
      case "+":
      case "-":
        this.acts.zoom(key === "+" ? 1 : -1);
        return true;
      case "/":
        byId("search").focus();
        return true;
      case "Escape":
        this.acts.close();
        return true;
      default:
        return false;
    }
  }

  /** Rows up or down; the visit nearest in time is chosen there. @param {number} by */
  _vertical(by) {
    const { grid } = this;
    const here = grid.focus.row === "waiting" ? -1 : (grid.index.get(grid.focus.row) ?? -1);
    const there = Math.max(-1, Math.min(grid.rows.length - 1, here + by));
    if (there === here) return;
    const row = there === -1 ? "waiting" : grid.rows[there].key;
    const from_ms = this._spans(grid.focus.row).find((s) => s.id === grid.focus.visit)?.from_ms;
    this.go(row, from_ms === undefined ? null : this._nearest(row, from_ms));
  }

  /** @param {string} row @param {number} at_ms */
  _nearest(row, at_ms) {
    let best = null;
    let least = Infinity;
    for (const span of this._spans(row)) {
      const away = Math.abs(span.from_ms - at_ms);
      if (away < least) [best, least] = [span.id, away];
    }
    return best;
  }

  /** To the first visit the search found, or the first lane where it is a name. */
  found() {
    const { grid } = this;
    for (const row of grid.rows) {
      if (row.kind !== "lane") continue;
      const visit = row.lane.visits.find((v) => grid.board.found(v));
      this.go(row.key, visit?.id ?? null);
      return;
    }
  }

  /** To the visit of this row that is on or next. */
  _now() {
    const { grid } = this;
    grid.scale.shifted_ms = 0;
    grid.layOut();
    this.go(grid.focus.row, this._nearest(grid.focus.row, grid.board.now()));
  }

  /** To the next visit that needs somebody, row by row, beginning after the focus and around again. */
  _nextProblem() {
    const { grid } = this;
    const { row, visit } = grid.focus;
    const start = row === "waiting" ? 0 : (grid.index.get(row) ?? 0);
    const after = this._spans(row).find((s) => s.id === visit)?.from_ms ?? -Infinity;
    for (let step = 0; step <= grid.rows.length; step += 1) {
      const candidate = grid.rows[(start + step) % grid.rows.length];
      if (!candidate || candidate.kind !== "lane") continue;
      const same = step === 0 && candidate.key === row;
      const found = this._spans(candidate.key).find((s) => s.problem && (!same || s.from_ms > after));
      if (found) {
        this.go(candidate.key, found.id);
        return;
      }
    }
  }
}
