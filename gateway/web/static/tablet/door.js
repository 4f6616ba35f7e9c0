// @ts-check
// Drives the door machine: by the server as long as it answers, else beside the lock. Nothing here is queued or repeated,
// and once a signature has left over one way, the other is never tried.

import { Problem, call } from "../shared/api.js";
import * as machine from "./door_machine.js";
import { signChallenge } from "./holder_key.js";
import { fetchGrants, grantFor, grantOf } from "./keyring.js";

const ASK_WHILE_SENT_MS = 1000;
const ASK_WHILE_UNKNOWN_MS = 5000;
const TICK_MS = 200;
const CHALLENGE_PAUSE_MS = 150;
const VIBRATION = { unlocked: [80], refused: [80, 80, 80], jammed: [80, 80, 80], unknown: [300, 120, 300, 120, 300] };

/**
 * @typedef {{visit_id: string, door_id: string, lock_id: string, way?: {lock_id: string}[], by_vendor?: boolean}} Stop
 * @typedef {{stop: Stop, answer: Promise<any>, grants: Promise<any[]>, near_url: string | null}} Act one tap, for all its locks
 */

/** @param {number} ms */
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

export class DoorDriver extends EventTarget {
  constructor() {
    super();
    this.door = machine.ready();
    this.asked_ms = 0;
    /** Address of the near link's carrier; null where this tablet has none. @type {string | null} */
    this.near_url = null;
    /** The locks on the way to the door in this act (a stairwell), each driven for itself. @type {DoorDriver[]} */
    this.way = [];
    /** Whether this one is such a lock. */
    this.on_way = false;
    /** The grant a spoken code has opened, while its door is shown. @type {import("./keyring.js").Grant | null} */
    this.by_code = null;
    this.ticking = setInterval(() => this.#tick(), TICK_MS);
  }

  /** Nobody looks any more. */
  end() {
    for (const lock of [this, ...this.way]) clearInterval(lock.ticking);
  }

  /** Back to the button. */
  reset() {
    this.by_code = null;
    this.#set(machine.ready());
    for (const lock of this.way) lock.reset();
  }

  /** The carer stops waiting. */
  abort() {
    for (const lock of this.way) lock.abort();
    // where a lock on the way may still open, the button would hide it
    const mayMove = this.way.some((lock) => ["unknown", "unlocked"].includes(lock.door.state));
    this.#set(mayMove && !this.door.commanded ? machine.notSent(this.door) : machine.aborted(this.door));
  }

  /** @param {"open" | "locked"} seen */
  observe(seen) {
    this.#set(machine.observed(this.door, seen));
  }

  /**
   * One tap: the door, and every lock on the way to it. After an act that came half way only those are asked again that
   * have certainly not moved.
   * @param {Stop} stop
   */
  async open(stop) {
    const ids = (stop.way ?? []).map((one) => one.lock_id);
    const again = [this, ...this.way].some(({ door }) => door.state !== "ready" && door.visit_id === stop.visit_id);
    this.by_code = null;
    if (!again) for (const lock of this.way) lock.reset();
    this.#hold(ids.length);
    const asked = ids.flatMap((id, at) => (!again || machine.mayAskAgain(this.way[at].door) ? [{ id, driver: this.way[at] }] : []));
    const own = !again || machine.mayAskAgain(this.door);
    const lock_ids = again && ids.length ? [...(own ? [stop.lock_id] : []), ...asked.map((one) => one.id)] : undefined;
    if (!own && !asked.length) return;
    // a signer that is away mints nothing new; what the tablet holds opens all the same
    const grants = fetchGrants(machine.SEND_WITHIN_MS).then((answer) => answer.grants, async () => [await grantOf(stop.visit_id)]);
    const answer = call("POST", `/api/v1/doors/${stop.door_id}/openings`, {
      body: { visit_id: stop.visit_id, lock_ids, hands_back: true }, key: crypto.randomUUID(), timeout_ms: machine.SEND_WITHIN_MS,
    });
    const act = { stop, answer, grants, near_url: this.near_url };
    await Promise.all([...(own ? [this.#drive(act, "")] : []), ...asked.map((one) => one.driver.#drive(act, one.id))]);
  }

  /**
   * A door nobody planned, with the server: its answer names the locks on the way. After an act that came half way only
   * those are asked again that have certainly not moved.
   * @param {(lock_ids?: string[]) => Promise<any>} ask
   */
  async openAsked(ask) {
    const tried = [this, ...this.way].filter(({ door }) => door.opening?.lock_id);
    const free = tried.filter(({ door }) => machine.mayAskAgain(door));
    const again = free.length < tried.length;
    if (again && !free.length) return;
    const asked = ask(again ? free.map(({ door }) => door.opening.lock_id) : undefined);
    const grants = asked.then((said) => [said.grant], () => []);
    const act = { stop: { visit_id: "", door_id: "", lock_id: "" }, answer: asked, grants, near_url: null };
    if (again) return void (await Promise.all(free.map((one) => one.#drive(act, one.door.opening.lock_id))));
    for (const lock of this.way) lock.reset();
    const own = this.#drive(act, "");
    const way = (await grants)[0]?.way ?? [];
    this.#hold(way.length);
    await Promise.all([own, ...way.map((/** @type {any} */ one, /** @type {number} */ at) => this.way[at].#drive(act, one.lock_id))]);
  }

  /** Have a driver for each lock on the way; what happens there is told here. @param {number} count */
  #hold(count) {
    while (this.way.length < count) {
      const lock = new DoorDriver();
      lock.on_way = true;
      for (const name of ["change", "carry", "second"]) {
        lock.addEventListener(name, (event) => this.dispatchEvent(new CustomEvent(name, { detail: /** @type {CustomEvent} */ (event).detail })));
      }
      this.way.push(lock);
    }
  }

  /**
   * The whole way of one opening, from the tap. The lock itself is asked when the server cannot be reached, or has not
   * brought a challenge in time; the first challenge is answered, and only that one.
   * @param {Act} act @param {string} lock_id
   */
  async #drive(act, lock_id) {
    const { stop } = act;
    this.near_url = act.near_url;
    const current = this.#tapped(stop.visit_id);
    const server = this.#byServer(act, lock_id, current);
    await Promise.race([server, pause(machine.NEAR_AFTER_MS)]);
    // a tap right after the shift has begun: what is being fetched may be the first this tablet holds
    const held = current() ? (await grantOf(stop.visit_id)) ?? ((await act.grants) && (await grantOf(stop.visit_id))) : null;
    const grant = held && (this.on_way ? grantFor(held, lock_id) : held);
    if (current()) await this.#beside(grant, current);
    await server;
    if (!current()) return;
    if (this.near_url && !grant && !stop.by_vendor) this.#set(machine.refusedByServer(this.door, { code: "no_grant", title: "", text: "" }));
    else this.#set(machine.notSent(this.door));
  }

  /**
   * A door nobody planned, by a grant that a spoken code has opened; there is no server to be asked. The same again
   * asks only what has certainly not moved.
   * @param {import("./keyring.js").Grant} grant
   */
  async openUnplanned(grant) {
    if (this.by_code !== grant) this.reset();
    this.by_code = grant;
    const ids = (grant.way ?? []).map((one) => one.lock_id);
    this.#hold(ids.length);
    const locks = [{ driver: /** @type {DoorDriver} */ (this), id: grant.lock_id }, ...ids.map((id, at) => ({ driver: this.way[at], id }))];
    await Promise.all(locks.filter(({ driver }) => machine.mayAskAgain(driver.door)).map(async ({ driver, id }) => {
      driver.near_url = this.near_url;
      const current = driver.#tapped("");
      await driver.#beside(grantFor(grant, id), current);
      if (current()) driver.#set(machine.notSent(driver.door));
    }));
  }

  /** @param {string} visit_id @returns {() => boolean} whether this tap is still waiting to send */
  #tapped(visit_id) {
    this.#set(machine.tapped(visit_id, performance.now()));
    const mine = this.door.tapped_ms;
    return () => this.door.tapped_ms === mine && this.door.state === "sent" && !this.door.commanded;
  }

  /** @param {Act} act @param {string} lock_id @param {() => boolean} current */
  async #byServer(act, lock_id, current) {
    try {
      const answer = await act.answer;
      let opening = [answer.opening, ...(answer.way ?? [])].find((one) => (this.on_way ? one.lock_id === lock_id : !one.on_way));
      if (!current()) return;
      // refused at the door itself: the way to it was not asked
      if (!opening) return this.reset();
      this.#set(machine.heard(this.door, opening));
      while (current() && !opening.nonce) {
        await pause(CHALLENGE_PAUSE_MS);
        if (!current()) return;
        ({ opening } = await call("GET", `/api/v1/openings/${opening.id}`, { timeout_ms: this.#left_ms() }));
        if (current()) this.#set(machine.heard(this.door, opening));
      }
      if (current()) await this.#prove(opening, await act.grants, current);
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      this.#failed(error, current);
    }
  }

  /**
   * Ask the lock itself.
   * @param {import("./keyring.js").Grant | null} grant @param {() => boolean} current
   */
  async #beside(grant, current) {
    if (!this.near_url || !grant || !current()) return;
    this.#set(machine.tryingNear(this.door));
    const id = `near-${crypto.randomUUID()}`;
    // fetched while there was a network (doorkeeper.js), and kept by the worker
    const { NearDoor } = await import("./near_door.js");
    const lock = new NearDoor(grant, this.near_url);
    const met = await lock.command(() => {
      if (!current() || !machine.maySend(this.door, performance.now())) return false;
      this.#set(machine.commandedNear(this.door, id));
      return true;
    });
    if (met === "no_holder_key" && current()) this.#set(machine.refusedByServer(this.door, { code: met, title: "", text: "" }));
    const here = () => this.door.opening?.id === id;
    const show = (/** @type {object} */ word) => here() && this.#set(machine.heard(this.door, { ...this.door.opening, ...word }));
    const said = met === "sent" ? await lock.hear(here, show) : null;
    this.#carryHome(lock, grant, said);
  }

  /**
   * What the lock has said goes home, whatever it was: the answer at once, its log when it is quiet.
   * @param {import("./near_door.js").NearDoor} lock @param {import("./keyring.js").Grant} grant @param {import("./near_door.js").Said | null} said
   */
  async #carryHome(lock, grant, said) {
    const { lock_id, visit_id } = grant;
    /** @param {object} told */
    const carry = (told) => this.dispatchEvent(new CustomEvent("carry", { detail: { lock_id, lock, ...told } }));
    if (said) {
      const opened = said.state === "unlocked" && !this.on_way; // the visit begins with its own door
      carry({ messages: lock.take(), visit_id: opened ? visit_id : "", opened_at: opened ? said.settled_at : null });
    }
    carry({ messages: await lock.home(), last: true });
  }

  /** The live stream says that an opening has settled. @param {string} id */
  async settled(id) {
    for (const lock of [this, ...this.way]) if (lock.door.opening?.id === id) await lock.#ask();
  }

  /**
   * @param {any} opening @param {any[]} grants @param {() => boolean} current
   */
  async #prove(opening, grants, current) {
    // another maker's lock takes no grants: the signature alone says whose tablet it is
    const grant = opening.by_vendor ? { cti: opening.cti, token: "AA" }
      : grants.find((one) => one?.visit_id === opening.visit_id && grantFor(one, opening.lock_id));
    if (!grant) return this.#set(machine.refusedByServer(this.door, { code: "no_grant", title: "", text: "" }));
    const signed = await signChallenge({ lock_id: opening.lock_id, op: opening.op, cti: grant.cti, nonce: opening.nonce });
    if (!signed) return this.#set(machine.refusedByServer(this.door, { code: "no_holder_key", title: "", text: "" }));
    if (!current()) return;
    if (!machine.maySend(this.door, performance.now())) return this.#set(machine.notSent(this.door));
    this.#set(machine.commanded(this.door));
    const answer = await call("POST", `/api/v1/openings/${opening.id}/proof`, {
      body: { token: grant.token, ...signed, nonce: opening.seal && opening.nonce, seal: opening.seal }, timeout_ms: machine.UNKNOWN_AFTER_MS,
    });
    if (this.door.opening?.id === opening.id) this.#set(machine.heard(this.door, answer.opening));
  }

  /** @param {Problem} error @param {() => boolean} current */
  #failed(error, current) {
    if (!current()) return;
    // once the signature has left, a lost answer says nothing about the door: the clock decides
    if (this.door.commanded) return;
    if (error.mayWorkLater) return; // whoever tapped may still get in beside the lock
    this.#set(machine.refusedByServer(this.door, { code: error.code, title: "", text: error.words }));
  }

  #left_ms() {
    return Math.max(1, machine.SEND_WITHIN_MS - (performance.now() - this.door.tapped_ms));
  }

  #tick() {
    const now_ms = performance.now();
    this.#set(machine.ticked(this.door, now_ms));
    const { state, commanded, opening, near } = this.door;
    if (state === "sent" || state === "unknown") this.dispatchEvent(new Event("second"));
    if (!opening?.id || !commanded || near) return;
    const pause_ms = state === "sent" ? ASK_WHILE_SENT_MS : state === "unknown" ? ASK_WHILE_UNKNOWN_MS : Infinity;
    if (now_ms - this.asked_ms >= pause_ms) this.#ask();
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
