// @ts-check
// Keeps the tablet able to open its doors without a network, and no others: grants and lists are fetched while there is
// one, envelopes opened as visits end, what locks have said is carried home, and everything goes when the shift is over.

import { t } from "../shared/messages.js";
import { heldGrants, moveOn, refreshGrants } from "./keyring.js";
import { destroyKeys } from "./shift.js";
import { closeVault } from "./vault.js";

const ANEW_AFTER_MS = 30 * 60 * 1000;
/** The signer mints nothing for a shift that is so long past its planned end, so its key is of no more use. */
const OVERDUE_MS = 6 * 3600 * 1000;

export class Doorkeeper {
  /** @param {any} tablet the application */
  constructor(tablet) {
    this.tablet = tablet;
    /** What was fetched: shift, route version and key it was for. */
    this.fetched = "";
    this.fetched_ms = 0;
    /** Which visits have ended by the last look. */
    this.ended = "";
    /** World time until which some door of the shift can be opened without a network; 0 for none. */
    this.until_ms = 0;
    /** The shift whose keys went by themselves, long after its end. */
    this.over = "";
    /** Whether this designated tablet has doors that a spoken code opens. */
    this.by_code = false;
    /** @type {Map<string, import("./near_door.js").NearDoor>} locks we stand beside, by id */
    this.beside = new Map();
    tablet.door.addEventListener("carry", (/** @type {any} */ event) => this.#carry(event.detail));
    tablet.outbox.addEventListener("answered", (/** @type {any} */ event) => this.#answered(event.detail));
    tablet.outbox.addEventListener("change", () => this.look());
  }

  /** The day has been read from the server. */
  async online() {
    const { day, key_place } = this.tablet.session;
    const shift = day?.shift;
    this.tablet.door.near_url = day?.near?.url ?? null;
    if (shift?.state !== "begun" || key_place !== "here" || this.tablet.locked) return this.look();
    const wanted = [shift.id, shift.holder_thumbprint, day.route?.version].join();
    const stale = Math.abs(performance.now() - this.fetched_ms) > ANEW_AFTER_MS;
    if ((wanted !== this.fetched || stale) && (await refreshGrants())) {
      this.fetched = wanted;
      this.fetched_ms = performance.now();
      this.ended = "";
    }
    await this.look();
    if (!this.tablet.door.near_url) return;
    const [{ stockUp }, { prepare }] = await Promise.all([import("./supplies.js"), import("./prepared.js"), import("./near_door.js")]);
    await stockUp(this.#comingLocks());
    await prepare(Boolean(day.offline_tablet), this.tablet.session.world.now_ms(), shift.id);
    await this.look();
  }

  /** Move on with the visits that have ended, as this tablet knows it. */
  async look() {
    const { day, session } = this.tablet;
    if (!day) return;
    this.tablet.door.near_url ??= day.near?.url ?? null;
    const overdue = day.shift && Date.parse(day.shift.planned_end_at) + OVERDUE_MS < session.world.now_ms();
    if (overdue && this.over !== day.shift.id) {
      this.over = day.shift.id;
      await destroyKeys();
    }
    const ended = (day.route?.stops ?? []).filter((/** @type {any} */ stop) => stop.state === "ended").map((/** @type {any} */ stop) => stop.visit_id);
    const quarter = Math.floor(session.world.now_ms() / (15 * 60 * 1000));
    const seen = `${day.route?.version} ${quarter} ${ended.join()}`;
    if (seen !== this.ended) {
      this.ended = seen;
      await moveOn(new Set(ended), session.world.now_ms());
    }
    const { until_ms } = await heldGrants();
    const by_code = Boolean(day.offline_tablet && (await (await import("./prepared.js")).preparedNow(session.world.now_ms())));
    if (until_ms === this.until_ms && by_code === this.by_code) return;
    this.by_code = by_code;
    this.until_ms = until_ms;
    this.tablet.render();
  }

  /** Nobody is using the tablet: nothing in the vault can be read until the PIN is typed. */
  async lock() {
    this.ended = this.fetched = "";
    await closeVault();
    this.until_ms = 0;
  }

  /** The carer hands the tablet over before the shift could be ended: from now on it opens nothing. */
  async destroy() {
    await destroyKeys();
    await this.tablet.session.findKey();
    this.until_ms = 0;
    this.tablet.notice = t("tablet.keys_destroyed");
  }

  /** The locks of the present and the coming visits. */
  #comingLocks() {
    const stops = (this.tablet.day?.route?.stops ?? []).filter((/** @type {any} */ stop) => stop.door && stop.state !== "ended");
    return [...new Set(stops.slice(0, 4).flatMap((/** @type {any} */ { door }) => [door.lock_id, ...(door.way ?? []).map((/** @type {any} */ one) => one.lock_id)]))];
  }

  /** @param {{lock_id: string, messages: any[], visit_id?: string, opened_at?: string | null, last?: boolean, lock: import("./near_door.js").NearDoor}} said */
  async #carry({ lock_id, messages, visit_id, opened_at, last, lock }) {
    const { outbox, session } = this.tablet;
    this.beside.set(lock_id, lock);
    if (messages.length) {
      await outbox.add({ kind: "ferry", path: "/api/v1/me/ferry", body: { lock_id, messages }, label: t("tablet.fact.ferry") });
    }
    const stop = visit_id && this.tablet.day?.route?.stops.find((/** @type {any} */ one) => one.visit_id === visit_id);
    if (stop) {
      // told after the lock's own word, which comes first where it is believed
      const at = opened_at ?? new Date(session.world.now_ms()).toISOString();
      await outbox.add({
        kind: "visit_begin", path: `/api/v1/me/visits/${visit_id}/begin`, body: {}, visit_id, at,
        label: t("tablet.fact.visit_begin", { name: stop.citizen_name }),
      });
    }
    if (!last) return;
    this.beside.delete(lock_id);
    lock.close();
  }

  /** @param {{lock_id: string, down: import("./supplies.js").Carried[]}} answer */
  async #answered({ lock_id, down }) {
    this.beside.get(lock_id)?.give(down);
    await (await import("./supplies.js")).addSupplies(lock_id, down);
  }
}
