// @ts-check
/** Why a visit is where it is, and why not with somebody else: rules and cost, never anything about how anybody works. */

import { call, wordsOf } from "./api.js";
import { el } from "./dom.js";
import { number, t } from "./text.js";

/**
 * @param {string} visit_id
 * @param {() => {id: string, name: string}[]} colleagues  those on duty who do not have the visit
 */
export function whySection(visit_id, colleagues) {
  const body = el("div", { "aria-live": "polite" });
  const section = /** @type {HTMLDetailsElement} */ (el("details", { class: "why" }, el("summary", {}, t("planner.why")), body));
  section.addEventListener("toggle", () => {
    if (section.open) void load(visit_id, body, colleagues);
  });
  return section;
}

/** @param {string} visit_id @param {HTMLElement} body @param {() => {id: string, name: string}[]} colleagues */
async function load(visit_id, body, colleagues) {
  body.replaceChildren(el("p", { class: "muted" }, t("planner.panel.loading")));
  try {
    const found = await call("GET", `/api/v1/visits/${encodeURIComponent(visit_id)}/why`);
    const said = el("div", { class: "instead", "aria-live": "polite" });
    const select = /** @type {HTMLSelectElement} */ (el("select", { class: "select" },
      el("option", { value: "" }, t("planner.why.choose")),
      ...colleagues().map((one) => el("option", { value: one.id }, one.name))));
    select.addEventListener("change", () => {
      if (select.value) void instead(visit_id, select.value, said);
    });
    const others = found.not_possible.map((/** @type {{text: string, count: number}} */ one) =>
      el("li", {}, t("planner.why.cannot", { text: one.text, n: one.count })));
    body.replaceChildren(
      el("ul", { class: "reasons" }, ...found.sentences.map((/** @type {string} */ line) => el("li", {}, line))),
      ...(others.length ? [el("h4", {}, t("planner.why.others")), el("ul", {}, ...others)] : []),
      el("label", { class: "field" }, el("span", {}, t("planner.why.instead")), select), said);
  } catch (error) {
    body.replaceChildren(el("p", { class: "field-error", role: "alert" }, wordsOf(error)));
  }
}

/** @param {string} visit_id @param {string} carer_id @param {HTMLElement} place */
async function instead(visit_id, carer_id, place) {
  try {
    const { instead: one } = await call("GET", `/api/v1/visits/${encodeURIComponent(visit_id)}/why?carer_id=${encodeURIComponent(carer_id)}`);
    if (!one) return place.replaceChildren();
    const lines = one.breaches.length
      ? one.breaches.map((/** @type {{title: string, text: string}} */ b) => el("li", { class: "con" }, `${b.title}. ${b.text}`))
      : one.parts.map((/** @type {{text: string, cost_min: number}} */ p) =>
        el("li", { class: p.cost_min > 0 ? "con" : "pro" }, t("planner.why.part", { text: p.text, n: (p.cost_min > 0 ? "+" : "") + number(p.cost_min, 1) })));
    place.replaceChildren(el("p", {}, one.text), el("ul", { class: "reasons" }, ...lines));
  } catch (error) {
    place.replaceChildren(el("p", { class: "field-error", role: "alert" }, wordsOf(error)));
  }
}
