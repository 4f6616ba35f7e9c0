// @ts-check
/** The dialog "Flyt til…": the same check and the same answer whether it was opened by a key, a button or a drop. */
/** @typedef {import("./board.js").Board} Board */
/** @typedef {import("./types.js").Lane} Lane */
/** @typedef {import("./types.js").MoveOrder} MoveOrder */
/** @typedef {import("./types.js").Moved} Moved */
/** @typedef {import("./types.js").Preview} Preview */

import { move, Problem, versionsOf, wordsOf } from "./api.js";
import { stateOf } from "./board.js";
import { byId, el, icon } from "./dom.js";
import { suggestion } from "./fits.js";
import { reasonFor } from "./proposals.js";
import { clock, instantOnDuty, price, t } from "./text.js";

const ASK_AFTER_MS = 200;

/** A lane's versions as they stood when its price was shown. @param {Lane | null | undefined} lane */
export function asShown(lane) {
  return lane ? { ...lane } : null;
}

export class MoveDialog {
  /**
   * @param {Board} board
   * @param {import("./fits.js").Fits} fits
   * @param {{moved: (answer: Moved, order: MoveOrder) => void, clash: (problem: Problem, order: MoveOrder) => void}} acts
   */
  constructor(board, fits, acts) {
    this.board = board;
    this.fits = fits;
    this.acts = acts;
    this.dialog = /** @type {HTMLDialogElement} */ (byId("move-dialog"));
    this.form = /** @type {HTMLFormElement} */ (byId("move-form"));
    this.carer = /** @type {HTMLInputElement} */ (byId("move-carer"));
    this.start = /** @type {HTMLInputElement} */ (byId("move-start"));
    this.reason = /** @type {HTMLSelectElement} */ (byId("move-reason"));
    this.agreement = /** @type {HTMLInputElement} */ (byId("move-agreement"));
    this.verdict = byId("move-verdict");
    this.submit = /** @type {HTMLButtonElement} */ (byId("move-submit"));
    this.visit_id = "";
    /** @type {(Lane | null)[]} */
    this.shown = [];
    this._keyed = { text: "", key: "" };
    this._timer = 0;
    this._asking = 0;
    for (const field of [this.carer, this.start, this.agreement]) field.addEventListener("input", () => this._askSoon());
    byId("move-cancel").addEventListener("click", () => this.dialog.close());
    this.form.addEventListener("submit", (event) => {
      event.preventDefault();
      void this._save();
    });
  }

  /**
   * @param {string} visit_id
   * @param {{to?: string | null, start_at?: string | null, reason?: string}} [wanted]
   */
  open(visit_id, wanted = {}) {
    const place = this.board.places(visit_id)[0];
    const waiting = this.board.unallocated.find((u) => u.id === visit_id);
    if (!place && !waiting) return;
    this.visit_id = visit_id;
    byId("move-title").textContent = t("planner.move.title", { short: place?.visit.short ?? waiting?.short ?? "" });
    this._fillCarers(place?.visit ? (place.lane.unit_id ?? null) : (waiting?.unit_id ?? null), Boolean(place));
    this.carer.value = wanted.to === undefined ? "" : wanted.to === null ? t("planner.unallocated") : this._label(wanted.to);
    const start_at = wanted.start_at === undefined ? (place?.visit.start_at ?? null) : wanted.start_at;
    this.start.value = start_at === null ? "" : clock(start_at);
    this.reason.value = wanted.reason ?? reasonFor(place ? stateOf(place.visit) : "unallocated");
    this.agreement.value = "";
    byId("move-agreement-field").hidden = true;
    this._say(null);
    this.submit.disabled = true;
    this.dialog.showModal();
    (wanted.to === undefined ? this.carer : this.reason).focus();
    if (wanted.to !== undefined) void this._ask();
    void this._suggest(visit_id);
  }

  /** What a dragged visit's lanes show, the suggestions say: who fits stands first, each with its word. @param {string} visit_id */
  async _suggest(visit_id) {
    const fits = await this.fits.of(visit_id);
    if (!this.dialog.open || this.visit_id !== visit_id || !fits.size) return;
    const said = [...(this.byLabel ?? [])].map(([value, carer_id]) => ({ value, ...suggestion(fits.get(carer_id ?? "")) }));
    said.sort((a, b) => a.order - b.order);
    byId("move-carers").replaceChildren(...said.map(({ value, words }) => el("option", { value, label: words ? `${value}: ${words}` : null })));
  }

  /** Carers by the words shown in the suggestion list; equal names get their unit. */
  _fillCarers(/** @type {string | null} */ unit_id, /** @type {boolean} */ onRoute) {
    /** @type {Map<string, string | null>} */
    this.byLabel = new Map();
    if (onRoute) this.byLabel.set(t("planner.unallocated"), null);
    const lanes = [...this.board.lanes.values()].sort(
      (a, b) => Number(b.unit_id === unit_id) - Number(a.unit_id === unit_id) || a.name.localeCompare(b.name, "da"),
    );
    for (const lane of lanes) this.byLabel.set(this._label(lane.carer_id), lane.carer_id);
    byId("move-carers").replaceChildren(...[...this.byLabel.keys()].map((label) => el("option", { value: label })));
  }

  /** @param {string} carer_id */
  _label(carer_id) {
    const lane = this.board.lanes.get(carer_id);
    if (!lane) return "";
    const same = [...this.board.lanes.values()].filter((l) => l.name === lane.name);
    if (same.length < 2) return lane.name;
    return `${lane.name} · ${this.board.unitName(lane.unit_id)} ${same.indexOf(lane) + 1}`;
  }

  /** The order as the fields say it, or the sentence that says what is wrong. @returns {MoveOrder | string} */
  _order() {
    const label = this.carer.value.trim();
    if (!label) return t("planner.move.choose");
    const found = [...(this.byLabel ?? [])].find(([known]) => known.toLocaleLowerCase("da") === label.toLocaleLowerCase("da"));
    if (!found) return t("planner.move.unknown", { name: label });
    const clockText = this.start.value.trim();
    const shift = found[1] === null ? null : this.board.lanes.get(found[1])?.shift;
    const start_ms = clockText ? instantOnDuty(this.board.day, clockText, shift) : null;
    if (clockText && start_ms === null) return t("planner.move.badtime");
    const agreement = this.agreement.value.trim();
    return {
      visit_id: this.visit_id,
      to_carer_id: found[1],
      start_at: start_ms === null || found[1] === null ? null : new Date(start_ms).toISOString(),
      reason: this.reason.value,
      ...(agreement ? { agreement_reference: agreement } : {}),
    };
  }

  _askSoon() {
    this.submit.disabled = true;
    window.clearTimeout(this._timer);
    this._timer = window.setTimeout(() => void this._ask(), ASK_AFTER_MS);
  }

  /** @param {MoveOrder} order */
  lanesOf(order) {
    const from = this.board.places(order.visit_id)[0]?.lane;
    const to = order.to_carer_id === null ? null : this.board.lanes.get(order.to_carer_id);
    return [asShown(from), asShown(to)];
  }

  async _ask() {
    const order = this._order();
    if (typeof order === "string") {
      this._say({ kind: "info", title: order, text: "" });
      return;
    }
    const asking = ++this._asking;
    this._say({ kind: "info", title: t("planner.move.checking"), text: "" });
    const shown = this.lanesOf(order);
    try {
      /** @type {Preview} */
      const preview = await move(order, shown, true);
      if (asking !== this._asking || !this.dialog.open) return;
      this.shown = shown;
      this._paint(preview);
    } catch (error) {
      if (asking !== this._asking) return;
      if (error instanceof Problem && error.status === 412 && error.body.current) {
        // Nothing is lost by looking again: the check is repeated on what is true now.
        this.board.applyLanes(error.body.current.lanes);
        this._askSoon();
      } else this._refuse(error);
    }
  }

  /** @param {Preview} preview */
  _paint(preview) {
    if (!preview.allowed) {
      this._stop(preview.breaches);
      return;
    }
    const warnings = preview.warnings.map((w) => `${w.title}. ${w.text}`).join(" ");
    const at = preview.start_at ? t("planner.move.fits", { at: clock(preview.start_at) }) : "";
    this._say({
      kind: warnings ? "warn" : "ok",
      title: price(preview.cost_dkk_ore, preview.extra_min),
      text: [at, warnings].filter(Boolean).join(" "),
    });
    this.submit.disabled = false;
  }

  /** @param {{code: string, title: string, text: string}[]} breaches */
  _stop(breaches) {
    const first = breaches[0] ?? { code: "", title: "", text: "" };
    const others = breaches.slice(1).map((b) => `${b.title}.`).join(" ");
    this._say({
      kind: "danger",
      title: t("planner.move.cannot", { title: first.title }),
      text: [first.text, others].filter(Boolean).join(" "),
    });
    // Only the daily rest may be set aside, and only by an agreement that can be named.
    byId("move-agreement-field").hidden = !breaches.some((b) => b.code.includes("rest"));
    this.submit.disabled = true;
  }

  /** @param {unknown} error */
  _refuse(error) {
    const breaches = error instanceof Problem ? (error.body.breaches ?? error.body.facts?.breaches) : null;
    if (Array.isArray(breaches) && breaches.length) this._stop(breaches);
    else this._say({ kind: "danger", title: wordsOf(error), text: "" });
    this.submit.disabled = true;
  }

  async _save() {
    const order = this._order();
    if (typeof order === "string" || this.submit.disabled) return;
    this.submit.disabled = true;
    try {
      /** @type {Moved} */
      const answer = await move(order, this.shown, false, this._keyOf(order));
      this.dialog.close();
      this.acts.moved(answer, order);
    } catch (error) {
      if (error instanceof Problem && error.status === 412) {
        this.dialog.close();
        this.acts.clash(error, order);
      } else this._refuse(error);
    }
  }

  /** One key per order: pressing again after a lost answer repeats the act, it does not do it twice. */
  _keyOf(/** @type {MoveOrder} */ order) {
    const text = JSON.stringify([order, versionsOf(this.shown)]);
    if (this._keyed.text !== text) this._keyed = { text, key: crypto.randomUUID() };
    return this._keyed.key;
  }

  /** @param {{kind: "info" | "ok" | "warn" | "danger", title: string, text: string} | null} words */
  _say(words) {
    if (!words) {
      this.verdict.replaceChildren();
      return;
    }
    const name = { info: "info", ok: "success", warn: "warning", danger: "error" }[words.kind];
    const body = el("div", {}, el("strong", {}, words.title), ...(words.text ? [el("p", {}, words.text)] : []));
    this.verdict.replaceChildren(el("div", { class: `alert alert-${words.kind}` }, icon(name), body));
  }
}
