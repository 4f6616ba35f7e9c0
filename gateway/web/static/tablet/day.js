// @ts-check
// The carer's day as she sees it: the server's word with her own unsent registrations laid over it. Pure.

/**
 * @typedef {import("./outbox.js").Fact} Fact
 * @typedef {any} Stop
 * @typedef {any} Day
 * @typedef {{kind: "break" | "fetch" | "bring", start_at: string, end_at: string, fits: boolean}} Aside
 */

/**
 * The day with facts laid over it that the server's word does not hold yet.
 * @param {Day} day @param {Fact[]} facts unsent and not refused
 * @param {boolean} [waiting] whether to mark them as not sent yet
 * @returns {Day}
 */
export function withWaiting(day, facts, waiting = true) {
  if (!day?.route || !facts.length) return day;
  const stops = day.route.stops.map((/** @type {Stop} */ stop) => {
    const own = facts.filter((fact) => fact.visit_id === stop.visit_id);
    return own.reduce((shown, fact) => laidOver(shown, fact, waiting), stop);
  });
  const acknowledged = facts.filter((fact) => fact.kind === "acknowledgement").map((fact) => fact.body.version);
  const acknowledged_version = Math.max(day.route.acknowledged_version ?? 0, ...acknowledged);
  return { ...day, route: { ...day.route, stops, acknowledged_version } };
}

/** What an outcome of a call means for the visit; "no answer" may leave a second try. @type {Record<string, string>} */
const SCREEN_OUTCOMES = {
  completed: "done", completed_audio: "done", converted_phone: "done", converted_physical: "partly", declined: "declined",
  technical_failure: "technical_failure",
};

/** @param {Stop} stop @param {Fact} fact @param {boolean} waiting @returns {Stop} */
function laidOver(stop, fact, waiting) {
  if (fact.kind === "visit_begin" && stop.state === "planned") {
    return { ...stop, state: "begun", begun_at: fact.at, waiting };
  }
  if (fact.kind === "screen_outcome" && stop.state === "begun" && fact.body.outcome !== "no_answer") {
    return { ...stop, state: "ended", ended_at: fact.at, outcome: SCREEN_OUTCOMES[fact.body.outcome], waiting };
  }
  if (fact.kind === "visit_end" && stop.state !== "ended") {
    return { ...stop, state: "ended", ended_at: fact.at, outcome: fact.body.outcome, waiting };
  }
  return stop;
}

/**
 * The stop that fills the card: the visit under way, else the one chosen by hand, else the next planned.
 * @param {Day} day @param {string | null} chosen
 * @returns {Stop | null}
 */
export function currentStop(day, chosen) {
  const stops = day?.route?.stops ?? [];
  return (
    stops.find((/** @type {Stop} */ stop) => stop.state === "begun") ??
    stops.find((/** @type {Stop} */ stop) => stop.visit_id === chosen && stop.state === "planned") ??
    stops.find((/** @type {Stop} */ stop) => stop.state === "planned") ??
    null
  );
}

/**
 * The breaks and ways to the car that lie ahead: one is over as soon as a visit planned after it has begun.
 * @param {Day} day @returns {Aside[]}
 */
export function asidesAhead(day) {
  const begun = (day?.route?.stops ?? []).filter((/** @type {Stop} */ stop) => stop.state !== "planned");
  const last_ms = Math.max(-Infinity, ...begun.map((/** @type {Stop} */ stop) => Date.parse(stop.start_at)));
  return (day?.route?.asides ?? []).filter((/** @type {Aside} */ one) => Date.parse(one.start_at) > last_ms);
}

/** Whether the route has a change nobody has acknowledged. @param {Day} day */
export function hasUnseenChange(day) {
  const route = day?.route;
  return Boolean(route && route.changes.length && route.version > (route.acknowledged_version ?? 0));
}

/**
 * The one main action of the moment.
 * @param {Day} day @param {Stop | null} stop
 * @returns {"none" | "start_shift" | "unlock" | "begin" | "call_up" | "call_on" | "end" | "end_shift" | "over"}
 */
export function mainAction(day, stop) {
  if (!day?.shift) return "none";
  if (day.shift.state === "planned" || day.shift.key_lost) return "start_shift";
  if (day.shift.state === "ended") return "over";
  if (!stop) return "end_shift";
  if (stop.mode === "screen") return stop.state === "begun" ? "call_on" : "call_up";
  if (stop.state === "begun") return "end";
  return stop.door ? "unlock" : "begin";
}

/** Street and number without floor and side: what fits on the button. @param {string} address */
export function street(address) {
  return address.split(",")[0].trim();
}
