// @ts-check
/** Two planners changed the same route: nothing was saved, both changes are shown, a person decides. */
/** @typedef {import("./board.js").Board} Board */
/** @typedef {import("./move.js").MoveDialog} MoveDialog */
/** @typedef {import("./types.js").Clash} Clash */
/** @typedef {import("./types.js").Lane} Lane */
/** @typedef {import("./types.js").MoveOrder} MoveOrder */
/** @typedef {import("./types.js").Moved} Moved */

import { move, Problem, wordsOf } from "./api.js";
import { byId } from "./dom.js";
import { clock, price, t, word } from "./text.js";

export class ClashDialog {
  /**
   * @param {Board} board
   * @param {{moved: (answer: Moved, order: MoveOrder) => void, reload: () => void}} acts
   */
  constructor(board, acts) {
    this.board = board;
    this.acts = acts;
    this.dialog = /** @type {HTMLDialogElement} */ (byId("clash-dialog"));
    this.save = /** @type {HTMLButtonElement} */ (byId("clash-save"));
    /** @type {MoveOrder | null} */
    this.order = null;
    /** @type {(Lane | null)[]} */
    this.shown = [];
    byId("clash-drop").addEventListener("click", () => this._close());
    byId("clash-look").addEventListener("click", () => this._close());
    this.save.addEventListener("click", () => void this._saveOnTop());
    this.dialog.addEventListener("cancel", () => this.acts.reload());
  }

  /**
   * @param {Problem} problem
   * @param {MoveOrder} order
   * @param {(order: MoveOrder) => (Lane | null)[]} lanesOf
   */
  open(problem, order, lanesOf) {
    /** @type {Clash} */
    const current = problem.body.current ?? { lanes: [], last_change: null };
    const before = this._versions();
    const short = this._short(order.visit_id);
    this.board.applyLanes(current.lanes);
    this.order = order;
    this.lanesOf = lanesOf;
    const change = current.last_change;
    const newer = current.lanes.find((lane) => (lane.version ?? 0) > (before.get(lane.carer_id) ?? 0)) ?? current.lanes[0];
    this.version = newer?.version ?? null;
    byId("clash-what").textContent = change
      ? t("planner.clash.what", { name: newer?.name ?? "", at: clock(change.at) })
      : t("planner.clash.what.unknown");
    byId("clash-theirs-title").textContent = t("planner.clash.theirs", { version: this.version ?? "?" });
    byId("clash-theirs").textContent = change ? theirs(change) : t("planner.clash.look");
    byId("clash-mine-title").textContent = t("planner.clash.mine", { version: before.get(newer?.carer_id ?? "") ?? "?" });
    byId("clash-mine").textContent = this._mine(order, short);
    this.save.textContent = t("planner.clash.save", { version: this.version ?? "?" });
    if (!this.dialog.open) this.dialog.showModal();
    void this._check();
  }

  _versions() {
    return new Map([...this.board.lanes.values()].map((lane) => [lane.carer_id, lane.version]));
  }

  /** @param {string} visit_id */
  _short(visit_id) {
    const place = this.board.places(visit_id)[0];
    return place?.visit.short ?? this.board.unallocated.find((u) => u.id === visit_id)?.short ?? "";
  }

  /** @param {MoveOrder} order @param {string} short */
  _mine(order, short) {
    const name = order.to_carer_id === null ? "" : (this.board.lanes.get(order.to_carer_id)?.name ?? "");
    if (order.to_carer_id === null) return t("planner.clash.mine.off", { short });
    if (order.start_at === null) return t("planner.clash.mine.to", { short, name });
    return t("planner.clash.mine.at", { short, name, at: clock(order.start_at) });
  }

  /** Whether both changes fit together, asked on the versions that are true now. */
  async _check() {
    const { order } = this;
    if (!order || !this.lanesOf) return;
    const verdict = byId("clash-verdict");
    verdict.textContent = t("planner.move.checking");
    this.save.disabled = true;
    const shown = this.lanesOf(order);
    try {
      const preview = await move(order, shown, true);
      this.shown = shown;
      const facts = { price: price(preview.cost_dkk_ore, preview.extra_min), title: preview.breaches[0]?.title ?? "" };
      verdict.textContent = t(preview.allowed ? "planner.clash.both" : "planner.clash.not", facts);
      this.save.disabled = !preview.allowed;
    } catch (error) {
      verdict.textContent = wordsOf(error);
    }
  }

  async _saveOnTop() {
    const { order } = this;
    if (!order) return;
    this.save.disabled = true;
    try {
      const answer = await move(order, this.shown, false, crypto.randomUUID());
      this.dialog.close();
      this.acts.moved(answer, order);
    } catch (error) {
      if (error instanceof Problem && error.status === 412 && this.lanesOf) this.open(error, order, this.lanesOf);
      else byId("clash-verdict").textContent = wordsOf(error);
    }
  }

  _close() {
    this.dialog.close();
    this.order = null;
    this.acts.reload();
  }
}

/** Their change in words; the reason is named once. @param {NonNullable<Clash["last_change"]>} change */
function theirs(change) {
  const reason = word("planner.reason", change.reason);
  if (change.text.includes(change.reason)) return change.text.replace(change.reason, reason);
  return `${change.text} (${reason.toLocaleLowerCase("da")})`;
}
