// @ts-check
// World time between messages: the last word of the server, moved on by the page's own monotonic clock.

/** @typedef {{at: string, speed: number}} World */

export class WorldClock {
  constructor() {
    this.at_ms = Date.now();
    this.heard_ms = performance.now();
    this.speed = 1;
    /** Whether the server has ever said what time it is. */
    this.heard = false;
  }

  /** Take the server's word. @param {World} world */
  hear(world) {
    this.at_ms = Date.parse(world.at);
    this.heard_ms = performance.now();
    this.speed = world.speed;
    this.heard = true;
  }

  /** Present world time in milliseconds since 1970. @returns {number} */
  now_ms() {
    return this.at_ms + (performance.now() - this.heard_ms) * this.speed;
  }

  /** Present world time as ISO 8601 UTC. */
  now_iso() {
    return new Date(this.now_ms()).toISOString();
  }
}
