// @ts-check
/** The stream of events: what just happened reaches the board; losing it is said, never hidden. */
/** @typedef {import("./board.js").Board} Board */

import { byId, icon, inFrame } from "./dom.js";
import { clock, t } from "./text.js";

const LOST_AFTER_MS = 3000;
const RETRY_MS = 3000;
/** Events that change more than they tell: the board is fetched again, with its ETag. */
const REFETCH = ["route.published", "visit.moved", "day.planned", "door.right", "carer.absent", "citizen.away", "citizen.home"];
const TASKS = ["task.raised", "task.settled"];
const EMERGENCIES = ["emergency.requested", "emergency.reviewed"];
const DIRECT = ["visit.begun", "visit.ended", "opening.settled", "route.delivered", "route.acknowledged", "shift.started", "shift.ended"];

export class Live {
  /**
   * @param {Board} board
   * @param {{changed: () => void, refetch: () => void, refetchLater: () => void, tasks: () => void, emergencies: () => void,
   *   job: (data: any) => void}} acts
   */
  constructor(board, acts) {
    this.board = board;
    this.acts = acts;
    this.chip = byId("live");
    this._lostTimer = 0;
    this.lost = false;
    /** @type {EventSource | null} */
    this.source = null;
    this.connect();
  }

  connect() {
    this.source?.close();
    const source = new EventSource("/api/v1/stream?surface=planner");
    this.source = source;
    source.addEventListener("open", () => this._alive());
    source.addEventListener("error", () => this._broken(source));
    /** @param {string} type @param {(data: any) => void} take */
    const on = (type, take) =>
      source.addEventListener(type, (event) => {
        this._alive();
        take(JSON.parse(/** @type {MessageEvent} */ (event).data || "{}"));
      });
    on("hello", (data) => {
      if (data.world) this.board.setWorld(data.world);
      if (data.position !== this.board.position) this.acts.refetch();
    });
    on("world", (data) => {
      this.board.setWorld(data);
      this.acts.changed();
    });
    on("reload", () => this.acts.refetch());
    on("job.changed", (data) => this.acts.job(data));
    for (const type of TASKS) on(type, () => this.acts.tasks());
    for (const type of EMERGENCIES) on(type, () => this.acts.emergencies());
    for (const type of REFETCH) on(type, () => this.acts.refetch());
    for (const type of DIRECT) {
      on(type, (data) => {
        if (this.board.applyEvent(type, data)) this.acts.changed();
        // Counts and delays are the server's to say; they follow with a later fetch.
        this.acts.refetchLater();
      });
    }
  }

  _alive() {
    window.clearTimeout(this._lostTimer);
    this._lostTimer = 0;
    if (this.lost || !this._painted) this._paint(false);
    this._heard_ms = this.board.now();
  }

  /** @param {EventSource} source */
  _broken(source) {
    if (!this._lostTimer && !this.lost) {
      this._lostTimer = window.setTimeout(() => this._paint(true), LOST_AFTER_MS);
    }
    // The browser retries by itself unless the server refused; then we do.
    if (source.readyState === EventSource.CLOSED) window.setTimeout(() => this.connect(), RETRY_MS);
  }

  /** @param {boolean} lost */
  _paint(lost) {
    this.lost = lost;
    this._painted = true;
    inFrame("live", () => {
      const words = lost ? t("planner.live.lost", { at: clock(this._heard_ms ?? this.board.now()) }) : t("planner.live");
      this.chip.className = lost ? "tag tag-warn" : "tag tag-ok";
      this.chip.replaceChildren(icon(lost ? "own-cloud-off" : "success"), words);
      byId("grid").classList.toggle("stale", lost);
    });
    if (!lost) this.acts.refetch();
  }
}
