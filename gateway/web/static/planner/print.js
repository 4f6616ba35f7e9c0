// @ts-check
/** On paper the board shows the whole day and every lane of the present filters: nothing scrolls there. */
/** @typedef {import("./grid.js").Grid} Grid */

import { byId } from "./dom.js";
import { MIN_BAR_PX, WORDS_PX } from "./scale.js";
import { clock, t } from "./text.js";

/** A4 across with 8 mm margins is 1,062 CSS pixels; the names take 186 of them (print.css). */
const TRACK_PX = 870;

/** @param {Grid} grid */
export function printable(grid) {
  const { scale, board } = grid;
  const usual = { mode: scale.mode };
  window.addEventListener("beforeprint", () => {
    usual.mode = scale.mode;
    scale.mode = "day";
    scale.words_px = MIN_BAR_PX;
    grid.onPaper_px = TRACK_PX;
    grid.layOut();
    byId("print-note").textContent = t("planner.print.note", { day: byId("board").dataset.words ?? "", at: clock(board.now()) });
  });
  window.addEventListener("afterprint", () => {
    scale.mode = usual.mode;
    scale.words_px = WORDS_PX;
    grid.onPaper_px = 0;
    grid.layOut();
  });
  byId("print").addEventListener("click", () => window.print());
}
