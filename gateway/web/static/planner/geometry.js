// @ts-check
/** Plane geometry of the town map: degrees to metres, the outline of a district, what lies under the pointer. */

const METRES_PER_DEGREE = 111_320;
const SCALES_M = [50, 100, 200, 500, 1000, 2000, 5000, 10_000, 20_000];

/** @typedef {{x: number, y: number}} Point metres east and south of an origin */

/**
 * A function from north and east to metres; equirectangular around the middle, a plane as it is.
 * @param {number[]} ys
 * @param {boolean} degrees
 * @returns {(y: number, x: number) => Point}
 */
export function projection(ys, degrees) {
  if (!degrees) return (y, x) => ({ x, y: -y });
  const middle = ys.length ? ys.reduce((sum, y) => sum + y, 0) / ys.length : 0;
  const east = Math.cos((middle * Math.PI) / 180) * METRES_PER_DEGREE;
  return (y, x) => ({ x: x * east, y: -y * METRES_PER_DEGREE });
}

/** The convex outline of some points, in order (Andrew's monotone chain). @param {Point[]} points @returns {Point[]} */
export function outline(points) {
  const sorted = [...points].sort((a, b) => a.x - b.x || a.y - b.y);
  if (sorted.length < 3) return sorted;
  /** @param {Point[]} run */
  const half = (run) => {
    /** @type {Point[]} */
    const kept = [];
    for (const p of run) {
      while (kept.length > 1 && turn(kept[kept.length - 2], kept[kept.length - 1], p) <= 0) kept.pop();
      kept.push(p);
    }
    kept.pop();
    return kept;
  };
  return [...half(sorted), ...half(sorted.reverse())];
}

/** @param {Point} a @param {Point} b @param {Point} c */
function turn(a, b, c) {
  return (b.x - a.x) * (c.y - a.y) - (b.y - a.y) * (c.x - a.x);
}

/** The box around some points. @param {Point[]} points */
export function bounds(points) {
  let [left, top, right, bottom] = [Infinity, Infinity, -Infinity, -Infinity];
  for (const { x, y } of points) {
    left = Math.min(left, x);
    right = Math.max(right, x);
    top = Math.min(top, y);
    bottom = Math.max(bottom, y);
  }
  return { left, top, right, bottom };
}

/**
 * The item nearest to a point, or null where none is within reach.
 * @template {Point} T
 * @param {T[]} items
 * @param {Point} at
 * @param {number} reach
 * @returns {T | null}
 */
export function nearest(items, at, reach) {
  let best = null;
  let least = reach * reach;
  for (const item of items) {
    const away = (item.x - at.x) ** 2 + (item.y - at.y) ** 2;
    if (away <= least) [best, least] = [item, away];
  }
  return best;
}

/** A round length that fits, and its words. @param {number} px_per_m @param {number} room_px */
export function scaleLength(px_per_m, room_px) {
  const length_m = [...SCALES_M].reverse().find((m) => m * px_per_m <= room_px) ?? SCALES_M[0];
  const words = length_m >= 1000 ? `${length_m / 1000}\u00a0km` : `${length_m}\u00a0m`;
  return { px: length_m * px_per_m, words };
}
