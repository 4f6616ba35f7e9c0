// @ts-check
// Facts that wait for a network: what has happened is told in order, once, whenever it can be. Commands never come here.

import { Problem, call } from "../shared/api.js";
import * as store from "./store.js";

/** One that waited already lets others go first: nobody stands in front of it. */
export const WAITED = { "X-Waited": "1" };

/**
 * @typedef {object} Fact
 * @property {number} [order] place in the queue, given by the store
 * @property {string} key client-made UUID, the Idempotency-Key
 * @property {"visit_begin" | "visit_end" | "screen_outcome" | "acknowledgement" | "observation" | "transfer_answer" | "transfer_presence" | "ferry"} kind
 * @property {string} path
 * @property {any} body
 * @property {string} [at] world time of the fact, for facts that have one
 * @property {boolean} [tried] whether it has been on its way before
 * @property {string} identity whose fact it is
 * @property {string} [visit_id]
 * @property {string} [label] what a person calls it, for the list of refused facts
 * @property {string} [refused] the server's sentence, when it has said no
 */

export class Outbox extends EventTarget {
  /** @param {() => number} worldNow_ms */
  constructor(worldNow_ms) {
    super();
    this.worldNow_ms = worldNow_ms;
    /** @type {Fact[]} */
    this.facts = [];
    this.sending = false;
    this.identity = "";
  }

  /** Read what an earlier page left behind. */
  async open() {
    this.facts = await store.readOutbox();
    this.#changed();
  }

  /** Facts not sent yet and not refused. */
  get waiting() {
    return this.facts.filter((fact) => !fact.refused);
  }

  /** Facts the server has said no to; they stay until a person has handled them. */
  get refused() {
    return this.facts.filter((fact) => fact.refused);
  }

  /** Store a fact and try to send it. @param {Omit<Fact, "key" | "identity" | "order" | "tried">} fact */
  async add(fact) {
    // behind others in the queue it will be late as well
    const tried = this.waiting.length > 0;
    /** @type {Fact} */
    const stored = { ...fact, key: crypto.randomUUID(), identity: this.identity, tried };
    stored.order = await store.addToOutbox(stored);
    this.facts.push(stored);
    this.#changed();
    await this.flush();
  }

  /** A person has seen the refusal. @param {Fact} fact */
  async dismiss(fact) {
    await this.#remove(fact);
    this.#changed();
  }

  /**
   * Send everything in order; stop at the first that finds no network.
   * @returns {Promise<void>} also when nothing could be sent
   */
  async flush() {
    if (this.sending || !this.waiting.length) return;
    this.sending = true;
    this.#changed();
    try {
      // the queue may grow while it is being sent, and another page of this tablet may have sent a part of it
      for (let fact = this.#next(); fact; fact = this.#next()) {
        const waited = fact.tried && (await import("./told_together.js").catch(() => null));
        if (!(await (waited ? waited.send(this, fact) : this.send(fact)))) break;
        this.#changed();
      }
    } finally {
      this.sending = false;
      this.#changed();
    }
  }

  #next() {
    return this.waiting.find((fact) => fact.identity === this.identity);
  }

  /** @param {Fact} fact @returns {Promise<boolean>} whether to go on with the next */
  async send(fact) {
    try {
      const headers = fact.tried ? WAITED : undefined;
      await this.done(fact, await call("POST", fact.path, { body: await this.bodyOf(fact), key: fact.key, headers }));
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      if (this.mayCome(error)) return false;
      await this.refuse(fact, error);
    }
    return true;
  }

  /** Whether the same may be told another time: network, server or sign-in are missing. @param {Problem} error */
  mayCome(error) {
    if (error.status === 0) this.dispatchEvent(new Event("unreachable"));
    if (error.status === 401) this.dispatchEvent(new Event("signed-out"));
    return error.mayWorkLater || error.status === 401;
  }

  /** @param {Fact} fact @param {Problem} error */
  async refuse(fact, error) {
    // the lock's own word came first; what the carer saw is no longer needed
    if (error.code === "lock_has_answered") return this.#remove(fact);
    fact.refused = error.words;
    await store.putInOutbox(fact);
    this.dispatchEvent(new Event("refused"));
  }

  /**
   * A fact told at once happens when the server hears it; one that had to wait says when it happened, and never a
   * time that the world has not reached.
   * @param {Fact} fact
   */
  async bodyOf(fact) {
    if (!fact.at) return fact.body;
    if (fact.tried) return { ...fact.body, at: new Date(Math.min(Date.parse(fact.at), this.worldNow_ms())).toISOString() };
    fact.tried = true;
    await store.putInOutbox(fact);
    return fact.body;
  }

  /** @param {Fact} fact @param {any} answer */
  async done(fact, answer) {
    this.dispatchEvent(new CustomEvent("told", { detail: fact }));
    if (answer?.down) this.dispatchEvent(new CustomEvent("answered", { detail: { lock_id: fact.body.lock_id, down: answer.down } }));
    await this.#remove(fact);
  }

  /** @param {Fact} fact */
  async #remove(fact) {
    if (fact.order !== undefined) await store.removeFromOutbox(fact.order);
    this.facts = this.facts.filter((other) => other !== fact);
  }

  #changed() {
    this.dispatchEvent(new Event("change"));
  }
}
