// @ts-check
/** A list beside the board that is fetched again and again, and hidden while it is empty. */

import { wordsOf } from "./api.js";
import { el, keep } from "./dom.js";

export class Beside {
  /** @param {HTMLElement} place @param {boolean} [folded]  whether its heading opens it */
  constructor(place, folded = false) {
    this.place = place;
    this.head = el(folded ? "summary" : "h2", {});
    this.list = el("ul", { class: "task-list" });
    this.wrong = el("p", { class: "field-error", hidden: true });
    place.replaceChildren(...(folded ? [el("details", {}, this.head, this.list)] : [this.head, this.list]), this.wrong);
  }

  /**
   * @template T
   * @param {T[]} items
   * @param {(Node | string)[]} heading
   * @param {(item: T) => string} key
   * @param {(item: T) => HTMLElement} make
   */
  paint(items, heading, key, make) {
    this.wrong.hidden = true;
    this.head.hidden = false;
    this.place.hidden = items.length === 0;
    const said = heading.map((part) => (part instanceof Element ? (part.textContent ?? "") : String(part))).join("");
    if (this.head.textContent !== said) this.head.replaceChildren(...heading);
    keep(this.list, items, key, make);
  }

  /** It could not be fetched: what was there stays, and so does what is typed into it. @param {unknown} error */
  fail(error) {
    this.place.hidden = false;
    this.head.hidden = this.list.childElementCount === 0;
    this.wrong.hidden = false;
    this.wrong.textContent = wordsOf(error);
  }
}
