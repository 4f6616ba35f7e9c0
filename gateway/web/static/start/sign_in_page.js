// @ts-check
// The sign-in page of the office, and the way in for the cards of the demo's start page.

import { Problem } from "../shared/api.js";
import { byId } from "../shared/dom.js";
import { t } from "../shared/messages.js";
import { demoPerson, openSession, signIn, surfaceOf } from "../shared/sign_in.js";

const HOMES = /** @type {Record<string, string>} */ ({
  tablet: "/tablet", planner: "/planlaegger", manager: "/leder", operations: "/drift",
  technician: "/tekniker", citizen: "/mit", kiosk: "/kiosk",
});
const wanted = new URLSearchParams(location.search);
const role = wanted.get("rolle");
const to = wanted.get("til");
const identity = wanted.get("hvem");

/** @param {string} ofRole */
function goOn(ofRole) {
  // only to a page of ours: a link must not be able to send a signed-in person elsewhere
  const address = to ? new URL(to, location.origin) : null;
  const own = address && address.origin === location.origin && to?.startsWith("/");
  location.replace(own ? address.pathname + address.search : HOMES[surfaceOf(ofRole)]);
}

/** The card's role, by the demo's first person of it. @param {string} ofRole @returns {Promise<boolean>} */
async function enterAs(ofRole) {
  const person = await demoPerson(ofRole);
  if (!person) return false;
  byId("said").textContent = t("sign_in.going", { name: person.name });
  try {
    await openSession(person.identity, person.pin, surfaceOf(ofRole));
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    byId("said").textContent = error.words;
    return false;
  }
  goOn(ofRole);
  return true;
}

/** Where somebody who asked for a page, but is not signed in, wants to go. @returns {string | null} */
function surfaceOfTarget() {
  return Object.keys(HOMES).find((surface) => to?.startsWith(HOMES[surface])) ?? null;
}

if (!role || !(await enterAs(role))) {
  if (role && !byId("said").textContent) byId("said").textContent = t("sign_in.nobody");
  await signIn(byId("place"), {
    roles: null,
    identity,
    surface: (ofRole) => surfaceOfTarget() ?? surfaceOf(ofRole ?? ""),
    done: ({ session }) => goOn(session.role),
  });
}
