// @ts-check
// Notices that nobody has touched the tablet for five minutes, also across a reload and a night in a pocket.

import { keep, load } from "./store.js";

export const IDLE_MS = 5 * 60 * 1000;
const KEPT = "touched-at";
const WRITE_EVERY_MS = 5000;
const CHECK_EVERY_MS = 1000;

export class Idle {
  /** @param {() => void} onIdle called once a second for as long as nobody has touched the tablet */
  constructor(onIdle) {
    this.touched_ms = Date.now();
    this.written_ms = 0;
    for (const name of ["pointerdown", "keydown"]) {
      addEventListener(name, () => this.touch(), { capture: true, passive: true });
    }
    setInterval(() => {
      if (this.since_ms() >= IDLE_MS) onIdle();
    }, CHECK_EVERY_MS);
  }

  /** Somebody is here. */
  touch() {
    if (this.since_ms() >= IDLE_MS) return; // the lock decides, not the finger that woke the screen
    this.restart();
  }

  /** A person has shown who she is. */
  restart() {
    this.touched_ms = Date.now();
    if (Math.abs(this.touched_ms - this.written_ms) < WRITE_EVERY_MS) return;
    this.written_ms = this.touched_ms;
    keep(KEPT, this.touched_ms);
  }

  /** Whether the tablet had been left alone when this page was opened. @returns {Promise<boolean>} */
  async leftAlone() {
    const kept = await load(KEPT);
    return kept === undefined || Math.abs(Date.now() - kept) >= IDLE_MS;
  }

  /** Milliseconds since the last touch; a clock set backwards counts as long ago. */
  since_ms() {
    return Math.abs(Date.now() - this.touched_ms);
  }
}
