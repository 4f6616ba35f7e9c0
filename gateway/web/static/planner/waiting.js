// @ts-check
/** The lane of visits nobody has: keyed bars, stacked thinner where windows overlap so that none hides another. */
/** @typedef {import("./types.js").Unallocated} Unallocated */
/** @typedef {import("./scale.js").Scale} Scale */

import { makeBar } from "./bar.js";

/**
 * Bars for the unallocated visits in view, pushed to the right where they would cover each other.
 * @param {HTMLElement} track
 * @param {Unallocated[]} visits
 * @param {Scale} scale
 * @param {(bar: HTMLElement, visit: Unallocated) => void} paint
 */
export function spreadWaiting(track, visits, scale, paint) {
  /** @type {Map<string, HTMLElement>} */
  const known = new Map();
  for (const bar of /** @type {Iterable<HTMLElement>} */ (track.children)) known.set(bar.dataset.visit ?? "", bar);
  const ordered = [...visits].sort(
    (a, b) => a.window_open_at.localeCompare(b.window_open_at) || a.id.localeCompare(b.id),
  );
  let free_px = -Infinity;
  /** @type {HTMLElement[]} */
  const bars = [];
  for (const visit of ordered) {
    const from_ms = Date.parse(visit.window_open_at);
    if (!scale.shows(from_ms, Date.parse(visit.window_close_at))) continue;
    const bar = known.get(visit.id) ?? makeBar(visit.id);
    known.delete(visit.id);
    paint(bar, visit);
    const width = Number.parseFloat(bar.style.width);
    // A window that opened before the view began still shows its visit, at the edge.
    const left = Math.max(Number.parseFloat(bar.style.left), free_px, 2);
    bar.style.left = `${left.toFixed(1)}px`;
    free_px = left + width + 4;
    bars.push(bar);
  }
  for (const bar of known.values()) bar.remove();
  bars.forEach((bar, i) => {
    if (track.children[i] !== bar) track.insertBefore(bar, track.children[i] ?? null);
  });
}
