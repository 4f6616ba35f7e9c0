// @ts-check
// Notices within two seconds that nothing comes through any more. Browsers themselves say so after five, or never.

export const STALLED_AFTER_MS = 1500;
const POLL_MS = 250;
/** A new path is asked for again while nothing comes, but not faster than it can be found. */
const AGAIN_AFTER_MS = 3000;

export class Watch {
  /**
   * @param {import("./peer.js").PeerLink} link
   * @param {{stalled: () => void, flowing: () => void}} told `stalled` is repeated while it lasts
   */
  constructor(link, told) {
    this.link = link;
    this.told = told;
    this.bytes = 0;
    this.grown_ms = performance.now();
    this.asked_ms = -Infinity;
    this.stalled = false;
    this.asking = false;
    this.timer = window.setInterval(() => this.#look(), POLL_MS);
    this.onConnection = () => { if (link.state === "disconnected" || link.state === "failed") this.#act(); };
    link.addEventListener("connection", this.onConnection);
  }

  stop() {
    clearInterval(this.timer);
    this.link.removeEventListener("connection", this.onConnection);
  }

  async #look() {
    // a side that never beat on the data channel may be silent on purpose
    if (this.asking || !this.link.heartbeats || this.link.state === "closed") return;
    this.asking = true;
    const bytes = await receivedBytes(this.link.pc);
    this.asking = false;
    const now_ms = performance.now();
    if (bytes > this.bytes) {
      this.grown_ms = now_ms;
      if (this.stalled) this.told.flowing();
      this.stalled = false;
    } else if (now_ms - this.grown_ms > STALLED_AFTER_MS) this.#act();
    this.bytes = bytes;
  }

  #act() {
    const now_ms = performance.now();
    if (now_ms - this.asked_ms < AGAIN_AFTER_MS) return;
    this.asked_ms = now_ms;
    this.stalled = true;
    this.told.stalled();
  }
}

/** @param {RTCPeerConnection} pc */
async function receivedBytes(pc) {
  let bytes = 0;
  for (const report of (await pc.getStats()).values()) if (report.type === "transport") bytes += report.bytesReceived ?? 0;
  return bytes;
}
