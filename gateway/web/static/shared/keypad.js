// @ts-check
// A PIN pad for gloves, keyboards and password managers: the digits are a real field, the buttons only type into it.

import { h, icon } from "./dom.js";
import { t } from "./messages.js";

const MAX_DIGITS = 8;
const MIN_DIGITS = 4;

/**
 * @param {object} how
 * @param {string} how.label
 * @param {string} how.submit words on the button
 * @param {(pin: string) => Promise<string | null>} how.check null when the PIN was right, else a sentence to show
 * @param {string} [how.hint]
 * @returns {HTMLFormElement}
 */
export function keypad({ label, submit, check, hint }) {
  const field = /** @type {HTMLInputElement} */ (h("input.input.pin-field", {
    id: "pin", type: "password", inputmode: "numeric", autocomplete: "current-password", maxlength: MAX_DIGITS,
    pattern: `\\d{${MIN_DIGITS},${MAX_DIGITS}}`, "aria-describedby": "pin-said",
  }));
  const said = h("p.field-error", { id: "pin-said", role: "alert" });
  const send = /** @type {HTMLButtonElement} */ (h("button.button.button-main.button-big", { type: "submit" }, icon("check"), submit));
  const type = (/** @type {string} */ digit) => {
    if (field.value.length < MAX_DIGITS) field.value += digit;
    said.textContent = "";
  };
  const digits = ["1", "2", "3", "4", "5", "6", "7", "8", "9"].map((digit) =>
    h("button.button.key", { type: "button", onclick: () => type(digit) }, digit));
  const erase = h("button.button.key", {
    type: "button", "aria-label": t("sign_in.erase"), onclick: () => { field.value = field.value.slice(0, -1); },
  }, icon("own-erase"));
  const form = /** @type {HTMLFormElement} */ (h("form.keypad", { novalidate: true },
    h("label.label", { for: "pin" }, label),
    hint ? h("p.muted", {}, hint) : null,
    field, said,
    h("div.keys", {}, digits, h("span"), h("button.button.key", { type: "button", onclick: () => type("0") }, "0"), erase),
    send));
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (!new RegExp(`^${field.pattern}$`).test(field.value)) {
      said.textContent = t("sign_in.pin_form");
      return;
    }
    send.disabled = true;
    const words = await check(field.value);
    send.disabled = false;
    if (words === null) return;
    field.value = "";
    said.textContent = words;
    field.focus();
  });
  return form;
}
