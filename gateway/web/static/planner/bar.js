// @ts-check
/** One visit as a bar: its state told by shape, drawing and words before any colour. */
/** @typedef {import("./types.js").Visit} Visit */
/** @typedef {import("./types.js").Aside} Aside */
/** @typedef {import("./types.js").Unallocated} Unallocated */
/** @typedef {import("./scale.js").Scale} Scale */

import { stateOf } from "./board.js";
import { el, icon } from "./dom.js";
import { clock, t } from "./text.js";

/** @type {Record<string, [string, string]>} state to icon and kind of tag */
export const STATE_TAGS = {
  planned: ["calendar-month", ""],
  begun: ["own-play", "ok"],
  ended: ["check", ""],
  late: ["warning", "warn"],
  expected_late: ["time", "warn"],
  not_started: ["close", "danger"],
  unallocated: ["minus", ""],
};
const ICONS = { ended: "check", late: "warning", expected_late: "time", not_started: "close", begun: "", planned: "" };

/** "Borger 1626, 12:26 til 12:40, planlagt". @param {Visit} visit @param {string} state @param {number | null} fragile */
function sentence(visit, state, fragile) {
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
  if (fragile !== null) parts.push(t("planner.visit.fragile", { n: fragile }));
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
 * @param {number | null} [fragile]  in how many of a hundred such days it begins too late
 */
export function paintBar(bar, visit, scale, now_ms, selected, held = false, found = false, fragile = null) {
  const state = stateOf(visit);
  const { from_ms, to_ms } = spanOf(visit);
  const { left, width } = scale.box(from_ms, to_ms);
  // The elapsed share moves on by the minute; more often would only cost frames.
  const share = state === "begun" ? Math.min(1, Math.max(0.04, (now_ms - from_ms) / (to_ms - from_ms))) : 0;
  const mark = [
    state, visit.mode, visit.double, visit.pinned, visit.door_problem, state.endsWith("late") && visit.delay_min, visit.begun_at,
    visit.ended_at, visit.short, left.toFixed(1), width.toFixed(1), share.toFixed(2), selected,
    found, fragile, scale.words_px,
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
  if (fragile !== null) kinds.push("k-fragile");
  bar.className = kinds.join(" ");
  bar.style.left = `${left.toFixed(1)}px`;
  bar.style.width = `${width.toFixed(1)}px`;
  bar.style.paddingLeft = left < 0 ? `${(4 - left).toFixed(1)}px` : "";
  bar.style.setProperty("--done", `${Math.round(share * 100)}%`);
  bar.setAttribute("aria-label", sentence(visit, state, fragile));
  bar.setAttribute("aria-selected", String(selected));
  const visible = width + Math.min(0, left);
  const late = (state === "late" || state === "expected_late") && visit.delay_min;
  const words = late && state === "late" ? `+${Math.round(visit.delay_min ?? 0)}` : visit.short;
  const name = drawing(visit, state);
  /** @type {(Node | string)[]} */
  const inside = [];
  if (name && visible >= 20) inside.push(icon(name));
  if (visible >= scale.words_px + (name ? 14 : 0)) inside.push(words);
  if (fragile !== null) inside.push(el("i", { class: "teeth" }));
  bar.replaceChildren(...inside);
}

const ASIDE_ICONS = { break: "own-pause", fetch: "car", bring: "car" };

/** Make an empty bar of what is no visit. @param {string} id */
export function makeAside(id) {
  return el("div", { role: "gridcell", tabindex: "-1", "data-aside": id, class: "bar aside" });
}

/** "Pause, 11:30 til 12:00". @param {Aside} aside */
export function asideWords(aside) {
  const [what, from, to] = [t(`planner.aside.${aside.kind}`), clock(aside.start_at), clock(aside.end_at)];
  const words = from === to ? t("planner.aside.sentence.at", { what, from }) : t("planner.aside.sentence", { what, from, to });
  return aside.fits ? words : `${words}, ${t("planner.aside.no_room")}`;
}

/**
 * A break, or the way to the car or back from it: open at the sides, so that it is no visit at a glance.
 * @param {HTMLElement} bar @param {Aside} aside @param {Scale} scale
 */
export function paintAside(bar, aside, scale) {
  const box = scale.box(Date.parse(aside.start_at), Date.parse(aside.end_at));
  // The way to the car ends where the first visit, or the way to it, begins: a short one grows to the other side.
  const left = aside.kind === "fetch" ? scale.x(Date.parse(aside.end_at)) - box.width - 2 : box.left;
  const { width } = box;
  const mark = [aside.kind, aside.start_at, aside.end_at, aside.fits, left.toFixed(1), width.toFixed(1), scale.words_px].join("|");
  if (bar.dataset.mark === mark) return;
  bar.dataset.mark = mark;
  bar.className = `bar aside a-${aside.kind}${aside.fits ? "" : " a-tight"}`;
  bar.style.left = `${left.toFixed(1)}px`;
  bar.style.width = `${width.toFixed(1)}px`;
  bar.setAttribute("aria-label", asideWords(aside));
  const words = t(`planner.aside.${aside.kind}`);
  bar.replaceChildren(icon(aside.fits ? ASIDE_ICONS[aside.kind] : "warning"), ...(width >= scale.words_px + 8 * words.length ? [words] : []));
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
