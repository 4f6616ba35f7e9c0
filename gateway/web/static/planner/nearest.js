// @ts-check
/** Who can be at a visit first: asked for when it is wanted, ordered by arrival, with how it is known and no places. */

import { call, wordsOf } from "./api.js";
import { el } from "./dom.js";
import { clock, t } from "./text.js";

/** @param {string} visit_id */
export function nearestSection(visit_id) {
  const body = el("div", { "aria-live": "polite" });
  const section = /** @type {HTMLDetailsElement} */ (
    el("details", { class: "nearest" }, el("summary", {}, t("planner.nearest")), body)
  );
  section.addEventListener("toggle", () => {
    if (section.open) void load(visit_id, body);
  });
  return section;
}

/** @param {string} visit_id @param {HTMLElement} body */
async function load(visit_id, body) {
  body.replaceChildren(el("p", { class: "muted" }, t("planner.panel.loading")));
  try {
    const { arrivals } = await call("GET", `/api/v1/visits/${encodeURIComponent(visit_id)}/nearest`);
    if (!arrivals.length) body.replaceChildren(el("p", { class: "muted" }, t("planner.nearest.none")));
    else body.replaceChildren(el("ol", {}, ...arrivals.map(row)));
  } catch (error) {
    body.replaceChildren(el("p", { class: "field-error" }, wordsOf(error)));
  }
}

/** @param {{carer_name: string, basis: string, known_at: string, free_at: string, arrives_at: string}} one */
function row(one) {
  const known = t(`planner.nearest.${one.basis}`, { at: clock(one.known_at), free: clock(one.free_at) });
  return el(
    "li",
    {},
    t("planner.nearest.row", { name: one.carer_name, at: clock(one.arrives_at) }),
    el("span", { class: "muted" }, ` ${known}`),
  );
}
