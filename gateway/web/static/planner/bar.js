// @ts-check
/** One visit as a bar: its state told by shape, drawing and words before any colour. */
/** @typedef {import("./types.js").Visit} Visit */
/** @typedef {import("./types.js").Unallocated} Unallocated */
/** @typedef {import("./scale.js").Scale} Scale */

import { stateOf } from "./board.js";
import { el, icon } from "./dom.js";
import { clock, t } from "./text.js";

const ICONS = { ended: "check", late: "warning", expected_late: "time", not_started: "close", begun: "", planned: "" };

/** "Borger 1626, 12:26 til 12:40, planlagt". @param {Visit} visit @param {string} state */
function sentence(visit, state) {
  const parts = [
    t("planner.visit.sentence", {
      short: visit.short,
      from: clock(visit.begun_at ?? visit.start_at),
      to: clock(visit.ended_at ?? visit.end_at),
      state: t(`planner.state.${state}`).toLocaleLowerCase("da"),
    }),
  ];
  if (visit.delay_min && state.endsWith("late")) parts.push(t("planner.visit.delay", { minutes: Math.round(visit.delay_min) }));
  if (visit.mode === "screen") parts.push(t("planner.state.screen").toLocaleLowerCase("da"));
  if (visit.double) parts.push(t("planner.state.double").toLocaleLowerCase("da"));
  if (visit.pinned) parts.push(t("planner.state.pinned").toLocaleLowerCase("da"));
  if (visit.door_problem) parts.push(t("planner.state.door").toLocaleLowerCase("da"));
  return parts.join(", ");
}

/** @param {Visit} visit @param {string} state */
function drawing(visit, state) {
  if (visit.door_problem && state !== "ended") return "lock";
  const name = ICONS[/** @type {keyof typeof ICONS} */ (state)];
  if (name) return name;
  if (visit.mode === "screen") return "videocam";
  if (visit.double) return "own-two-persons";
  return visit.pinned ? "own-pin" : "";
}

/**
 * The span a bar covers: as lived where it was lived, as planned otherwise.
 * @param {Visit} visit
 */
export function spanOf(visit) {
  const from_ms = Date.parse(visit.begun_at ?? visit.start_at);
  const planned_ms = Date.parse(visit.end_at) - Date.parse(visit.start_at);
  return { from_ms, to_ms: visit.ended_at ? Date.parse(visit.ended_at) : from_ms + planned_ms };
}

/** Make an empty bar. @param {string} id */
export function makeBar(id) {
  return el("div", { role: "gridcell", tabindex: "-1", "data-visit": id, class: "bar" });
}

/**
 * Bring a bar to a visit's present state; touches the page only where something differs.
 * @param {HTMLElement} bar
 * @param {Visit} visit
 * @param {Scale} scale
 * @param {number} now_ms
 * @param {boolean} selected
 * @param {boolean} [held]  under the pointer: the bar says everything new but stays where it is
 * @param {boolean} [found]  one of those searched for
 */
export function paintBar(bar, visit, scale, now_ms, selected, held = false, found = false) {
  const state = stateOf(visit);
  const { from_ms, to_ms } = spanOf(visit);
  const { left, width } = scale.box(from_ms, to_ms);
  // The elapsed share moves on by the minute; more often would only cost frames.
  const share = state === "begun" ? Math.min(1, Math.max(0.04, (now_ms - from_ms) / (to_ms - from_ms))) : 0;
  const mark = [
    state, visit.mode, visit.double, visit.pinned, visit.door_problem, state.endsWith("late") && visit.delay_min, visit.begun_at,
    visit.ended_at, visit.short, left.toFixed(1), width.toFixed(1), share.toFixed(2), selected,
    found, scale.words_px,
  ].join("|");
  if (bar.dataset.mark === mark) return;
  const moves = Math.abs(left - Number.parseFloat(bar.style.left)) >= 1 || Math.abs(width - Number.parseFloat(bar.style.width)) >= 1;
  if (held && moves) {
    bar.dataset.behind = "";
    return;
  }
  bar.dataset.mark = mark;
  const kinds = ["bar", `s-${state}`];
  if (visit.mode === "screen") kinds.push("k-screen");
  if (visit.double) kinds.push("k-double");
  if (visit.door_problem && state !== "ended") kinds.push("k-door");
  if (selected) kinds.push("selected");
  if (found) kinds.push("found");
  bar.className = kinds.join(" ");
  bar.style.left = `${left.toFixed(1)}px`;
  bar.style.width = `${width.toFixed(1)}px`;
  bar.style.paddingLeft = left < 0 ? `${(4 - left).toFixed(1)}px` : "";
  bar.style.setProperty("--done", `${Math.round(share * 100)}%`);
  bar.setAttribute("aria-label", sentence(visit, state));
  bar.setAttribute("aria-selected", String(selected));
  const visible = width + Math.min(0, left);
  const late = (state === "late" || state === "expected_late") && visit.delay_min;
  const words = late && state === "late" ? `+${Math.round(visit.delay_min ?? 0)}` : visit.short;
  const name = drawing(visit, state);
  /** @type {(Node | string)[]} */
  const inside = [];
  if (name && visible >= 20) inside.push(icon(name));
  if (visible >= scale.words_px + (name ? 14 : 0)) inside.push(words);
  bar.replaceChildren(...inside);
}

/**
 * A visit nobody has: its window is thin, the bar its length at the window's start.
 * @param {HTMLElement} bar
 * @param {Unallocated} visit
 * @param {Scale} scale
 * @param {boolean} selected
 */
export function paintWaiting(bar, visit, scale, selected) {
  const from_ms = Date.parse(visit.window_open_at);
  const { left, width } = scale.box(from_ms, from_ms + visit.duration_min * 60_000);
  bar.className = selected ? "bar s-unallocated selected" : "bar s-unallocated";
  bar.style.left = `${left.toFixed(1)}px`;
  bar.style.width = `${width.toFixed(1)}px`;
  bar.setAttribute("aria-selected", String(selected));
  bar.setAttribute(
    "aria-label",
    t("planner.unallocated.sentence", {
      short: visit.short,
      from: clock(visit.window_open_at),
      to: clock(visit.window_close_at),
      minutes: visit.duration_min,
      reason: visit.reason ?? "",
    }),
  );
  bar.replaceChildren(...(width >= scale.words_px ? [visit.short] : []));
}
