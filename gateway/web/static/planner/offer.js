// @ts-check
/** A visit on offer to several carers: the first to accept has it. */

import { call, wordsOf } from "./api.js";
import { el } from "./dom.js";
import { clock, t } from "./text.js";

/** @param {string} visit_id */
export function offerSection(visit_id) {
  const body = el("div", { "aria-live": "polite" });
  const section = /** @type {HTMLDetailsElement} */ (el("details", { class: "offer" }, el("summary", {}, t("planner.offer")), body));
  section.addEventListener("toggle", () => {
    if (section.open) void load(visit_id, body);
  });
  return section;
}

/** @param {string} visit_id @param {HTMLElement} body */
async function load(visit_id, body) {
  body.replaceChildren(el("p", { class: "muted" }, t("planner.panel.loading")));
  try {
    const { offer } = await call("GET", `/api/v1/visits/${encodeURIComponent(visit_id)}/offers`);
    if (offer) return paintOpen(visit_id, body, offer);
    const { proposals } = await call("GET", `/api/v1/visits/${encodeURIComponent(visit_id)}/proposals`);
    const said = el("p", { class: "field-error", role: "alert" });
    const boxes = proposals.map((/** @type {{carer_id: string, carer_name: string, start_at: string}} */ one) => {
      const box = /** @type {HTMLInputElement} */ (el("input", { type: "checkbox", value: one.carer_id }));
      box.checked = true;
      return { box, row: el("li", {}, el("label", { class: "check" }, box, ` ${one.carer_name} · ${clock(one.start_at)}`)) };
    });
    const send = el("button", { type: "button", class: "button button-small" }, t("planner.offer.send"));
    send.addEventListener("click", () => {
      const chosen = boxes.filter((/** @type {{box: HTMLInputElement}} */ one) => one.box.checked).map((/** @type {{box: HTMLInputElement}} */ one) => one.box.value);
      if (chosen.length) void make(visit_id, chosen, body, said);
      else said.textContent = t("planner.offer.none");
    });
    body.replaceChildren(el("p", { class: "muted" }, t("planner.offer.what")),
      el("ul", { class: "offer-list" }, ...boxes.map((/** @type {{row: HTMLElement}} */ one) => one.row)), send, said);
  } catch (error) {
    body.replaceChildren(el("p", { class: "field-error", role: "alert" }, wordsOf(error)));
  }
}

/** @param {string} visit_id @param {string[]} carer_ids @param {HTMLElement} body @param {HTMLElement} said */
async function make(visit_id, carer_ids, body, said) {
  try {
    const offer = await call("POST", `/api/v1/visits/${encodeURIComponent(visit_id)}/offers`, {
      body: { carer_ids, reason: "delay" }, key: crypto.randomUUID(),
    });
    paintOpen(visit_id, body, offer);
  } catch (error) {
    said.textContent = wordsOf(error);
  }
}

/** @param {string} visit_id @param {HTMLElement} body @param {{offer_id: string, names: string[], ends_at: string}} offer */
function paintOpen(visit_id, body, offer) {
  const back = el("button", { type: "button", class: "button button-small" }, t("planner.offer.withdraw"));
  back.addEventListener("click", async () => {
    try {
      await call("POST", `/api/v1/visits/${encodeURIComponent(visit_id)}/offers/${encodeURIComponent(offer.offer_id)}/withdrawal`, { body: {}, key: crypto.randomUUID() });
      await load(visit_id, body);
    } catch (error) {
      body.append(el("p", { class: "field-error", role: "alert" }, wordsOf(error)));
    }
  });
  body.replaceChildren(el("p", { role: "status" }, t("planner.offer.open", { names: offer.names.join(", "), at: clock(offer.ends_at) })), back);
}
