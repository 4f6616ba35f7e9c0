// @ts-check
// The page's part of a door by spoken code: which door, what to say on the telephone, the code. Comes when it is asked for.

import { h, icon } from "../shared/dom.js";
import { clock } from "../shared/formats.js";
import { t } from "../shared/messages.js";
import { preparedNow, unlockByCode } from "./prepared.js";

const SHOWN = 6;

/** Ask for door and code over the page. @param {any} tablet */
export async function openCodeDoor(tablet) {
  const found = await preparedNow(tablet.session.world.now_ms());
  if (!found) {
    tablet.notice = t("code.none");
    return tablet.render();
  }
  const dialog = /** @type {HTMLDialogElement} */ (h("dialog.code-door", { "aria-labelledby": "code-heading" }));
  const close = () => dialog.close();
  dialog.addEventListener("close", () => dialog.remove());
  /** @param {...any} content */
  const show = (...content) => dialog.replaceChildren(h("h2", { id: "code-heading" }, icon("warning"), t("code.heading")), ...content);
  choose();
  document.body.append(dialog);
  dialog.showModal();
  dialog.querySelector("input")?.focus();

  function choose() {
    const list = h("ul.people", {});
    const field = /** @type {HTMLInputElement} */ (h("input.input", { id: "code-door", type: "search", autocomplete: "off" }));
    const draw = () => {
      const wanted = field.value.trim().toLocaleLowerCase("da");
      const fitting = wanted.length < 2 ? [] : found?.doors.filter((door) => door.address.toLocaleLowerCase("da").includes(wanted)) ?? [];
      list.replaceChildren(...fitting.slice(0, SHOWN).map((door) => h("li", {},
        h("button.button.person", { type: "button", onclick: () => ask(door) }, icon("home"), h("span.person-words", {}, door.address)))));
    };
    field.addEventListener("input", draw);
    show(h("p", {}, t("code.text", { at: clock(found?.until ?? 0) })),
      h("div.field", {}, h("label", { for: "code-door" }, t("code.door")), field), list, back(close));
  }

  /** @param {import("./prepared.js").Door} door */
  function ask(door) {
    const digits = found?.set.code_digits ?? 12;
    const field = /** @type {HTMLInputElement} */ (h("input.input.pin-field", {
      id: "code", inputmode: "numeric", autocomplete: "off", maxlength: digits + 6, "aria-describedby": "code-said" }));
    const said = h("p.field-error", { id: "code-said", role: "alert" });
    const send = /** @type {HTMLButtonElement} */ (h("button.button.button-main.button-big", { type: "submit" }, icon("own-lock-open"), t("code.open")));
    const form = h("form", { novalidate: true },
      h("div.field", {}, h("label", { for: "code" }, t("code.code", { n: digits })), field, said), send);
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      const code = field.value.replace(/\D/g, "");
      if (code.length !== digits) {
        said.textContent = t("code.form", { n: digits });
        return;
      }
      send.disabled = true;
      const grant = await unlockByCode(door, code, found?.set.iterations ?? 0);
      send.disabled = false;
      if (typeof grant === "string") {
        said.textContent = t(`code.${grant}`);
        field.focus();
        return;
      }
      close();
      await tablet.door.openUnplanned(grant);
    });
    show(h("p.code-address", {}, door.address), h("p", {}, t("code.say")),
      form, back(choose));
    field.focus();
  }

  /** @param {() => void} act */
  function back(act) {
    return h("button.button", { type: "button", onclick: act }, icon("arrow-back"), t("tablet.back"));
  }
}
