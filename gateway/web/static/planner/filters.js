// @ts-check
/** Attention chips, centre and search: what of the board is shown. Choosing never moves selection or scroll. */
/** @typedef {import("./board.js").Board} Board */

import { byId, el, icon } from "./dom.js";
import { number, t } from "./text.js";

/** Most urgent left. @type {[string, string, string][]} key, icon, kind */
const CHIPS = [
  ["emergency", "error", "chip-danger"],
  ["not_started", "close", "chip-danger"],
  ["door", "lock", "chip-danger"],
  ["late", "warning", "chip-warn"],
  ["expected_late", "time", "chip-warn"],
  ["fragile", "hourglass", ""],
  ["unallocated", "minus", ""],
  ["ill", "person", ""],
];

export class Filters {
  /** @param {Board} board @param {() => void} changed @param {() => void} found  Enter in the search: go to what it found */
  constructor(board, changed, found) {
    this.board = board;
    this.changed = changed;
    this.chips = byId("chips");
    this.units = byId("units");
    this._shownUnits = "";
    this._shownChips = "";
    const search = /** @type {HTMLInputElement} */ (byId("search"));
    search.addEventListener("input", () => {
      board.filter.query = search.value.trim();
      changed();
    });
    search.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && search.value.trim()) found();
      if (event.key !== "Escape") return;
      search.value = "";
      board.filter.query = "";
      changed();
    });
  }

  paint() {
    this._paintChips();
    this._paintUnits();
  }

  _paintChips() {
    const wanted = this.board.filter.attention;
    const counts = new Map(CHIPS.map(([key]) => [key, this.board.count(key)]));
    const shown = CHIPS.filter(([key]) => (counts.get(key) ?? 0) > 0 || key === wanted);
    const mark = JSON.stringify([shown.map(([key]) => [key, counts.get(key)]), wanted]);
    if (mark === this._shownChips) return;
    this._shownChips = mark;
    const focused = /** @type {HTMLElement | null} */ (document.activeElement)?.dataset?.chip;
    const chips = shown.map(([key, name, kind]) => {
      const pressed = wanted === key;
      const button = el(
        "button",
        { type: "button", class: `chip ${kind}`, "aria-pressed": String(pressed), "data-chip": key },
        icon(name),
        `${t(`planner.attention.${key}`)} ${number(counts.get(key) ?? 0)}`,
      );
      button.addEventListener("click", () => {
        this.board.filter.attention = pressed ? null : key;
        this.paint();
        this.changed();
      });
      return button;
    });
    if (!chips.length) chips.push(el("p", { class: "calm" }, icon("success"), t("planner.attention.none")));
    this.chips.replaceChildren(...chips);
    if (focused) /** @type {HTMLElement | null} */ (this.chips.querySelector(`[data-chip="${focused}"]`))?.focus();
  }

  _paintUnits() {
    const { units, filter } = this.board;
    const mark = JSON.stringify([units, filter.unit_id]);
    if (mark === this._shownUnits) return;
    this._shownUnits = mark;
    this.units.hidden = units.length < 2;
    const all = [{ id: null, name: t("planner.units.all") }, ...units];
    const focused = /** @type {HTMLElement | null} */ (document.activeElement)?.dataset?.unit;
    this.units.replaceChildren(
      ...all.map(({ id, name }) => {
        const button = el(
          "button",
          { type: "button", class: "chip", "aria-pressed": String(filter.unit_id === id), "data-unit": id ?? "all" },
          name,
        );
        button.addEventListener("click", () => {
          filter.unit_id = id;
          this.paint();
          this.changed();
        });
        return button;
      }),
    );
    if (focused) /** @type {HTMLElement | null} */ (this.units.querySelector(`[data-unit="${focused}"]`))?.focus();
  }
}
