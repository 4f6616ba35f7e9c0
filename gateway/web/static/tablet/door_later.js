// @ts-check
// The part that opens doors comes right after the page is up. Until then these stand in for it.

import { ready } from "./door_machine.js";

const TRY_AGAIN_MS = 2000;

/** No door can be asked yet. */
export class NoDoorYet extends EventTarget {
  door = ready();
  /** @type {string | null} */
  near_url = null;
  /** @type {any[]} */
  way = [];
  by_code = null;
  reset() {}
  abort() {}
  observe() {}
  async open() {}
  async openUnplanned() {}
  async settled() {}
}

/** Nothing is kept yet; what an earlier page kept can be locked away. */
export class NoKeeperYet {
  until_ms = 0;
  by_code = false;
  online() {}
  look() {}
  async lock() { await (await import("./vault.js")).closeVault(); }
  async destroy() {}
}

/** Fetch the part and put it in its place. Tried until it is here. @param {any} tablet the application @returns {Promise<void>} */
export async function arm(tablet) {
  try {
    const [{ DoorDriver }, { Doorkeeper }] = await Promise.all([import("./door.js"), import("./doorkeeper.js")]);
    tablet.door = new DoorDriver();
    tablet.keeper = new Doorkeeper(tablet);
    tablet.door.addEventListener("change", () => tablet.doorChanged());
    tablet.door.addEventListener("second", () => tablet.screen.seconds());
  } catch (error) {
    if (!(error instanceof TypeError)) throw error; // no network, and the worker had not kept it
    await new Promise((resolve) => setTimeout(resolve, TRY_AGAIN_MS));
    return arm(tablet);
  }
  if (!tablet.session.person) return;
  if (tablet.session.offline_since_ms === null && tablet.session.stale_ms === null) await tablet.keeper.online();
  else await tablet.keeper.look();
}
