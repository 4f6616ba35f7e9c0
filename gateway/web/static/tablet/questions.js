// @ts-check
// The questions the bar can ask: where the shift starts or ends, how the visit went, what else can be done.

import { h } from "../shared/dom.js";
import { t } from "../shared/messages.js";
import { question } from "./bar.js";
import { outcomeWords } from "./route_view.js";

const PLACES = /** @type {const} */ ([["home", "home"], ["base", "business"], ["citizen", "person"]]);
const OUTCOMES = /** @type {const} */ ([
  ["done", "check"], ["partly", "checklist"], ["nobody_home", "home"], ["declined", "close"], ["cancelled_at_door", "flag"],
]);
const NOTE_LENGTH = 400;

/**
 * @param {"ask_start" | "ask_end" | "ask_outcome" | "ask_note" | "more"} asked
 * @param {object} view
 * @param {any} view.day @param {any} view.stop @param {string | null} view.outcome
 * @param {number} view.waiting @param {boolean} view.busy @param {boolean} view.can_hold_keys @param {boolean} view.in_house in a residence
 * @param {object} act
 * @param {() => void} act.back
 * @param {(place: "home" | "base" | "citizen") => void} act.start
 * @param {(place: "home" | "base" | "citizen") => void} act.end
 * @param {(outcome: string, note: string) => void} act.outcome
 * @param {(outcome: string) => void} act.note
 * @param {(what: string) => void} act.more
 */
export function ask(asked, view, act) {
  switch (asked) {
    case "ask_start":
      return view.can_hold_keys
        ? places("start", view, act.start, act.back)
        : question({ heading: t("tablet.no_keys"), text: t("tablet.no_keys_text"), answers: [], back: act.back });
    case "ask_end":
      return view.waiting
        ? cannotEnd(view, act)
        : places("end", view, act.end, act.back);
    case "ask_outcome":
      return question({
        heading: t("tablet.how_did_it_go"),
        answers: OUTCOMES.map(([name, iconName]) => ({
          words: outcomeWords(name), icon: iconName, key: `outcome-${name}`, main: name === "done",
          act: () => (name === "done" ? act.outcome(name, "") : act.note(name)),
        })),
        back: act.back,
      });
    case "ask_note":
      return note(view.outcome ?? "", act);
    default:
      return more(view, act);
  }
}

/** What is not sent yet keeps the shift open; the keys need not wait for that. @param {any} view @param {any} act */
function cannotEnd(view, act) {
  return question({
    heading: t("tablet.cannot_end"), text: t("tablet.cannot_end_text", { n: view.waiting }), back: act.back,
    extra: view.has_keys && h("p", {}, t("tablet.destroy_keys_text")),
    answers: view.has_keys
      ? [{ words: t("tablet.destroy_keys"), icon: "lock", key: "destroy-keys", danger: true, act: () => act.more("destroy_keys") }]
      : [],
  });
}

/** Where; a residence is its own base. @param {"start" | "end"} which @param {any} view @param {(place: any) => void} chosen @param {() => void} back */
function places(which, { busy, in_house }, chosen, back) {
  if (in_house) {
    return question({
      heading: t(`transfer.${which}`), text: which === "end" ? t("transfer.end_text") : "", back,
      answers: [{ words: t(`transfer.${which}_here`), icon: "check", key: "place-base", disabled: busy, act: () => chosen("base") }],
    });
  }
  return question({
    heading: t(`tablet.where_${which}`), text: t(`tablet.where_${which}_text`), back,
    answers: PLACES.map(([name, iconName]) => ({
      words: t(`tablet.place.${name}`), icon: iconName, key: `place-${name}`, disabled: busy, act: () => chosen(name),
    })),
  });
}

/** @param {string} outcome @param {{outcome: (outcome: string, note: string) => void, back: () => void}} act */
function note(outcome, act) {
  const field = /** @type {HTMLTextAreaElement} */ (h("textarea.input", { id: "note", rows: 2, maxlength: NOTE_LENGTH, "data-key": "note" }));
  return question({
    heading: outcomeWords(outcome),
    extra: h("div.field", {}, h("label", { for: "note" }, t("tablet.note")), field),
    answers: [{ words: t("tablet.end_visit"), icon: "check", key: "save-outcome", main: true, act: () => act.outcome(outcome, field.value.trim()) }],
    back: act.back,
  });
}

/** @param {any} view @param {any} act */
function more(view, act) {
  const withoutDoor = view.stop?.door && view.stop.state === "planned";
  const ended = view.stop?.state === "planned";
  return question({
    heading: t("tablet.more"),
    answers: [
      withoutDoor && { words: t("tablet.begin_without_door"), icon: "home", key: "more-begin", act: () => act.more("begin") },
      ended && { words: t("tablet.not_carried_out"), icon: "flag", key: "more-outcome", act: () => act.more("ask_outcome") },
      view.by_code && { words: t("tablet.code.more"), icon: "warning", key: "more-code", act: () => act.more("code_door") },
      { words: t("tablet.refresh"), icon: "refresh", key: "more-refresh", act: () => act.more("refresh") },
      { words: t("tablet.end_shift"), icon: "check", key: "more-end", act: () => act.more("ask_end") },
    ].filter((answer) => answer !== false && answer !== undefined && answer !== null),
    back: act.back,
  });
}
