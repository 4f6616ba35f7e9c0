// @ts-check
/** "Lav plan": a day of a unit planned as a job, with its progress and a way to stop it. */
/** @typedef {import("./board.js").Board} Board */
/** @typedef {import("./types.js").Job} Job */

import { call } from "./api.js";
import { byId, el, icon } from "./dom.js";
import { wordsOf } from "./panel.js";
import { number, t } from "./text.js";

const ASK_EVERY_MS = 1000;

export class PlanDialog {
  /** @param {Board} board @param {{done: () => void}} acts */
  constructor(board, acts) {
    this.board = board;
    this.acts = acts;
    this.dialog = /** @type {HTMLDialogElement} */ (byId("plan-dialog"));
    this.unit = /** @type {HTMLSelectElement} */ (byId("plan-unit"));
    this.start = /** @type {HTMLButtonElement} */ (byId("plan-start"));
    this.stop = /** @type {HTMLButtonElement} */ (byId("plan-stop"));
    this.bar = /** @type {HTMLProgressElement} */ (byId("plan-progress"));
    /** @type {Job | null} */
    this.job = null;
    this._timer = 0;
    for (const button of document.querySelectorAll("[data-plan]")) button.addEventListener("click", () => this.open());
    byId("plan-close").addEventListener("click", () => this.dialog.close());
    this.start.addEventListener("click", () => void this._start());
    this.stop.addEventListener("click", () => void this._stop());
  }

  open() {
    const chosen = this.board.filter.unit_id;
    this.unit.replaceChildren(...this.board.units.map((u) => el("option", { value: u.id }, u.name)));
    if (chosen) this.unit.value = chosen;
    this._paint();
    if (!this.dialog.open) this.dialog.showModal();
  }

  async _start() {
    this.start.disabled = true;
    try {
      const body = await call("POST", "/api/v1/jobs", {
        body: { kind: "plan-day", day: this.board.day, unit_id: this.unit.value },
        key: crypto.randomUUID(),
      });
      this.job = body.job;
      this._paint();
      this._again();
    } catch (error) {
      this.start.disabled = false;
      this._say("error", wordsOf(error));
    }
  }

  async _stop() {
    if (!this.job) return;
    this.stop.disabled = true;
    try {
      const body = await call("POST", `/api/v1/jobs/${this.job.id}/cancel`);
      this.job = body.job;
      this._paint();
    } catch (error) {
      this._say("error", wordsOf(error));
    }
  }

  /** A live event about a job. @param {any} data */
  heard(data) {
    if (!this.job || data.job_id !== this.job.id) return;
    this._take({ ...this.job, state: data.state, progress_ratio: data.progress_ratio, error_code: data.error_code });
  }

  _again() {
    window.clearTimeout(this._timer);
    this._timer = window.setTimeout(async () => {
      if (!this.job || !this._running()) return;
      try {
        const body = await call("GET", `/api/v1/jobs/${this.job.id}`);
        this._take(body.job);
      } catch (error) {
        this._say("error", wordsOf(error));
      }
      this._again();
    }, ASK_EVERY_MS);
  }

  /** @param {Job} job */
  _take(job) {
    const ended = this._running() && !["waiting", "running"].includes(job.state);
    this.job = job;
    this._paint();
    if (ended) this.acts.done();
  }

  _running() {
    return this.job !== null && (this.job.state === "waiting" || this.job.state === "running");
  }

  _paint() {
    const { job } = this;
    const running = this._running();
    this.start.disabled = running;
    this.start.hidden = running;
    this.stop.hidden = !running;
    this.stop.disabled = false;
    this.unit.disabled = running;
    this.bar.hidden = !running;
    if (!job) {
      byId("plan-words").replaceChildren();
      return;
    }
    this.bar.value = job.progress_ratio;
    const percent = number(Math.round(job.progress_ratio * 100));
    const names = { waiting: "hourglass", running: "sync", done: "success", failed: "error", cancelled: "close" };
    this._say(names[job.state], t(`planner.job.${job.state}`, { percent, code: job.error_code ?? "" }));
  }

  /** @param {string} name @param {string} words */
  _say(name, words) {
    const line = byId("plan-words");
    if (line.textContent !== words) line.replaceChildren(icon(name), el("span", {}, words));
  }
}
