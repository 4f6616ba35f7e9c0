// @ts-check
/** What is known of a visit: whose it is, when, how one gets in, and what has happened. */
/** @typedef {import("./types.js").VisitFacts} VisitFacts */

import { el } from "./dom.js";
import { holdersSection } from "./holders.js";
import { routeMap } from "./map.js";
import { clock, t, word } from "./text.js";

/** @param {VisitFacts} visit @returns {Node[]} */
export function factsOf(visit) {
  const rows = el("dl", { class: "fact-list" });
  /** @param {string} key @param {string} value */
  const row = (key, value) => rows.append(el("dt", {}, t(key)), el("dd", {}, value));
  row("planner.fact.citizen", visit.citizen_name);
  row("planner.fact.address", visit.address);
  row("planner.fact.carer", visit.carer_name ?? t("planner.unallocated"));
  row("planner.fact.window", t("planner.span", { from: clock(visit.window_open_at), to: clock(visit.window_close_at) }));
  if (visit.begun_at) {
    const source = visit.source ? ` · ${word("planner.source", visit.source)}` : "";
    row("planner.fact.begun", clock(visit.begun_at) + source);
  }
  if (visit.ended_at) {
    const outcome = visit.outcome ? ` · ${word("planner.outcome", visit.outcome)}` : "";
    row("planner.fact.ended", clock(visit.ended_at) + outcome);
  }
  if (visit.door) row("planner.fact.door", doorWords(visit.door));
  if (visit.door?.keeps.length) rows.append(el("dt", {}, t("planner.fact.door_keeps")), ...visit.door.keeps.map((line) => el("dd", {}, line)));
  for (const words of visit.door ? boundWords(visit.door) : []) row("planner.fact.door_bound", words);
  const map = visit.route ? routeMap(visit.route.points) : null;
  const holders = visit.door?.holders ? [holdersSection({ id: visit.door.id, holders: visit.door.holders })] : [];
  return [rows, ...holders, ...(map ? [map] : []), ...historyOf(visit)];
}

/** @param {NonNullable<VisitFacts["door"]>} door */
function doorWords(door) {
  const parts = door.lock_state ? [word("planner.lock", door.lock_state)] : [];
  if (door.last_opening) {
    parts.push(`${word("planner.opening", door.last_opening.state)} ${clock(door.last_opening.at)}`);
  }
  if (door.battery_low) parts.push(t("planner.lock.battery"));
  return parts.join(" · ") || t("planner.lock.quiet");
}

/** By when what was promised about a door holds. @param {NonNullable<VisitFacts["door"]>} door */
function boundWords(door) {
  const words = [];
  if (door.offline_until_at) words.push(t("planner.bound.offline", { at: clock(door.offline_until_at) }));
  if (door.withdrawn_until_at) words.push(t("planner.bound.withdrawn", { at: clock(door.withdrawn_until_at) }));
  else if (door.withdrawn) words.push(t("planner.bound.confirmed"));
  return words;
}

/** @param {VisitFacts} visit */
function historyOf(visit) {
  if (!visit.history.length) return [];
  const items = visit.history.map((h) => el("li", {}, el("time", { datetime: h.at }, clock(h.at)), ` ${h.text}`));
  return [
    el("details", { class: "history" }, el("summary", {}, t("planner.history", { n: items.length })), el("ul", {}, ...items)),
  ];
}
