// @ts-check
/** What waits for a planner beside the lanes: unanswered screen visits, physical follow-ups, call-backs, lost tablets. */
/** @typedef {import("./types.js").Task} Task */

import { call, wordsOf } from "./api.js";
import { Beside } from "./beside.js";
import { byId, el, icon } from "./dom.js";
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
    this.beside = new Beside(byId("tasks"));
  }

  async load() {
    try {
      const { tasks } = await call("GET", "/api/v1/tasks");
      /** @type {Task[]} */
      const open = tasks.filter((/** @type {Task} */ task) => task.state === "open");
      this.beside.paint(open, [t("planner.tasks", { n: open.length })], (task) => task.task_id, (task) => this._item(task));
    } catch (error) {
      this.beside.fail(error);
    }
  }

  /** @param {Task} task */
  _item(task) {
    const said = el("p", { class: "field-error", role: "alert" });
    const acts = el("div", { class: "panel-acts" });
    if (task.visit_id) {
      const show = el("button", { type: "button", class: "button button-small" }, t("planner.task.show"));
      show.addEventListener("click", () => this.acts.select(String(task.visit_id)));
      acts.append(show);
    }
    const done = el("button", { type: "button", class: "button button-small" }, t("planner.task.done"));
    done.addEventListener("click", () => void this._settle(task, said));
    acts.append(done);
    return el("li", {}, el("p", {}, icon(ICONS[task.kind] ?? "warning"), el("b", {}, task.text), ` ${clock(task.raised_at)}`), acts, said);
  }

  /** @param {Task} task @param {HTMLElement} said */
  async _settle(task, said) {
    try {
      await call("POST", `/api/v1/tasks/${encodeURIComponent(task.task_id)}/settlement`, {
        body: { how: "handled" },
        key: crypto.randomUUID(),
      });
      await this.load();
    } catch (error) {
      said.textContent = wordsOf(error);
    }
  }
}
