// @ts-check
// What the server tells by itself: the carer's own events, and the world clock.

import { surface } from "../shared/api.js";

const RETRY_MS = 3000;
const CHANGES = ["route.published", "visit.moved", "visit.begun", "visit.ended", "shift.started", "shift.ended", "door.right", "transfer.asked"];

export class Live {
  /**
   * @param {object} told
   * @param {(world: {at: string, speed: number}) => void} told.world
   * @param {() => void} told.changed the day may look different now
   * @param {(id: string) => void} told.opening an opening has settled
   * @param {() => void} told.open the line is open
   * @param {() => void} told.lost the line is lost
   */
  constructor(told) {
    this.told = told;
    /** @type {EventSource | null} */
    this.source = null;
    this.timer = 0;
  }

  /** Listen, until told to stop. */
  start() {
    this.stop();
    const source = new EventSource(`/api/v1/stream?surface=${surface()}`);
    this.source = source;
    source.onopen = () => this.told.open();
    source.onerror = () => {
      this.told.lost();
      // the browser retries a broken line by itself, but gives up after an error answer
      if (source.readyState === EventSource.CLOSED) this.timer = window.setTimeout(() => this.start(), RETRY_MS);
    };
    source.addEventListener("hello", (event) => {
      this.told.world(JSON.parse(event.data).world);
      this.told.changed();
    });
    source.addEventListener("world", (event) => this.told.world(JSON.parse(event.data)));
    source.addEventListener("reload", () => this.told.changed());
    source.addEventListener("opening.settled", (event) => {
      this.told.opening(JSON.parse(event.data).opening_id);
      this.told.changed();
    });
    for (const name of CHANGES) source.addEventListener(name, () => this.told.changed());
  }

  stop() {
    clearTimeout(this.timer);
    this.source?.close();
    this.source = null;
  }
}
