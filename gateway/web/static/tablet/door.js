// @ts-check
// Drives the door machine over the network: opening, challenge, signature, answer. Nothing here is queued or repeated.

import { Problem, call } from "../shared/api.js";
import * as machine from "./door_machine.js";
import { signChallenge } from "./holder_key.js";

const ASK_WHILE_SENT_MS = 1000;
const ASK_WHILE_UNKNOWN_MS = 5000;
const TICK_MS = 200;
const CHALLENGE_PAUSE_MS = 150;
const VIBRATION = { unlocked: [80], refused: [80, 80, 80], jammed: [80, 80, 80], unknown: [300, 120, 300, 120, 300] };

export class DoorDriver extends EventTarget {
  constructor() {
    super();
    this.door = machine.ready();
    this.asked_ms = 0;
    setInterval(() => this.#tick(), TICK_MS);
  }

  /** Back to the button. */
  reset() {
    this.#set(machine.ready());
  }

  /** The carer stops waiting. */
  abort() {
    this.#set(machine.aborted(this.door));
  }

  /** @param {"open" | "locked"} seen */
  observe(seen) {
    this.#set(machine.observed(this.door, seen));
  }

  /**
   * The whole way of one opening, from the tap.
   * @param {{visit_id: string, door_id: string}} stop
   */
  async open(stop) {
    this.#set(machine.tapped(stop.visit_id, performance.now()));
    const mine = this.door.tapped_ms;
    const current = () => this.door.tapped_ms === mine && this.door.state === "sent";
    try {
      const grants = call("GET", "/api/v1/me/grants", { timeout_ms: this.#left_ms() });
      grants.catch(() => {}); // its failure is met where it is awaited
      let { opening } = await call("POST", `/api/v1/doors/${stop.door_id}/openings`, {
        body: { visit_id: stop.visit_id }, key: crypto.randomUUID(), timeout_ms: this.#left_ms(),
      });
      if (!current()) return;
      this.#set(machine.heard(this.door, opening));
      while (current() && !opening.nonce) {
        await new Promise((resolve) => setTimeout(resolve, CHALLENGE_PAUSE_MS));
        if (!current()) return;
        ({ opening } = await call("GET", `/api/v1/openings/${opening.id}`, { timeout_ms: this.#left_ms() }));
        if (current()) this.#set(machine.heard(this.door, opening));
      }
      if (current()) await this.#prove(opening, (await grants).grants, current);
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      this.#failed(error, current);
    }
  }

  /** The live stream says that an opening has settled. @param {string} id */
  async settled(id) {
    if (this.door.opening?.id === id) await this.#ask();
  }

  /**
   * @param {any} opening @param {any[]} grants @param {() => boolean} current
   */
  async #prove(opening, grants, current) {
    const grant = grants.find((one) => one.visit_id === opening.visit_id && one.lock_id === opening.lock_id);
    if (!grant) return this.#set(machine.refusedByServer(this.door, { code: "no_grant", title: "", text: "" }));
    const signed = await signChallenge({ lock_id: opening.lock_id, op: opening.op, cti: grant.cti, nonce: opening.nonce });
    if (!signed) return this.#set(machine.refusedByServer(this.door, { code: "no_holder_key", title: "", text: "" }));
    if (!current()) return;
    if (!machine.maySend(this.door, performance.now())) return this.#set(machine.notSent(this.door));
    this.#set(machine.commanded(this.door));
    const answer = await call("POST", `/api/v1/openings/${opening.id}/proof`, {
      body: { token: grant.token, ...signed }, timeout_ms: machine.UNKNOWN_AFTER_MS,
    });
    if (this.door.opening?.id === opening.id) this.#set(machine.heard(this.door, answer.opening));
  }

  /** @param {Problem} error @param {() => boolean} current */
  #failed(error, current) {
    if (!current()) return;
    // once the signature has left, a lost answer says nothing about the door: the clock decides
    if (this.door.commanded) return;
    if (error.mayWorkLater) this.#set(machine.notSent(this.door));
    else this.#set(machine.refusedByServer(this.door, { code: error.code, title: "", text: error.words }));
  }

  #left_ms() {
    return Math.max(1, machine.SEND_WITHIN_MS - (performance.now() - this.door.tapped_ms));
  }

  #tick() {
    const now_ms = performance.now();
    this.#set(machine.ticked(this.door, now_ms));
    const { state, commanded, opening } = this.door;
    if (!opening?.id || !commanded) return;
    const pause_ms = state === "sent" ? ASK_WHILE_SENT_MS : state === "unknown" ? ASK_WHILE_UNKNOWN_MS : Infinity;
    if (now_ms - this.asked_ms >= pause_ms) this.#ask();
    if (state === "sent" || state === "unknown") this.dispatchEvent(new Event("second"));
  }

  async #ask() {
    this.asked_ms = performance.now();
    const id = this.door.opening.id;
    try {
      const { opening } = await call("GET", `/api/v1/openings/${id}`, { timeout_ms: ASK_WHILE_UNKNOWN_MS });
      if (this.door.opening?.id === id) this.#set(machine.heard(this.door, opening));
    } catch (error) {
      if (!(error instanceof Problem)) throw error; // no answer is no news: we ask again
    }
  }

  /** @param {machine.Door} door */
  #set(door) {
    if (door === this.door) return;
    const before = this.door;
    this.door = door;
    if (door.state !== before.state) {
      const pattern = /** @type {Record<string, number[]>} */ (VIBRATION)[door.state];
      if (pattern) navigator.vibrate?.(pattern);
    }
    this.dispatchEvent(new CustomEvent("change", { detail: { before: before.state, after: door.state } }));
  }
}
