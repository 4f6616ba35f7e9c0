// @ts-check
/** The day as it travels, in columns (gateway/views/board_columns.py), and as the board works with it: lanes of visits. */
/** @typedef {import("./types.js").BoardAnswer} BoardAnswer */
/** @typedef {import("./types.js").Lane} Lane */
/** @typedef {import("./types.js").Visit} Visit */

const SCREEN = 1;
const DOUBLE = 2;
const PINNED = 4;
const DOOR = 8;
const STATES = /** @type {Visit["state"][]} */ (["planned", "begun", "ended", "late", "not_started"]);
const MINUTE_MS = 60_000;

/**
 * @typedef {object} Columns
 * @property {"columns"} form
 * @property {string} from_at
 * @property {{id: string, name: string}[]} units
 * @property {{code: string, name: string}[]} skills
 * @property {any[][]} lanes
 * @property {Record<string, any[]> & {id: string[] | {prefix: string, size: number, text: string}}} visits
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
  const ids = idsOf(answer.visits.id);
  let next = 0;
  return answer.lanes.map((row) => {
    const [carer_id, name, unit, shift_id, state, begins, ends, transport, route_id, version, delivered, seen, offline, skills, n] = row;
    let before_ms = from_ms;
    const visits = Array.from({ length: n }, () => {
      const visit = visitAt(answer.visits, ids[next], next, before_ms + answer.visits.gap[next]);
      before_ms += answer.visits.gap[next] + answer.visits.length[next];
      next += 1;
      return visit;
    });
    return {
      carer_id,
      name,
      unit_id: answer.units[unit].id,
      shift: {
        id: shift_id,
        state,
        planned_start_at: iso(from_ms + begins * MINUTE_MS),
        planned_end_at: iso(from_ms + ends * MINUTE_MS),
      },
      transport,
      skills: skills.map((/** @type {number} */ i) => answer.skills[i].code),
      route_id,
      version,
      delivered_version: delivered,
      acknowledged_version: seen,
      offline_tablet: Boolean(offline),
      visits,
    };
  });
}

/** Ids of one length travel as one text. @param {Columns["visits"]["id"]} packed @returns {string[]} */
function idsOf(packed) {
  if (Array.isArray(packed)) return packed;
  const { prefix, size, text } = packed;
  return Array.from({ length: text.length / size }, (_, i) => prefix + text.slice(i * size, (i + 1) * size));
}

/** @param {Record<string, any[]>} columns @param {string} id @param {number} i @param {number} start_ms @returns {Visit} */
function visitAt(columns, id, i, start_ms) {
  const end_ms = start_ms + columns.length[i];
  const flags = columns.flags[i];
  const state = columns.state[i];
  return {
    id,
    short: columns.short[i] ? String(columns.short[i]) : "?",
    start_at: iso(start_ms),
    end_at: iso(end_ms),
    begun_at: columns.begun[i] === null ? null : iso(start_ms + columns.begun[i]),
    ended_at: columns.ended[i] === null ? null : iso(end_ms + columns.ended[i]),
    state: typeof state === "number" ? STATES[state] : state,
    mode: flags & SCREEN ? "screen" : "physical",
    double: Boolean(flags & DOUBLE),
    pinned: Boolean(flags & PINNED),
    has_door: Boolean(flags & DOOR),
    delay_min: columns.delay_min[i],
  };
}
