// @ts-check
/** What stands below a carer's name: shift, what her tablet has seen, how she travels. */

import { clock, t } from "./text.js";

/** "07:00–15:00 · cykel · ikke kvitteret". @param {import("./types.js").Lane} lane */
export function laneWords(lane) {
  const parts = [];
  if (lane.shift) {
    parts.push(t("planner.lane.shift", shiftClocks(lane.shift)));
    if (lane.shift.state !== "begun") parts.push(t(`planner.shift.${lane.shift.state}`));
  } else parts.push(t("planner.lane.noshift"));
  // Before the shift has begun nobody has opened the tablet; that is no news.
  const open = lane.shift?.state === "begun";
  if (open && lane.version && (lane.delivered_version ?? 0) < lane.version) parts.push(t("planner.lane.undelivered"));
  else if (open && lane.version && lane.version > 1 && (lane.acknowledged_version ?? 0) < lane.version) {
    parts.push(t("planner.lane.unacknowledged"));
  }
  if (lane.transport) parts.push(t(`planner.transport.${lane.transport}`));
  return parts.join(" · ");
}

/** @param {import("./types.js").Shift} shift */
function shiftClocks(shift) {
  return { from: clockOf(shift.planned_start_at), to: clockOf(shift.planned_end_at) };
}

/** Whole hours without minutes: 07–15. @param {string} at */
function clockOf(at) {
  const text = clock(at);
  return text.endsWith(":00") ? text.slice(0, 2) : text;
}
