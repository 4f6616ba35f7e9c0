// @ts-check
// Nødkald: whose door, why, and the door's own answer. Two taps where the citizen is known or found by name.

import { Problem, call } from "../shared/api.js";
import { fill, h, icon } from "../shared/dom.js";
import { language, t } from "../shared/messages.js";
import { button, callButton } from "./bar.js";
import { waiting } from "./door_machine.js";
import { panelOf, panelWords } from "./door_panel.js";
import { EmergencyDoor } from "./emergency_door.js";
import { laterWords } from "./later_words.js";

const STYLE = new URL("./emergency.css", import.meta.url).pathname;
const SEARCH_AFTER_MS = 250;
const FEWEST_LETTERS = 2;
const REASONS = /** @type {const} */ (["fall", "no_answer", "acute_illness", "other"]);
const FINAL = ["unlocked", "refused", "jammed", "expired", "unknown"];

/** @typedef {{citizen_id: string, name: string, address: string, opens: boolean}} Home */

/** The dialog's look is fetched with it, once. @returns {Promise<void>} */
function dressed() {
  if (document.querySelector(`link[href="${STYLE}"]`)) return Promise.resolve();
  const link = /** @type {HTMLLinkElement} */ (h("link", { rel: "stylesheet", href: STYLE }));
  const loaded = new Promise((resolve) => {
    link.addEventListener("load", () => resolve(undefined));
    link.addEventListener("error", () => resolve(undefined));
  });
  document.head.append(link);
  return loaded;
}

/** Open the dialog. @param {any} tablet the application */
export async function openEmergency(tablet) {
  await Promise.all([dressed(), laterWords()]);
  new EmergencyDialog(tablet).show();
}

class EmergencyDialog {
  /** @param {any} tablet */
  constructor(tablet) {
    const stop = tablet.stop;
    this.phone = tablet.day?.phone ?? null;
    /** The citizen the carer is with or on the way to, if her door has a lock: most likely she is meant. @type {Home | null} */
    this.near = stop?.citizen_id && stop.door ? {
      citizen_id: stop.citizen_id, name: stop.citizen_name, address: stop.address, opens: !stop.by_vendor } : null;
    /** @type {Home[]} */
    this.found = [];
    this.searched = "";
    this.chosen = this.near;
    this.said = "";
    this.timer = 0;
    this.door = new EmergencyDoor();
    this.door.addEventListener("change", () => this.#draw());
    this.door.addEventListener("second", () => this.#seconds());
    this.field = /** @type {HTMLInputElement} */ (h("input.input", {
      id: "emergency-search", type: "search", autocomplete: "off", maxlength: 80, oninput: () => this.#soon(),
    }));
    this.homes = h("div.emergency-homes", { role: "group", "aria-label": t("emergency.homes") });
    this.reasons = h("div.emergency-reasons", {});
    this.news = h("p", { role: "status", class: "emergency-said" });
    this.loud = h("p.note", {}, icon("info"), t("emergency.loud"));
    this.body = h("div.emergency-body", {});
    this.dialog = /** @type {HTMLDialogElement} */ (h("dialog.emergency", { "aria-labelledby": "emergency-heading" }));
  }

  show() {
    const close = h("button.button", { type: "button", "data-key": "emergency-close", onclick: () => this.dialog.close() },
      icon("close"), t("emergency.close"));
    this.dialog.append(
      h("div.emergency-head", {}, h("h2", { id: "emergency-heading" }, icon("warning"), t("tablet.emergency")), close),
      this.body);
    this.dialog.addEventListener("close", () => { this.door.end(); this.dialog.remove(); });
    document.body.append(this.dialog);
    this.dialog.showModal();
    this.#draw();
    // with a citizen at hand the reason is the next tap; else her name comes first
    const first = this.chosen ? this.reasons.querySelector("button") : this.field;
    /** @type {HTMLElement | null} */ (first)?.focus();
  }

  #draw() {
    const state = this.door.door.state;
    if (state === "ready") return this.#choice();
    const way = this.door.way.map((lock) => lock.door);
    const shown = panelOf(this.door.door, performance.now(), false, way);
    const all = [this.door.door, ...way].every((door) => ["ready", "unlocked"].includes(door.state));
    if (state === "unlocked" && all) shown.text = this.door.door.opening?.text ?? shown.text;
    fill(this.body, [language(), "door", shown], () => [
      h("p.emergency-home", {}, h("b", {}, this.chosen?.name ?? ""), ` · ${this.chosen?.address ?? ""}`),
      h(`div.door.door-frame-${shown.kind}`, { "data-state": state },
        h("div.door-panel", {},
          h("div.door-live", { role: shown.urgent ? "alert" : "status" }, panelWords(shown)),
          shown.timed && h("p.door-seconds", { id: "emergency-seconds", role: "timer", "aria-label": t("door.seconds") }))),
      h("div.bar-pair", {}, callButton(this.phone),
        FINAL.includes(state) && !all &&
          button(t("door.retry"), "own-lock-open", () => this.#again(), { key: "emergency-again" })),
      FINAL.includes(state) && button(t("emergency.close"), "check", () => this.dialog.close(), {
        big: true, main: true, key: "emergency-done" }),
    ]);
    this.#seconds();
  }

  #seconds() {
    const seconds = document.getElementById("emergency-seconds");
    if (seconds) seconds.textContent = `${waiting(this.door.door, performance.now()).seconds}\u00a0s`;
  }

  #choice() {
    fill(this.body, [language(), "choice"], () => [
      h("div.emergency-search", {}, h("label", { for: "emergency-search" }, t("emergency.search")), this.field),
      this.homes, this.news, this.reasons, this.loud]);
    this.loud.hidden = this.chosen?.opens === false;
    const homes = this.found.length || this.searched ? this.found : this.near ? [this.near] : [];
    fill(this.homes, [language(), homes, this.chosen?.citizen_id], () => homes.map((home) => this.#home(home)));
    const news = this.said || (this.searched && !homes.length ? t("emergency.nobody") : "");
    if (this.news.textContent !== news) this.news.textContent = news;
    fill(this.reasons, [language(), this.chosen?.citizen_id], () => this.chosen && !this.chosen.opens ? this.#shut() : h("fieldset", { disabled: !this.chosen },
      h("legend", {}, this.chosen ? t("emergency.why", { address: this.chosen.address }) : t("emergency.choose")),
      h("div.emergency-answers", {}, REASONS.map((reason) =>
        h("button.button.button-big.button-danger", { type: "button", "data-key": `reason-${reason}`, onclick: () => this.#enter(reason) },
          t(`emergency.reason.${reason}`))))));
  }

  /** Another vendor's lock is not asked: what to do instead. */
  #shut() {
    return h("div.alert.alert-warn", { role: "alert" }, icon("warning"), h("div", {},
      h("p", {}, h("b", {}, t("emergency.vendors_lock"))), h("p", {}, t("emergency.vendors_lock.text")), callButton(this.phone)));
  }

  /** @param {Home} home */
  #home(home) {
    const chosen = home.citizen_id === this.chosen?.citizen_id;
    return h("button.button.emergency-choice", {
      type: "button", "aria-pressed": String(chosen), "data-key": home.citizen_id,
      onclick: () => { this.chosen = home; this.said = ""; this.#draw(); },
    }, chosen && icon("check"), h("span", {}, h("b", {}, home.name), h("br"), home.address));
  }

  #soon() {
    clearTimeout(this.timer);
    this.timer = window.setTimeout(() => this.#search(), SEARCH_AFTER_MS);
  }

  async #search() {
    const text = this.field.value.trim();
    if (text.length < FEWEST_LETTERS) {
      [this.found, this.searched, this.chosen, this.said] = [[], "", this.near, ""];
      return this.#draw();
    }
    try {
      const { citizens } = await call("POST", "/api/v1/me/emergencies/search", { body: { text } });
      if (this.field.value.trim() !== text) return;
      [this.found, this.searched, this.said] = [citizens, text, ""];
      // one match is meant; of several somebody has to choose
      this.chosen = citizens.length === 1 ? citizens[0] : null;
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      [this.found, this.searched, this.chosen] = [[], text, null];
      this.said = error.mayWorkLater ? t("emergency.needs_network") : error.words;
    }
    this.#draw();
  }

  #again() {
    if (this.reason) this.#enter(this.reason);
  }

  /** The second tap. @param {typeof REASONS[number]} reason */
  #enter(reason) {
    if (!this.chosen) return;
    this.reason = reason;
    void this.door.enter(this.chosen.citizen_id, reason);
  }
}
