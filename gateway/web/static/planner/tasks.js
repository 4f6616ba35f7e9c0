// @ts-check
/** What waits for a planner beside the lanes: unanswered screen visits, physical follow-ups, call-backs, lost tablets. */
/** @typedef {import("./types.js").Task} Task */

import { call } from "./api.js";
import { byId, el, icon } from "./dom.js";
import { wordsOf } from "./panel.js";
import { clock, t } from "./text.js";

/** @type {Record<string, string>} */
const ICONS = {
  screen_unanswered: "videocam",
  screen_needs_physical: "videocam",
  tablet_lost: "error",
  call_back: "own-phone",
};

export class Tasks {
  /** @param {{select: (visit_id: string) => void}} acts */
  constructor(acts) {
    this.acts = acts;
    this.place = byId("tasks");
    /** @type {Task[]} */
    this.tasks = [];
    this._mark = "";
  }

  async load() {
    try {
      const answer = await call("GET", "/api/v1/tasks");
      this.tasks = answer.tasks;
      this.paint();
    } catch (error) {
      this._mark = "";
      this.place.replaceChildren(el("p", { class: "field-error" }, wordsOf(error)));
    }
  }

  paint() {
    const open = this.tasks.filter((task) => task.state === "open");
    // The same tasks again move nothing under a finger on its way down.
    const mark = JSON.stringify(open);
    if (mark === this._mark) return;
    this._mark = mark;
    this.place.hidden = open.length === 0;
    if (!open.length) {
      this.place.replaceChildren();
      return;
    }
    this.place.replaceChildren(
      el("h2", {}, t("planner.tasks", { n: open.length })),
      el("ul", { class: "task-list" }, ...open.map((task) => this._item(task))),
    );
  }

  /** @param {Task} task */
  _item(task) {
    const words = el(
      "p",
      {},
      icon(ICONS[task.kind] ?? "warning"),
      el("b", {}, task.text),
      ` ${clock(task.raised_at)}`,
    );
    const acts = el("div", { class: "panel-acts" });
    if (task.visit_id) {
      const show = el("button", { type: "button", class: "button button-small" }, t("planner.task.show"));
      show.addEventListener("click", () => this.acts.select(String(task.visit_id)));
      acts.append(show);
    }
    const done = el("button", { type: "button", class: "button button-small" }, t("planner.task.done"));
    done.addEventListener("click", () => void this._settle(task));
    acts.append(done);
    return el("li", {}, words, acts);
  }

  /** @param {Task} task */
  async _settle(task) {
    try {
      await call("POST", `/api/v1/tasks/${encodeURIComponent(task.task_id)}/settlement`, {
        body: { how: "handled" },
        key: crypto.randomUUID(),
      });
      await this.load();
    } catch (error) {
      this.place.append(el("p", { class: "field-error", role: "alert" }, wordsOf(error)));
    }
  }
}
