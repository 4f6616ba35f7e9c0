// @ts-check
// The tap on "Ring op". All that a screen visit needs is fetched by it: there is a network, or there is no visit.

import { Problem } from "../shared/api.js";
import { t } from "../shared/messages.js";

/** Begin or take up the screen visit of a stop. @param {any} tablet @param {any} stop */
export async function callUp(tablet, stop) {
  if (!stop || tablet.visiting || tablet.busy) return;
  tablet.busy = true;
  try {
    const { screenVisit } = await import("./screen_visit.js");
    tablet.visiting = await screenVisit(tablet, stop);
  } catch (error) {
    if (!(error instanceof Problem || error instanceof TypeError)) throw error;
    tablet.notice = t("tablet.call_needs_network");
  } finally {
    tablet.busy = false;
  }
  await tablet.visiting?.begin();
}
