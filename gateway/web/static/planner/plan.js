// @ts-check
/** "Lav plan": a day of one unit or of all planned as a job, with its progress, a way to stop it, and what came of it. */
/** @typedef {import("./board.js").Board} Board */
/** @typedef {import("./types.js").Job} Job */

import { call, wordsOf } from "./api.js";
import { byId, el, icon } from "./dom.js";
import { number, t, word } from "./text.js";

const ASK_EVERY_MS = 1000;
const ALL = "";
const KINDS = ["plan-day", "plan-all"];
/** @type {Record<Job["state"], string>} */
const ICONS = { waiting: "hourglass", running: "sync", done: "success", failed: "error", cancelled: "close" };

export class PlanDialog {
  /** @param {Board} board @param {{done: () => void, say: (words: string) => void}} acts */
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
    byId("plan-close").addEventListener("click", () => this.dialog.close());
    this.unit.addEventListener("change", () => this._about());
    this.start.addEventListener("click", () => void this._start());
    this.stop.addEventListener("click", () => void this._stop());
  }

  open() {
    const { units, filter } = this.board;
    if (!this._running()) {
      const all = units.length > 1 ? [el("option", { value: ALL }, t("planner.plan.all", { n: units.length }))] : [];
      this.unit.replaceChildren(...units.map((u) => el("option", { value: u.id }, u.name)), ...all);
      if (filter.unit_id) this.unit.value = filter.unit_id;
    }
    this._about();
    this._paint();
    if (!this.dialog.open) this.dialog.showModal();
    if (!this._running()) void this._find();
  }

  /** A plan of this day that is under way, whoever asked for it, is the one to be looked at. */
  async _find() {
    try {
      /** @type {{jobs: Job[]}} */
      const { jobs } = await call("GET", "/api/v1/jobs");
      const found = jobs.find((job) => KINDS.includes(job.kind) && job.day === this.board.day && ["waiting", "running"].includes(job.state));
      if (!found || this._running()) return;
      this.job = found;
      this.unit.value = found.unit_id ?? ALL;
      this._paint();
      this._again();
    } catch {
      // Starting one says why, if the server cannot be reached.
    }
  }

  /** What will be planned, for the unit chosen. */
  _about() {
    byId("plan-about").textContent = t(this.unit.value === ALL ? "planner.plan.text.all" : "planner.plan.text");
  }

  async _start() {
    this.start.disabled = true;
    const whole = this.unit.value === ALL;
    try {
      const { job } = await call("POST", "/api/v1/jobs", {
        body: whole ? { kind: "plan-all", day: this.board.day } : { kind: "plan-day", day: this.board.day, unit_id: this.unit.value },
        key: crypto.randomUUID(),
      });
      this.job = job;
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
      const { job } = await call("POST", `/api/v1/jobs/${this.job.id}/cancel`);
      this._take(job);
    } catch (error) {
      this._say("error", wordsOf(error));
    }
  }

  /** A live event about a job; what came of it is asked for. @param {any} data */
  heard(data) {
    if (!this.job || data.job_id !== this.job.id) return;
    if (data.state !== this.job.state) void this._ask();
    else this._take({ ...this.job, progress_ratio: data.progress_ratio });
  }

  _again() {
    window.clearTimeout(this._timer);
    this._timer = window.setTimeout(() => void this._ask(), ASK_EVERY_MS);
  }

  async _ask() {
    if (!this.job || !this._running()) return;
    try {
      const { job } = await call("GET", `/api/v1/jobs/${this.job.id}`);
      this._take(job);
    } catch (error) {
      this._say("error", wordsOf(error));
    }
    this._again();
  }

  /** @param {Job} job */
  _take(job) {
    const ended = this._running() && !["waiting", "running"].includes(job.state);
    this.job = job;
    this._paint();
    if (!ended) return;
    this.acts.done();
    // Who closed the dialog and went on is told beside the board.
    if (!this.dialog.open) this.acts.say(jobWords(job));
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
    this.stop.disabled = Boolean(running && job?.cancel_requested);
    this.unit.disabled = running;
    this.bar.hidden = !running;
    if (!job) {
      byId("plan-words").replaceChildren();
      return;
    }
    this.bar.value = job.progress_ratio;
    this._say(ICONS[job.state], jobWords(job));
  }

  /** @param {string} name @param {string} words */
  _say(name, words) {
    const line = byId("plan-words");
    if (line.textContent !== words) line.replaceChildren(icon(name), el("span", {}, words));
  }
}

/** How far a plan is, or what came of it: applied, applied after the day had changed, stopped or refused. @param {Job} job */
function jobWords(job) {
  const { result } = job;
  const percent = number(Math.round(job.progress_ratio * 100));
  if (job.state === "failed") return word("planner.job.refused", job.error_code ?? "", t("planner.job.failed", { code: job.error_code ?? "" }));
  if (job.state === "running" && job.cancel_requested) return t("planner.job.stopping");
  if (job.state === "running" && result?.rebased) return t("planner.job.again", { percent });
  if (job.state !== "done") return t(`planner.job.${job.state}`, { percent });
  const parts = [t("planner.job.done")];
  if (result?.rebased) parts.push(t("planner.job.rebased"));
  if (result) {
    parts.push(t("planner.job.placed", { n: number(result.visit_count) }));
    if (result.unallocated_count) parts.push(t("planner.job.left", { n: result.unallocated_count }));
    if (result.district_count > 1) parts.push(t("planner.job.districts", { n: result.district_count }));
  }
  return parts.join(" ");
}
