// @ts-check
/** Medarbejder stopper: her sign-in, her doors and her visits end in one act. */
/** @typedef {import("./types.js").Lane} Lane */

import { call, wordsOf } from "./api.js";
import { byId, el } from "./dom.js";
import { t } from "./text.js";

/** Two taps: the first says what will happen, the second does it. @param {Lane} lane @param {(text: string) => void} said */
export function leaverButton(lane, said) {
  const button = el("button", { type: "button", class: "button button-small" }, t("planner.leaver"));
  button.addEventListener("click", () => {
    const yes = el("button", { type: "button", class: "button button-danger button-small" }, t("planner.leaver.do"));
    yes.addEventListener("click", () => void stop(lane, said));
    byId("cover").replaceChildren(
      el("div", { class: "alert alert-warn" }, el("p", {}, t("planner.leaver.what", { name: lane.name })), yes),
    );
    yes.focus();
  });
  return button;
}

/** @param {Lane} lane @param {(text: string) => void} said */
async function stop(lane, said) {
  try {
    const answer = await call("POST", `/api/v1/carers/${encodeURIComponent(lane.carer_id)}/leaving`, {
      body: { reason: "stopped" },
      key: crypto.randomUUID(),
    });
    const words = t("planner.leaver.done", { name: lane.name, n: answer.visits_without_carer });
    byId("cover").replaceChildren(el("p", { role: "status" }, words));
    said(words);
  } catch (error) {
    byId("cover").replaceChildren(el("p", { class: "field-error", role: "alert" }, wordsOf(error)));
  }
}
