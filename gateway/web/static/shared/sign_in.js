// @ts-check
// Who are you, and your PIN. Used by the tablet and by the sign-in page of the office.

import { Problem, call } from "./api.js";
import { h, icon } from "./dom.js";
import { keypad } from "./keypad.js";
import { has, t } from "./messages.js";

const SHOWN = 8;

/**
 * @typedef {{identity: string, name: string, role: string, unit_name: string, pin: string, hint: string | null}} DemoIdentity
 * @typedef {{identity: string, pin: string, session: any}} SignedIn
 */

/** The invented people of the demo; none outside it. @returns {Promise<DemoIdentity[]>} */
export async function demoIdentities() {
  try {
    return await call("GET", "/api/v1/demo/identities");
  } catch (error) {
    if (error instanceof Problem) return [];
    throw error;
  }
}

/**
 * The demo's person for a role: one with something to try where there is one.
 * @param {string} role @returns {Promise<DemoIdentity | null>}
 */
export async function demoPerson(role) {
  const people = (await demoIdentities()).filter((person) => person.role === role);
  return people.find((person) => person.hint) ?? people[0] ?? null;
}

/** The surface a role works on. @param {string} role */
export function surfaceOf(role) {
  return {
    carer: "tablet", planner: "planner", manager: "manager", auditor: "manager", technician: "technician",
    citizen: "citizen", relative: "citizen", kiosk: "kiosk",
  }[role] ?? "operations";
}

/** Open a session. @param {string} identity @param {string} pin @param {string} surface */
export function openSession(identity, pin, surface) {
  return call("POST", "/api/v1/session", { body: { identity, pin }, headers: { "X-Surface": surface } });
}

/**
 * Fill a place with the sign-in.
 * @param {HTMLElement} place
 * @param {object} how
 * @param {string[] | null} how.roles only these of the demo's people, null for all
 * @param {string | null} [how.identity] who it is, where that is known: only the PIN is asked for
 * @param {(role: string | null) => string} how.surface
 * @param {(signedIn: SignedIn) => void | Promise<void>} how.done
 */
export async function signIn(place, { roles, identity = null, surface, done }) {
  const people = (await demoIdentities()).filter((person) => !roles || roles.includes(person.role));
  const choose = () => place.replaceChildren(people.length ? picker(people, askPin) : typedIdentity(askPin));
  /** @param {string} identity @param {DemoIdentity | null} person @param {string} [name] */
  function askPin(identity, person, name) {
    const form = keypad({
      label: t("sign_in.pin"),
      submit: t("sign_in.submit"),
      hint: person ? t("sign_in.demo_pin", { pin: person.pin }) : undefined,
      check: async (pin) => {
        try {
          const session = await openSession(identity, pin, surface(person?.role ?? null));
          await done({ identity, pin, session });
          return null;
        } catch (error) {
          if (error instanceof Problem) return error.words;
          throw error;
        }
      },
    });
    place.replaceChildren(h("div.sign-in-who", {},
      h("h2", {}, name ?? person?.name ?? identity),
      h("button.button", { type: "button", onclick: choose }, icon("arrow-back"), t("sign_in.other"))), form);
    form.querySelector("input")?.focus();
  }
  const known = people.find((person) => person.identity === identity) ?? null;
  if (identity) askPin(identity, known, known ? undefined : t("sign_in.this_screen"));
  else choose();
}

/**
 * @param {DemoIdentity[]} people
 * @param {(identity: string, person: DemoIdentity) => void} chosen
 */
function picker(people, chosen) {
  const list = h("ul.people", {});
  const count = h("p.muted", { role: "status" });
  const search = /** @type {HTMLInputElement} */ (h("input.input", { id: "who", type: "search", autocomplete: "off" }));
  const show = () => {
    const wanted = search.value.trim().toLocaleLowerCase("da");
    const found = people.filter((person) => `${person.name} ${person.unit_name} ${roleWords(person.role)}`.toLocaleLowerCase("da").includes(wanted));
    list.replaceChildren(...found.slice(0, SHOWN).map((person) => h("li", {},
      h("button.button.person", { type: "button", onclick: () => chosen(person.identity, person) }, icon("person"),
        h("span.person-words", {}, h("span", {}, person.name),
          h("span.person-role", {}, [roleWords(person.role), person.unit_name, person.hint].filter(Boolean).join(" · ")))))));
    count.textContent = found.length > SHOWN ? t("sign_in.shown_of", { shown: SHOWN, n: found.length }) : "";
  };
  search.addEventListener("input", show);
  show();
  return h("div.sign-in-picker", {},
    people.length > SHOWN && h("div.field", {}, h("label", { for: "who" }, t("sign_in.search")), search), list, count);
}

/** @param {(identity: string, person: null) => void} chosen */
function typedIdentity(chosen) {
  const field = /** @type {HTMLInputElement} */ (h("input.input", { id: "who", autocomplete: "username", required: true, maxlength: 64 }));
  return h("form.sign-in-picker", {
    onsubmit: (/** @type {Event} */ event) => {
      event.preventDefault();
      if (field.value.trim()) chosen(field.value.trim(), null);
    },
  }, h("div.field", {}, h("label", { for: "who" }, t("sign_in.identity")), field),
  h("button.button.button-main.button-big", { type: "submit" }, icon("arrow-forward"), t("sign_in.next")));
}

/** @param {string} role */
function roleWords(role) {
  return has(`sign_in.role.${role}`) ? t(`sign_in.role.${role}`) : role;
}
