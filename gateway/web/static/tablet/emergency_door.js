// @ts-check
// One emergency opening: the reason, the grant, the lock's challenge, our signature, the lock's answer. Online only:
// without a network a carer calls, and a designated tablet has its codes.

import { Problem, call } from "../shared/api.js";
import { t } from "../shared/messages.js";
import * as machine from "./door_machine.js";
import { signChallenge } from "./holder_key.js";

const ASK_EVERY_MS = 1000;

export class EmergencyDoor extends EventTarget {
  constructor() {
    super();
    this.door = machine.ready();
    this.asked_ms = 0;
  }

  /** Back to the choice; nothing that is under way is shown any more. */
  leave() {
    this.#set(machine.ready());
  }

  /** @param {string} citizen_id @param {string} reason */
  async open(citizen_id, reason) {
    this.#set(machine.tapped("", performance.now()));
    const mine = this.door.tapped_ms;
    const current = () => this.door.tapped_ms === mine && this.door.state === "sent" && !this.door.commanded;
    try {
      let { opening, grant } = await call("POST", "/api/v1/me/emergencies", {
        body: { citizen_id, reason }, timeout_ms: machine.SEND_WITHIN_MS });
      if (!current()) return;
      this.#set(machine.heard(this.door, opening));
      while (current() && !opening.nonce) {
        await new Promise((resolve) => setTimeout(resolve, ASK_EVERY_MS / 5));
        ({ opening } = await call("GET", `/api/v1/openings/${opening.id}`, { timeout_ms: machine.SEND_WITHIN_MS }));
        if (current()) this.#set(machine.heard(this.door, opening));
      }
      if (current()) await this.#prove(opening, grant, current);
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      this.#failed(error, current);
    }
  }

  /** Time has passed; the lock's answer is asked for while it is waited for. */
  tick() {
    const now_ms = performance.now();
    this.#set(machine.ticked(this.door, now_ms));
    const { state, commanded, opening } = this.door;
    if (!opening?.id || !commanded || !["sent", "unknown"].includes(state)) return;
    if (now_ms - this.asked_ms >= ASK_EVERY_MS) void this.#ask(now_ms);
    this.dispatchEvent(new Event("change"));
  }

  /** @param {any} opening @param {any} grant @param {() => boolean} current */
  async #prove(opening, grant, current) {
    const signed = await signChallenge({ lock_id: opening.lock_id, op: opening.op, cti: grant.cti, nonce: opening.nonce });
    if (!signed) return this.#set(machine.refusedByServer(this.door, { code: "no_holder_key", title: "", text: "" }));
    if (!current()) return;
    if (!machine.maySend(this.door, performance.now())) return this.#set(machine.notSent(this.door));
    this.#set(machine.commanded(this.door));
    const answer = await call("POST", `/api/v1/openings/${opening.id}/proof`, {
      body: { token: grant.token, ...signed }, timeout_ms: machine.UNKNOWN_AFTER_MS });
    this.#hear(answer.opening);
  }

  /** @param {number} now_ms */
  async #ask(now_ms) {
    this.asked_ms = now_ms;
    try {
      const { opening } = await call("GET", `/api/v1/openings/${this.door.opening.id}`, { timeout_ms: machine.SEND_WITHIN_MS });
      this.#hear(opening);
    } catch (error) {
      if (!(error instanceof Problem)) throw error; // no answer is no news: we ask again
    }
  }

  /** @param {any} opening */
  #hear(opening) {
    if (this.door.opening?.id === opening.id) this.#set(machine.heard(this.door, opening));
  }

  /** @param {Problem} error @param {() => boolean} current */
  #failed(error, current) {
    if (!current()) return;
    if (error.mayWorkLater) return this.#set(machine.notSent(this.door));
    this.#set(machine.refusedByServer(this.door, { code: error.code, title: t("emergency.refused"), text: error.words }));
  }

  /** @param {machine.Door} door */
  #set(door) {
    if (door === this.door) return;
    this.door = door;
    this.dispatchEvent(new Event("change"));
  }
}
