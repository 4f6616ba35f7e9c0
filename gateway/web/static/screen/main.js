// @ts-check
// The page behind the link of a screen visit. It knows nothing until its one-time word has been given back on "Svar".

import { Problem, call as ask } from "../shared/api.js";
import { CitizenSide } from "../shared/call/citizen.js";
import { face, ringFace, telephone } from "../shared/call/faces.js";
import { byId } from "../shared/dom.js";
import { languageButton } from "../shared/language.js";
import { t } from "../shared/messages.js";

const BAD_LINK = ["link_used", "link_expired", "link_unknown"];

const phone = byId("place").dataset.phone ?? "";
/** @type {string | null} */
let token = location.hash.slice(1) || null;
// whoever looks over the shoulder, or gets the address later, finds no word in it
history.replaceState(null, "", location.pathname);

const side = new CitizenSide({ place: byId("place"), phone, idle: () => noLink(), gone: () => noLink(), ways: ["link"] });

languageButton(byId("language"), () => side.repaint());
begin();

async function begin() {
  if (token) return side.show("ring", () => ringFace({ name: null, answer: () => redeem((it) => it.answer("answer")), not_now: () => redeem((it) => it.notNow()) }));
  try {
    side.hear(await side.read());
    side.listen();
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    if (error.status === 401 || error.status === 403) noLink();
    else failed(error.words, begin);
  }
}

/** Give the word back; from now on the browser itself is known. @param {(side: CitizenSide) => Promise<void>} then */
async function redeem(then) {
  side.show("answering", () => face({ heading: t("call.connecting_unknown"), picture: "hourglass" }));
  try {
    side.room = await ask("POST", "/api/v1/screen/redemption", { body: { token } });
    token = null;
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    if (BAD_LINK.includes(error.code)) return badLink();
    return failed(error.words, begin);
  }
  if (side.room.state === "ringing" || side.room.state === "answered") await then(side);
  else {
    side.shown = "";
    side.hear(side.room);
  }
  side.listen();
}

function badLink() {
  token = null;
  side.show("link", () => face({
    heading: t("screen.bad_link"), text: [t("screen.bad_link.text"), t("screen.urgent", { phone })], picture: "time", actions: [telephone(phone)],
  }));
}

function noLink() {
  side.stop();
  side.show("link", () => face({
    heading: t("screen.no_link"), text: [t("screen.no_link.text"), t("screen.urgent", { phone })], picture: "info", actions: [telephone(phone)],
  }));
}

/** @param {string} words @param {() => void} again */
function failed(words, again) {
  side.show("problem", () => face({
    heading: words, picture: "warning",
    actions: [{ words: t("common.try_again"), icon: "refresh", look: "large", act: again }, telephone(phone)],
  }));
}
