// @ts-check
// Who is signed in on this tablet, what she last saw, and what must be forgotten when she leaves.

import { Problem, call } from "../shared/api.js";
import { WorldClock } from "../shared/world.js";
import { withWaiting } from "./day.js";
import { heldThumbprint } from "./holder_key.js";
import { forget, forgetAll, keep, keepForPerson, load } from "./store.js";

/** @typedef {{identity: string, name: string}} Person */

export class Session {
  constructor() {
    this.world = new WorldClock();
    /** @type {Person | null} */
    this.person = null;
    /** @type {any} */
    this.day = null;
    /** World time of the day shown, while it is an old one. @type {number | null} */
    this.stale_ms = null;
    /** World time since which no answer has come. @type {number | null} */
    this.offline_since_ms = null;
    /** Tasks ticked as a reminder; they stay on this tablet. @type {Record<string, boolean>} */
    this.ticks = {};
    /** @type {"here" | "elsewhere" | "none"} */
    this.key_place = "none";
    this.asked = 0;
    /** Why somebody else ended the session, in the server's words. @type {string | null} */
    this.ended = null;
  }

  /** What the last page left behind. */
  async open() {
    this.person = (await load("person")) ?? null;
    this.ticks = (await load("ticks")) ?? {};
    const kept = await load("day");
    if (!this.person || !kept) return;
    this.world.hear({ at: new Date(Date.parse(kept.day.world.at) + (Date.now() - kept.kept_ms) * kept.day.world.speed).toISOString(), speed: kept.day.world.speed });
    this.day = kept.day;
    this.stale_ms = Date.parse(kept.day.world.at);
    await this.findKey();
  }

  /** Somebody has signed in. @param {{identity: string, pin: string, session: any}} signedIn */
  async begin({ identity, pin, session }) {
    const before = await load("person");
    if (before && before.identity !== identity) {
      await forgetAll();
      this.day = null;
      this.ticks = {};
    }
    this.ended = null;
    this.person = { identity, name: session.name };
    await keep("person", this.person);
    await (await import("./vault.js")).openVault(pin);
  }

  /** She leaves; nothing about citizens or doors stays. The queue is empty by now. */
  async end() {
    this.asked += 1; // a day that is still on its way is no longer asked for
    await call("DELETE", "/api/v1/session").catch((/** @type {unknown} */ error) => {
      if (!(error instanceof Problem)) throw error;
    });
    await forgetAll();
    this.person = null;
    this.day = null;
    this.ticks = {};
    this.key_place = "none";
  }

  /** The server no longer knows the session. */
  async signedOut() {
    if (this.ended) {
      // blocked from afar: whoever holds the tablet now finds nobody's home and no key on it
      await forgetAll();
      this.day = null;
      this.ticks = {};
      this.key_place = "none";
    } else await forget("person");
    await (await import("./vault.js")).closeVault();
    this.person = null;
  }

  /**
   * Read the day; an older answer never replaces a newer one.
   * @returns {Promise<"fresh" | "offline" | "signed_out" | "refused">}
   */
  async refresh() {
    const mine = ++this.asked;
    try {
      const day = await call("GET", "/api/v1/me/day", { headers: { "X-Tablet": "1" }, timeout_ms: 8000 });
      if (mine === this.asked) await this.take(day);
      return "fresh";
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      if (error.status === 401 && error.code !== "not_signed_in") this.ended = error.words;
      if (error.status === 401 || error.status === 403) return "signed_out";
      if (error.mayWorkLater) this.unreachable();
      return error.mayWorkLater ? "offline" : "refused";
    }
  }

  /** Take a day the server has given. @param {any} day */
  async take(day) {
    this.asked += 1;
    this.world.hear(day.world);
    this.reached();
    this.day = day;
    this.stale_ms = null;
    await keepForPerson("day", { day, kept_ms: Date.now() });
    await this.findKey();
  }

  /** The server has taken a fact; until the day is read again it stands as told. @param {import("./outbox.js").Fact} fact */
  told(fact) {
    this.day = withWaiting(this.day, [fact], false);
  }

  /** @param {string} key @param {boolean} done */
  async tick(key, done) {
    this.ticks = { ...this.ticks, [key]: done };
    await keepForPerson("ticks", this.ticks);
  }

  reached() {
    this.offline_since_ms = null;
  }

  unreachable() {
    this.offline_since_ms ??= this.world.now_ms();
  }

  /** Whether the shift's key is on this tablet. */
  async findKey() {
    const shift = this.day?.shift;
    if (shift?.state !== "begun") {
      this.key_place = "none";
      return;
    }
    const held = await heldThumbprint();
    this.key_place = held !== null && held === shift.holder_thumbprint ? "here" : "elsewhere";
  }
}
