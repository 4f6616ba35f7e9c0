// @ts-check
/** What a blocked tablet can still open, and by when nothing: told door by door, from what the locks have confirmed. */
/** @typedef {import("./types.js").Lane} Lane */
/** @typedef {{doors: {door_id: string, address: string, until_at: string | null}[], latest_at: string | null}} Withdrawn */

import { call, Problem, wordsOf } from "./api.js";
import { el } from "./dom.js";
import { clock, t } from "./text.js";

const LOOK_AGAIN_MS = 1500;
const LOOK_FOR_MS = 15_000;

/**
 * Show it, and again while locks confirm.
 * @param {Lane} lane @param {HTMLElement} place @param {() => boolean} still whether anybody looks at it
 */
export async function showWithdrawn(lane, place, still) {
  const until_ms = performance.now() + LOOK_FOR_MS;
  for (;;) {
    /** @type {Withdrawn} */
    let found;
    try {
      found = await call("GET", `/api/v1/carers/${encodeURIComponent(lane.carer_id)}/withdrawn-doors`);
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      place.replaceChildren(el("p", { role: "status" }, t("planner.lost.done", { name: lane.name })), el("p", { class: "field-error" }, wordsOf(error)));
      return;
    }
    if (!still()) return;
    place.replaceChildren(...wordsFor(lane, found));
    if (!found.latest_at || performance.now() > until_ms) return;
    await new Promise((resolve) => setTimeout(resolve, LOOK_AGAIN_MS));
    if (!still()) return;
  }
}

/** @param {Lane} lane @param {Withdrawn} found */
function wordsFor(lane, found) {
  const open = found.doors.filter((door) => door.until_at);
  const confirmed = found.doors.length - open.length;
  const words = [el("p", { role: "status" }, t("planner.lost.done", { name: lane.name }))];
  if (confirmed) words.push(el("p", {}, t("planner.bound.doors_confirmed", { n: confirmed })));
  if (open.length) {
    words.push(
      el("p", {}, t("planner.bound.doors_open", { n: open.length })),
      el("ul", { class: "withdrawn" }, ...open.map((door) =>
        el("li", {}, t("planner.bound.door_until", { address: door.address, at: clock(door.until_at ?? 0) })))),
    );
  }
  return words;
}

/** A carer whose tablet may be let in by a spoken code with every server down, or no longer. @param {Lane} lane @param {(text: string) => void} said */
export function offlineTabletButton(lane, said) {
  const words = () => t(`planner.offline_tablet.${lane.offline_tablet ? "off" : "on"}`);
  const button = el("button", { type: "button", class: "button button-small" }, words());
  button.addEventListener("click", async () => {
    try {
      const designated = !lane.offline_tablet;
      await call("POST", `/api/v1/carers/${encodeURIComponent(lane.carer_id)}/offline-tablet`, { body: { designated } });
      lane.offline_tablet = designated;
      button.textContent = words();
      said(t(`planner.offline_tablet.is_${designated ? "on" : "off"}`, { name: lane.name }));
    } catch (error) {
      said(wordsOf(error));
    }
  });
  return button;
}
