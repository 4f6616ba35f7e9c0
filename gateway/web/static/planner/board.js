// @ts-check
/** What the board knows: lanes, filters, the world's clock. No DOM here. */
/** @typedef {import("./types.js").Lane} Lane */
/** @typedef {import("./types.js").Visit} Visit */
/** @typedef {import("./types.js").Unallocated} Unallocated */
/** @typedef {import("./types.js").BoardAnswer} BoardAnswer */
/** @typedef {{kind: "unit", key: string, unit_id: string, name: string, carers: number, actions: number, collapsed: boolean}} UnitRow */
/** @typedef {{kind: "lane", key: string, lane: Lane}} LaneRow */
/** @typedef {UnitRow | LaneRow} Row */

import { WorldClock } from "../shared/world.js";

const PROBLEMS = new Set(["late", "not_started", "expected_late"]);
const DOOR_PROBLEMS = new Set(["refused", "jammed", "unknown", "expired"]);

/** From here on a planned visit that has not begun is worth a planner's look, before the server calls it late. */
const EXPECTED_LATE_MIN = 5;

/** So many minutes after its window are a miss (gateway/usecases/foresight.py). */
export const MISSES_BY_MIN = 5;

/** A planned visit that is about to be late has a state of its own. @param {Visit} visit */
export function stateOf(visit) {
  return visit.state === "planned" && (visit.delay_min ?? 0) >= EXPECTED_LATE_MIN ? "expected_late" : visit.state;
}

/** @param {Visit} visit */
export function isProblem(visit) {
  return PROBLEMS.has(stateOf(visit)) || Boolean(visit.door_problem);
}

/** A visit without a time has no place on a time axis; it comes with the next plan. @param {Lane} lane */
function timed(lane) {
  lane.visits = lane.visits.filter((v) => v.start_at && v.end_at);
  lane.asides?.forEach((aside, i) => (aside.id = `${lane.carer_id}/${aside.kind}${i}`));
  return lane;
}
/** Whether a lane is one of the chosen. @param {Lane} lane @param {Board["filter"]} filter */
function chosen(lane, { skill, shift, transport }) {
  if (skill && !lane.skills?.includes(skill)) return false;
  if (shift && lane.shift?.state !== shift) return false;
  return !transport || lane.transport === transport;
}

export class Board {
  constructor() {
    /** @type {Map<string, Lane>} */
    this.lanes = new Map();
    /** @type {Unallocated[]} */
    this.unallocated = [];
    /** @type {{id: string, name: string}[]} */
    this.units = [];
    /** @type {{code: string, name: string}[]} what somebody on duty can do */
    this.skills = [];
    /** @type {Record<string, number>} */
    this.attention = {};
    this.day = "";
    this.position = 0;
    this.loaded = false;
    /**
     * @type {{attention: string | null, unit_id: string | null, query: string, skill: string | null, shift: string | null,
     *   transport: string | null}}
     */
    this.filter = { attention: null, unit_id: null, query: "", skill: null, shift: null, transport: null };
    /** @type {Set<string>} */
    this.collapsed = new Set();
    this.clock = new WorldClock();
    /** @type {Map<string, import("./types.js").Outlook>} what the rest of the day may bring, by visit */
    this.ahead = new Map();
  }

  /** How many of a hundred such days begin a planned visit after its window; null where it is not fragile. @param {Visit} visit */
  fragility(visit) {
    return visit.state === "planned" ? (this.ahead.get(visit.id)?.late_percent ?? null) : null;
  }

  /** Set the world's clock from any message that carries it. @param {{at: string, speed: number}} world */
  setWorld(world) {
    this.clock.hear(world);
  }

  /** World time now, milliseconds since the epoch. */
  now() {
    return this.clock.now_ms();
  }

  /** Take in a whole board. @param {BoardAnswer} answer */
  load(answer) {
    this.day = answer.day;
    this.position = answer.position;
    this.units = answer.units;
    this.attention = answer.attention;
    this.unallocated = answer.unallocated;
    this.setWorld(answer.world);
    this.skills = answer.skills ?? [];
    this.lanes = new Map(answer.lanes.map((lane) => [lane.carer_id, timed(lane)]));
    this.loaded = true;
  }

  /** Take in the lanes an act answered with. @param {Lane[]} lanes @param {Unallocated[]} [unallocated] */
  applyLanes(lanes, unallocated) {
    for (const lane of lanes) this.lanes.set(lane.carer_id, timed(lane));
    if (unallocated) this.unallocated = unallocated;
  }

  /**
   * Take in one live event as far as the event itself tells. Returns true where a visible lane changed.
   * @param {string} type
   * @param {Record<string, any>} data
   */
  applyEvent(type, data) {
    if (type === "visit.begun" || type === "visit.ended" || type === "opening.settled") {
      const found = this.places(String(data.visit_id));
      for (const { visit } of found) {
        if (type === "visit.begun") Object.assign(visit, { state: "begun", begun_at: data.at, delay_min: null });
        if (type === "visit.ended") Object.assign(visit, { state: "ended", ended_at: data.at, delay_min: null });
        if (type === "opening.settled") visit.door_problem = DOOR_PROBLEMS.has(String(data.state));
      }
      return found.length > 0;
    }
    const lane = this.lanes.get(String(data.carer_id));
    if (!lane) return false;
    if (type === "route.delivered" && data.day === this.day) lane.delivered_version = data.route_version;
    else if (type === "route.acknowledged" && data.day === this.day) lane.acknowledged_version = data.route_version;
    else if (type.startsWith("shift.") && lane.shift && lane.shift.id === data.shift_id) {
      lane.shift.state = type === "shift.started" ? "begun" : "ended";
    } else return false;
    return true;
  }

  /** Every lane that holds a visit; a visit for two carers lies in two. @param {string} visit_id */
  places(visit_id) {
    /** @type {{lane: Lane, visit: Visit}[]} */
    const found = [];
    for (const lane of this.lanes.values()) {
      const visit = lane.visits.find((v) => v.id === visit_id);
      if (visit) found.push({ lane, visit });
    }
    return found;
  }

  /** @param {string | null} unit_id */
  unitName(unit_id) {
    return this.units.find((u) => u.id === unit_id)?.name ?? "";
  }

  /** @param {Lane} lane */
  _shown(lane) {
    const { attention, unit_id, query } = this.filter;
    if (unit_id && lane.unit_id !== unit_id) return false;
    if (!chosen(lane, this.filter)) return false;
    if (query) {
      const named = lane.name.toLocaleLowerCase("da").includes(query.toLocaleLowerCase("da"));
      if (!named && !lane.visits.some((v) => this.found(v))) return false;
    }
    if (!attention || attention === "unallocated") return true;
    return lane.visits.some((v) => this.matches(v));
  }

  /** Whether a visit is one the search looks for. @param {{short: string}} visit */
  found(visit) {
    const { query } = this.filter;
    return query !== "" && visit.short.startsWith(query);
  }

  /** Whether a visit is one the chosen attention chip counts. @param {Visit} visit */
  matches(visit) {
    const wanted = this.filter.attention;
    return this._is(visit, wanted);
  }

  /** @param {Visit} visit @param {string | null} kind  what an attention chip counts */
  _is(visit, kind) {
    if (kind === "door") return Boolean(visit.door_problem);
    if (kind === "fragile") return this.fragility(visit) !== null;
    return stateOf(visit) === kind;
  }

  /** The rows to show, units in their order, lanes in the server's. @returns {Row[]} */
  rows() {
    /** @type {Row[]} */
    const rows = [];
    for (const unit of this.units) {
      const lanes = [...this.lanes.values()].filter((l) => l.unit_id === unit.id && this._shown(l));
      if (!lanes.length) continue;
      const actions = lanes.reduce((sum, l) => sum + l.visits.filter(isProblem).length, 0);
      const collapsed = this.collapsed.has(unit.id);
      rows.push({
        kind: "unit",
        key: `u:${unit.id}`,
        unit_id: unit.id,
        name: unit.name,
        carers: lanes.length,
        actions,
        collapsed,
      });
      if (!collapsed) for (const lane of lanes) rows.push({ kind: "lane", key: `l:${lane.carer_id}`, lane });
    }
    return rows;
  }

  /** How many a chip counts: the server's word where it says one, otherwise what the lanes show. @param {string} key */
  count(key) {
    if (key in this.attention) return this.attention[key];
    let found = 0;
    for (const lane of this.lanes.values()) {
      for (const visit of lane.visits) found += Number(this._is(visit, key));
    }
    return found;
  }

  /** Unallocated visits within the unit filter. */
  waiting() {
    const { unit_id } = this.filter;
    return this.unallocated.filter((u) => !unit_id || u.unit_id === unit_id);
  }
}
