// @ts-check
/** What else narrows the board: what a carer can do, whether she is on duty, how she travels. */
/** @typedef {import("./board.js").Board} Board */

import { byId, el } from "./dom.js";
import { t } from "./text.js";

const FIELDS = /** @type {("skill" | "shift" | "transport")[]} */ (["skill", "shift", "transport"]);

export class Choice {
  /** @param {Board} board @param {() => void} changed */
  constructor(board, changed) {
    this.board = board;
    this.place = /** @type {HTMLDetailsElement} */ (byId("choice"));
    this.words = byId("choice-words");
    this._skills = "";
    for (const name of FIELDS) {
      const field = this._field(name);
      field.addEventListener("change", () => {
        board.filter[name] = field.value || null;
        this.paint();
        changed();
      });
    }
    byId("choice-clear").addEventListener("click", () => {
      for (const name of FIELDS) {
        board.filter[name] = null;
        this._field(name).value = "";
      }
      this.paint();
      changed();
    });
    this.place.addEventListener("keydown", (event) => {
      if (event.key !== "Escape" || !this.place.open) return;
      this.place.open = false;
      /** @type {HTMLElement} */ (this.place.firstElementChild).focus();
    });
    document.addEventListener("pointerdown", (event) => {
      if (!this.place.contains(/** @type {Node} */ (event.target))) this.place.open = false;
    });
  }

  /** @param {string} name */
  _field(name) {
    return /** @type {HTMLSelectElement} */ (byId(`choice-${name}`));
  }

  paint() {
    const { skills, filter } = this.board;
    const mark = JSON.stringify(skills);
    if (mark !== this._skills) {
      this._skills = mark;
      const field = this._field("skill");
      const any = el("option", { value: "" }, t("planner.choice.any"));
      field.replaceChildren(any, ...skills.map(({ code, name }) => el("option", { value: code }, name)));
      field.value = filter.skill ?? "";
    }
    const chosen = FIELDS.filter((name) => filter[name]).length;
    const words = chosen ? t("planner.choice.some", { n: chosen }) : t("planner.choice");
    if (this.words.textContent !== words) this.words.textContent = words;
    this.place.classList.toggle("some", chosen > 0);
  }
}
