// @ts-check
/** Something has happened: say what, choose among whole solutions, and take it back. Solutions are ranked, people never. */

import { call, Problem, wordsOf } from "./api.js";
import { choose, card } from "./cover.js";
import { el, tag } from "./dom.js";
import { number, t } from "./text.js";

/**
 * @typedef {{kind: string, carer_id?: string, visit_id?: string, citizen_id?: string, unit_id?: string, day?: string, minutes?: number,
 *   citizen_absence?: "hospital" | "away"}} Happening
 * @typedef {import("./types.js").CoverProposal & {cost_min: number, substitute_id: string | null, routes: Record<string, string[]>}} Solution
 * @typedef {{reassignment_id: string, text: string, lanes: any[], unallocated: any[], gone: string[]}} Done
 * @typedef {{done: (answer: Done, undo: () => Promise<Done>) => void, day: () => string, units: () => {id: string, name: string}[]}} Acts
 */

/** The reason a tablet is told, by what happened. @type {Record<string, string>} */
const REASONS = {
  carer_away: "illness", carer_late: "delay", visit_longer: "longer", door_shut: "door", urgent: "urgent", swap: "swap",
  lend: "lend", to_screen: "to_screen", to_physical: "to_physical", citizen_home: "citizen_home",
  "citizen_away.hospital": "citizen_hospital", "citizen_away.away": "citizen_away",
};
/** Minutes a planner is asked for, and what is usual. @type {Record<string, number>} */
const MINUTES = { carer_late: 20, visit_longer: 15, door_shut: 45, urgent: 30 };

/**
 * What can have happened, as buttons; a tap on one asks what is missing and shows the solutions.
 * @param {Happening[]} kinds @param {Acts} acts
 */
export function happenedSection(kinds, acts) {
  const place = el("div", { class: "happened-place", "aria-live": "polite" });
  const buttons = kinds.map((one) => {
    const button = el("button", { type: "button", class: "button button-small", "data-happened": one.kind }, t(`planner.happened.${nameOf(one)}`));
    button.addEventListener("click", () => openHappening(one, place, acts));
    return button;
  });
  return el("section", { class: "happened", "aria-label": t("planner.happened") },
    el("h3", {}, t("planner.happened")), el("div", { class: "panel-acts" }, ...buttons), place);
}

/** @param {Happening} one */
function nameOf(one) {
  return one.citizen_absence ? `${one.kind}.${one.citizen_absence}` : one.kind;
}

/** Ask what is missing, and show the solutions. @param {Happening} one @param {HTMLElement} place @param {Acts} acts */
export function openHappening(one, place, acts) {
  const fields = [];
  const minutes = one.kind in MINUTES ? field(t(`planner.happened.minutes.${one.kind}`), el("input", {
    class: "input", type: "number", min: "1", max: "600", step: "1", value: String(MINUTES[one.kind]),
  })) : null;
  if (minutes) fields.push(minutes.row);
  const others = acts.units().filter((unit) => unit.id !== one.unit_id);
  const unit = one.kind === "lend" ? field(t("planner.happened.unit"), el("select", { class: "select" },
    ...others.map((each) => el("option", { value: each.id }, each.name)))) : null;
  if (unit) fields.push(unit.row);
  const found = el("div", { class: "proposals" });
  const ask = el("button", { type: "button", class: "button button-small" }, t("planner.happened.ask"));
  /** @param {boolean} deep */
  const look = (deep) => {
    const happened = { ...one, day: acts.day(), ...(minutes ? { minutes: Number(minutes.input.value) } : {}) };
    delete happened.unit_id;
    if (unit) happened.unit_id = unit.input.value;
    void show(happened, deep, found, acts, () => look(true));
  };
  ask.addEventListener("click", () => look(false));
  place.replaceChildren(...fields, ...(fields.length ? [ask] : []), found);
  if (fields.length) (minutes ?? unit)?.input.focus();
  else look(false);
}

/** @param {string} words @param {HTMLElement} control */
function field(words, control) {
  const input = /** @type {HTMLInputElement} */ (control);
  return { input, row: el("label", { class: "field" }, el("span", {}, words), input) };
}

/** @param {Happening} happened @param {boolean} deep @param {HTMLElement} place @param {Acts} acts @param {() => void} deeper */
async function show(happened, deep, place, acts, deeper) {
  place.replaceChildren(el("p", { class: "muted" }, t("planner.happened.loading")));
  try {
    const answer = await call("POST", "/api/v1/reassignments/preview", { body: { happened, deep } });
    /** @type {Solution[]} */
    const solutions = answer.proposals;
    if (!solutions.length) {
      place.replaceChildren(el("p", { class: "none" }, t("planner.happened.none")));
      return;
    }
    const cards = solutions.map((one, i) => priced(card(one, i, () => void carryOut(happened, one, place, acts)), one));
    choose(cards, 0);
    cards.forEach((each, i) => each.querySelector(".choose")?.addEventListener("click", () => {
      choose(cards, i);
      /** @type {HTMLElement | null} */ (each.querySelector(".confirm"))?.focus();
    }));
    const more = ["carer_away", "carer_late", "visit_longer"].includes(happened.kind) && !deep ? [deepButton(deeper)] : [];
    // Below the heading of a visit or a carer, or by itself beside the board.
    const level = place.closest("#panel-body") ? "h3" : "h2";
    place.replaceChildren(el(level, {}, t("planner.happened.found", { n: solutions.length })), ...cards, ...more,
      el("p", { class: "muted small" }, t("planner.happened.price.what")));
    /** @type {HTMLElement | null} */ (place.querySelector(".proposal.chosen .confirm"))?.focus();
  } catch (error) {
    const missing = error instanceof Problem && error.code === "screen_not_possible" && happened.visit_id;
    place.replaceChildren(...(missing ? await criteria(happened.visit_id ?? "") : [said(error)]));
  }
}

/** @param {() => void} deeper */
function deepButton(deeper) {
  const button = el("button", { type: "button", class: "button button-small button-quiet" }, t("planner.happened.deep"));
  button.addEventListener("click", deeper);
  return button;
}

/** @param {HTMLElement} proposal @param {Solution} one */
function priced(proposal, one) {
  const words = t(one.cost_min < 0 ? "planner.happened.saves" : "planner.happened.costs", { n: number(Math.abs(Math.round(one.cost_min)), 0) });
  proposal.querySelector("header")?.append(el("span", { class: "price tabular" }, words));
  return proposal;
}

/** @param {Happening} happened @param {Solution} one @param {HTMLElement} place @param {Acts} acts */
async function carryOut(happened, one, place, acts) {
  try {
    /** @type {Done} */
    const done = await call("POST", "/api/v1/reassignments", {
      body: { happened, routes: one.routes, reason: REASONS[nameOf(happened)], substitute_id: one.substitute_id },
      key: crypto.randomUUID(),
      headers: { "If-Match": one.versions.map((v) => `"${v.route_id}:${v.version}"`).join(", ") },
    });
    acts.done(done, () => call("POST", `/api/v1/reassignments/${encodeURIComponent(done.reassignment_id)}/undo`, { body: {}, key: crypto.randomUUID() }));
  } catch (error) {
    for (const button of place.querySelectorAll("button.confirm")) button.removeAttribute("disabled");
    place.querySelector("[role=alert]")?.remove();
    place.prepend(said(error));
  }
}

/** Why a visit cannot be made by screen: every criterion with its answer. @param {string} visit_id */
async function criteria(visit_id) {
  const answer = await call("GET", `/api/v1/visits/${encodeURIComponent(visit_id)}/screen-criteria`);
  const rows = Object.entries(/** @type {Record<string, boolean>} */ (answer.criteria)).map(([name, holds]) =>
    el("li", {}, `${t(`planner.happened.criteria.${name}`)} `,
      tag(t(`planner.happened.criteria.${holds ? "yes" : "no"}`), holds ? "check" : "warning", holds ? "ok" : "warn")));
  return [el("p", {}, t("planner.happened.criteria")), el("ul", { class: "criteria" }, ...rows)];
}

/** @param {unknown} error */
function said(error) {
  const breaches = error instanceof Problem && Array.isArray(error.body?.breaches) ? error.body.breaches : [];
  const lines = breaches.map((/** @type {{title: string, text: string}} */ one) => el("li", {}, `${one.title}: ${one.text}`));
  return el("div", { class: "field-error", role: "alert" }, el("p", {}, wordsOf(error)), ...(lines.length ? [el("ul", {}, ...lines)] : []));
}
