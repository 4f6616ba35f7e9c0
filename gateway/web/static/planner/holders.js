// @ts-check
/** How many carers a door needs: said in the visit's panel. Two open it together, each with a tap, within a minute. */

import { call, wordsOf } from "./api.js";
import { el, icon, tag } from "./dom.js";
import { t } from "./text.js";

/** @param {{id: string, holders: number}} door @returns {HTMLElement} */
export function holdersSection(door) {
  const said = el("p", { role: "status" });
  const wrong = el("p", { class: "field-error", role: "alert" });
  const words = el("span", {});
  const button = el("button", { type: "button", class: "button button-small" }, icon("own-two-persons"), words);
  const present = el("p", {});
  const paint = () => {
    words.textContent = t(door.holders === 2 ? "planner.holders.one" : "planner.holders.two");
    present.replaceChildren(...(door.holders === 2 ? [tag(t("planner.holders.needs_two"), "own-two-persons", "info")] : []));
  };
  button.addEventListener("click", async () => {
    const holders = door.holders === 2 ? 1 : 2;
    wrong.textContent = said.textContent = "";
    try {
      await call("POST", `/api/v1/doors/${encodeURIComponent(door.id)}/holders`, { body: { holders }, key: crypto.randomUUID() });
      door.holders = holders;
      paint();
      said.textContent = t(holders === 2 ? "planner.holders.is_two" : "planner.holders.is_one");
    } catch (error) {
      wrong.textContent = wordsOf(error);
    }
  });
  paint();
  return el("section", { class: "holders" }, present, button, said, wrong);
}
