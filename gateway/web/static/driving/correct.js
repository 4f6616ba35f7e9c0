// @ts-check
// Saying what a trip was, and opening an approved week again: two dialogs, each with a reason that stays in the book.

import { Problem, call } from "../shared/api.js";
import { t } from "../shared/messages.js";

/** @typedef {(words: string) => void} Done */

/** @param {Done} done */
export function wire(done) {
  const correcting = /** @type {HTMLDialogElement | null} */ (document.getElementById("correcting"));
  const unlocking = /** @type {HTMLDialogElement | null} */ (document.getElementById("unlocking"));
  if (!correcting || !unlocking) return;
  for (const button of document.querySelectorAll("button.correct")) {
    button.addEventListener("click", () => open(correcting, /** @type {HTMLElement} */ (button)));
  }
  for (const kind of correcting.querySelectorAll('input[name="purpose"]')) {
    kind.addEventListener("change", () => showRoute(correcting));
  }
  const unlock = document.getElementById("unlock");
  unlock?.addEventListener("click", () => unlocking.showModal());
  send(correcting, done, () => {
    const { carer_id, ...said } = fields(correcting);
    const route = said.purpose === "private" ? { from_place: "", to_place: "", note: "" } : {};
    const body = { ...said, ...route, ...(carer_id ? { carer_id } : {}) };
    return [`/api/v1/driving-logs/trips/${correcting.dataset.trip}/correction`, body, t("driving.correct.done")];
  });
  send(unlocking, done, () => {
    const { week, unit } = unlock?.dataset ?? {};
    return ["/api/v1/driving-logs/unlocking", { week, unit, ...fields(unlocking) }, t("driving.unlock.done")];
  });
}

/** @param {HTMLDialogElement} dialog @param {HTMLElement} button */
function open(dialog, button) {
  const form = /** @type {HTMLFormElement} */ (dialog.querySelector("form"));
  form.reset();
  const said = JSON.parse(button.dataset.said || "{}");
  dialog.dataset.trip = button.dataset.trip;
  /** @type {HTMLElement} */ (dialog.querySelector("#correcting-what")).textContent = button.dataset.what ?? "";
  const names = { from_place: said.from, to_place: said.to, note: said.note, carer_id: said.carer_id };
  for (const [name, value] of Object.entries(names)) {
    /** @type {HTMLInputElement} */ (form.elements.namedItem(name)).value = value ?? "";
  }
  if (said.purpose) /** @type {RadioNodeList} */ (form.elements.namedItem("purpose")).value = said.purpose;
  showRoute(dialog);
  dialog.showModal();
}

/** Private driving has no route in the book, so it is not asked for. @param {HTMLDialogElement} dialog */
function showRoute(dialog) {
  /** @type {HTMLElement} */ (dialog.querySelector(".routed")).hidden = fields(dialog).purpose === "private";
}

/** @param {HTMLDialogElement} dialog @returns {Record<string, string>} */
function fields(dialog) {
  const form = /** @type {HTMLFormElement} */ (dialog.querySelector("form"));
  return Object.fromEntries([...new FormData(form)].map(([name, value]) => [name, String(value)]));
}

/** @param {HTMLDialogElement} dialog @param {Done} done @param {() => [string, object, string]} what */
function send(dialog, done, what) {
  const wrong = /** @type {HTMLElement} */ (dialog.querySelector(".error"));
  dialog.querySelector(".cancel")?.addEventListener("click", () => dialog.close());
  dialog.addEventListener("close", () => (wrong.textContent = ""));
  dialog.querySelector("form")?.addEventListener("submit", async (event) => {
    event.preventDefault();
    const [path, body, words] = what();
    try {
      await call("POST", path, { body });
      done(words);
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      wrong.textContent = error.words;
    }
  });
}
