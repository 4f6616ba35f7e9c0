// @ts-check
// What must be seen before anything else: no network, a refused registration, a changed route, a key that is not here.

import { h, icon } from "../shared/dom.js";
import { clock } from "../shared/formats.js";
import { t } from "../shared/messages.js";
import { hasUnseenChange } from "./day.js";

/**
 * @param {object} view
 * @param {any} view.day
 * @param {number} view.waiting facts not sent
 * @param {import("./outbox.js").Fact[]} view.refused
 * @param {number | null} view.offline_since_ms world time
 * @param {number | null} view.stale_ms world time of the stored route, when it is an old one
 * @param {"here" | "elsewhere" | "none"} view.key_place
 * @param {number} view.doors_until_ms world time until which a door of the shift opens without a network; 0 for none
 * @param {string | null} view.notice a sentence about what was just tried
 * @param {{acknowledge: () => void, dismiss: (fact: import("./outbox.js").Fact) => void, close_notice: () => void}} view.act
 */
export function banners({ day, waiting, refused, offline_since_ms, stale_ms, key_place, doors_until_ms, notice, act }) {
  return [
    offline_since_ms !== null && banner("warn", "own-cloud-off", t("tablet.offline", { at: clock(offline_since_ms) }), [
      waiting ? t("tablet.offline_waiting", { n: waiting }) : null,
      day?.route && (doors_until_ms ? t("tablet.offline_doors_until", { at: clock(doors_until_ms) }) : t("tablet.offline_doors")),
      stale_ms !== null ? t("tablet.stale", { at: clock(stale_ms) }) : null,
    ]),
    day?.route && key_place === "elsewhere" && (day.shift?.key_lost
      ? banner("warn", "warning", t("tablet.key_lost"), [t("tablet.key_lost_text")])
      : banner("warn", "warning", t("tablet.key_elsewhere"), [t("tablet.key_elsewhere_text")])),
    refused.map((fact) => banner("danger", "error", t("tablet.fact_refused", { n: 1, reason: fact.refused ?? "" }),
      [fact.label ?? ""], action(t("tablet.fact_seen"), `refused-${fact.key}`, () => act.dismiss(fact)))),
    notice && banner("danger", "error", notice, [], action(t("tablet.understood"), "notice", act.close_notice)),
    hasUnseenChange(day) && routeBanner(day, act.acknowledge),
  ];
}

/** @param {any} day @param {() => void} acknowledge */
function routeBanner(day, acknowledge) {
  const [last, ...earlier] = [...day.route.changes].reverse();
  const lines = [last, ...earlier.slice(0, 2)].flatMap((change, index) => [
    index ? h("p.banner-earlier", {}, t("tablet.route_changed", { at: clock(change.at), reason: change.reason })) : null,
    change.came.length ? h("p", {}, h("b", {}, `${t("tablet.came")} `), change.came.join(" · ")) : null,
    change.left.length ? h("p", {}, h("b", {}, `${t("tablet.left")} `), change.left.join(" · ")) : null,
  ]);
  return banner("info", "info", t("tablet.route_changed", { at: clock(last.at), reason: last.reason }), lines,
    action(t("tablet.seen"), "acknowledge", acknowledge, true), "alert");
}

/** @param {string} words @param {string} key @param {() => void} act @param {boolean} [main] */
function action(words, key, act, main = false) {
  return h(main ? "button.button.button-main" : "button.button", { type: "button", onclick: act, "data-key": key }, words);
}

/**
 * @param {string} kind @param {string} iconName @param {string} heading
 * @param {import("../shared/dom.js").Child[]} lines @param {import("../shared/dom.js").Child} [button] @param {string} [role]
 */
function banner(kind, iconName, heading, lines, button, role = "status") {
  return h(`div.banner.banner-${kind}`, {}, icon(iconName),
    h("div.banner-words", { role }, h("p.banner-heading", {}, heading),
      lines.map((line) => (typeof line === "string" ? h("p", {}, line) : line))),
    button);
}
