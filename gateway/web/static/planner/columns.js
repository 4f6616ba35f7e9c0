// @ts-check
/** The day as it travels, in columns (gateway/views/board_columns.py), and as the board works with it: lanes of visits. */
/** @typedef {import("./types.js").BoardAnswer} BoardAnswer */
/** @typedef {import("./types.js").Lane} Lane */
/** @typedef {import("./types.js").Visit} Visit */
/** @typedef {import("./packing.js").Ids} Ids */
/** @typedef {import("./packing.js").Numbers} Numbers */

import { idsOf, numbersOf } from "./packing.js";

const SCREEN = 1;
const DOUBLE = 2;
const PINNED = 4;
const DOOR = 8;
const STATES = /** @type {Visit["state"][]} */ (["planned", "begun", "ended", "late", "not_started"]);
const ASIDES = /** @type {import("./types.js").Aside["kind"][]} */ (["break", "fetch", "bring"]);
const SECOND_MS = 1000;
const MINUTE_MS = 60_000;

/**
 * @typedef {object} Columns
 * @property {"columns"} form
 * @property {string} from_at
 * @property {{id: string, name: string}[]} units
 * @property {{code: string, name: string}[]} skills
 * @property {Ids} carers
 * @property {Ids} shifts
 * @property {Ids} routes
 * @property {any[][]} lanes
 * @property {Record<string, Numbers> & {id: Ids}} visits
 * @property {number[][]} asides
 */

/** @param {number} ms */
const iso = (ms) => new Date(ms).toISOString();

/** An answer in either form as lanes of visits. @param {any} answer @returns {BoardAnswer} */
export function lanesOf(answer) {
  return answer.form === "columns" ? { ...answer, lanes: expand(answer) } : answer;
}

/** @param {Columns} answer @returns {Lane[]} */
function expand(answer) {
  const from_ms = Date.parse(answer.from_at);
  const { id, ...packed } = answer.visits;
  const ids = idsOf(id);
  /** @type {Record<string, any[]>} */
  const columns = Object.fromEntries(Object.entries(packed).map(([name, values]) => [name, numbersOf(values)]));
  const [carers, shifts, routes] = [idsOf(answer.carers), idsOf(answer.shifts), idsOf(answer.routes)];
  let next = 0;
  const lanes = answer.lanes.map((row, at) => {
    const [name, unit, state, begins, ends, transport, version, delivered, seen, offline, skills, n] = row;
    let before_ms = from_ms;
    const visits = Array.from({ length: n }, () => {
      const visit = visitAt(columns, ids[next], next, before_ms + columns.gap[next] * SECOND_MS);
      before_ms += (columns.gap[next] + columns.length[next]) * SECOND_MS;
      next += 1;
      return visit;
    });
    return {
      carer_id: carers[at],
      name,
      unit_id: answer.units[unit].id,
      shift: {
        id: shifts[at],
        state,
        planned_start_at: iso(from_ms + begins * MINUTE_MS),
        planned_end_at: iso(from_ms + ends * MINUTE_MS),
      },
      transport,
      skills: skills.map((/** @type {number} */ i) => answer.skills[i].code),
      route_id: routes[at],
      version,
      delivered_version: delivered,
      acknowledged_version: seen,
      offline_tablet: Boolean(offline),
      visits,
      asides: /** @type {import("./types.js").Aside[]} */ ([]),
    };
  });
  for (const [lane, kind, begins, ends, fits] of answer.asides) {
    const [start_at, end_at] = [begins, ends].map((at) => iso(from_ms + at * SECOND_MS));
    lanes[lane].asides.push({ id: "", kind: ASIDES[kind], start_at, end_at, fits: Boolean(fits) });
  }
  return lanes;
}

/** @param {Record<string, any[]>} columns @param {string} id @param {number} i @param {number} start_ms @returns {Visit} */
function visitAt(columns, id, i, start_ms) {
  const end_ms = start_ms + columns.length[i] * SECOND_MS;
  const flags = columns.flags[i];
  return {
    id,
    short: columns.short[i] ? String(columns.short[i]) : "?",
    start_at: iso(start_ms),
    end_at: iso(end_ms),
    begun_at: columns.begun[i] === null ? null : iso(start_ms + columns.begun[i] * SECOND_MS),
    ended_at: columns.ended[i] === null ? null : iso(end_ms + columns.ended[i] * SECOND_MS),
    state: STATES[columns.state[i]],
    mode: flags & SCREEN ? "screen" : "physical",
    double: Boolean(flags & DOUBLE),
    pinned: Boolean(flags & PINNED),
    has_door: Boolean(flags & DOOR),
    delay_min: columns.delay_min[i],
  };
}
