// @ts-check
/**
 * The shapes the board works with; they repeat the HTTP contract of /api/v1/board so that the checker can
 * hold the other modules to it. All instants are ISO 8601 UTC strings, durations are minutes, money is øre.
 *
 * @typedef {"planned" | "begun" | "ended" | "late" | "not_started" | "expected_late"} VisitState
 *
 * @typedef {object} Visit
 * @property {string} id
 * @property {string} short  the number shown on the bar; names stay in the panel
 * @property {string} start_at
 * @property {string} end_at
 * @property {string | null} begun_at
 * @property {string | null} ended_at
 * @property {VisitState} state
 * @property {"physical" | "screen"} mode
 * @property {boolean} double
 * @property {boolean} pinned
 * @property {boolean} has_door
 * @property {boolean} [door_problem]
 * @property {number | null} delay_min
 *
 * @typedef {object} Shift
 * @property {string} id
 * @property {"planned" | "begun" | "ended"} state
 * @property {string} planned_start_at
 * @property {string} planned_end_at
 *
 * @typedef {object} Lane
 * @property {string} carer_id
 * @property {string} name
 * @property {string} unit_id
 * @property {Shift | null} shift
 * @property {"bike" | "car" | "walk" | null} transport
 * @property {string | null} route_id
 * @property {number | null} version
 * @property {number | null} delivered_version
 * @property {number | null} acknowledged_version
 * @property {Visit[]} visits
 * @property {Aside[]} [asides]
 * @property {string[]} [skills]
 * @property {boolean} [offline_tablet] whether her tablet may be let in by a spoken code with every server down
 *
 * @typedef {object} Aside  what stands on a route between the visits
 * @property {string} id  of its place on the board only
 * @property {"break" | "fetch" | "bring"} kind
 * @property {string} start_at
 * @property {string} end_at
 * @property {boolean} fits  whether the route as it stands has room for it
 *
 * @typedef {object} Outlook  what the rest of the day may bring a visit
 * @property {string} visit_id
 * @property {string} short
 * @property {string} expected_at
 * @property {number} late_min  after its window, as things stand
 * @property {number | null} late_percent  of 200 such days; null where the visit is not fragile
 * @property {string | null} latest_at  it begins before in nine days of ten
 *
 * @typedef {object} Unallocated
 * @property {string} id
 * @property {string} short
 * @property {string} unit_id
 * @property {string} window_open_at
 * @property {string} window_close_at
 * @property {number} duration_min
 * @property {string | null} reason
 *
 * @typedef {object} World
 * @property {string} at
 * @property {number} speed  world seconds per second, 0 while paused
 *
 * @typedef {object} BoardAnswer
 * @property {World} world
 * @property {string} day
 * @property {number} position
 * @property {{id: string, name: string}[]} units
 * @property {Record<string, number>} attention
 * @property {Lane[]} lanes
 * @property {Unallocated[]} unallocated
 * @property {{code: string, name: string}[]} [skills]
 *
 * @typedef {{code: string, title: string, text: string}} Finding
 *
 * @typedef {object} Preview
 * @property {boolean} allowed
 * @property {Finding[]} breaches
 * @property {Finding[]} warnings
 * @property {number | null} extra_min
 * @property {number | null} cost_dkk_ore
 * @property {string | null} start_at
 *
 * @typedef {object} MoveOrder
 * @property {string} visit_id
 * @property {string | null} to_carer_id
 * @property {string | null} start_at
 * @property {string} reason
 * @property {string} [agreement_reference]
 *
 * @typedef {object} Moved
 * @property {Lane[]} lanes
 * @property {Unallocated[]} unallocated
 * @property {{visit_id: string, text: string}} moved
 * @property {{to_carer_id: string | null, start_at: string | null} | null} undo
 *
 * @typedef {object} Clash
 * @property {Lane[]} lanes
 * @property {{reason: string, at: string, text: string} | null} last_change
 *
 * @typedef {object} Proposal
 * @property {string} carer_id
 * @property {string} carer_name
 * @property {string} start_at
 * @property {number} extra_min
 * @property {number | null} cost_dkk_ore
 * @property {string[]} pros
 * @property {string[]} cons
 *
 * @typedef {object} CoverProposal
 * @property {string} id
 * @property {"split" | "substitute"} kind
 * @property {string} title
 * @property {{carer_id: string, name: string, visits: number}[]} takes
 * @property {{visit_id: string, short: string, to_carer_id: string, to_name: string, start_at: string, shifted_min: number}[]} moves
 * @property {{visit_id: string, short: string, reason: string}[]} left_over
 * @property {{visit_id: string, short: string, start_at: string, name: string | null}[]} [gone]
 * @property {string[]} pros
 * @property {string[]} cons
 * @property {number} extra_min
 * @property {{route_id: string, version: number}[]} versions
 *
 * @typedef {object} CoverAnswer
 * @property {string} carer_id
 * @property {string} name
 * @property {number} waiting
 * @property {CoverProposal[]} proposals
 *
 * @typedef {object} Absent
 * @property {Lane[]} lanes
 * @property {Unallocated[]} unallocated
 * @property {string} gone  the carer whose lane leaves the board
 * @property {string} text
 *
 * @typedef {object} Task
 * @property {string} task_id
 * @property {string} text  what has happened and what it asks for
 * @property {string} kind
 * @property {"open" | "settled"} state
 * @property {string} raised_at
 * @property {string | null} visit_id
 *
 * @typedef {object} VisitFacts
 * @property {string} id
 * @property {string} short
 * @property {string} citizen_id
 * @property {string} citizen_name
 * @property {string} address
 * @property {string} service_name
 * @property {string} unit_id
 * @property {string | null} carer_id
 * @property {string | null} carer_name
 * @property {string} window_open_at
 * @property {string} window_close_at
 * @property {string | null} start_at
 * @property {string | null} end_at
 * @property {VisitState | "unallocated"} state
 * @property {string | null} begun_at
 * @property {string | null} ended_at
 * @property {string | null} outcome
 * @property {string | null} source
 * @property {boolean} double
 * @property {{lock_state?: string, battery_low: boolean, last_opening: {state: string, at: string} | null,
 *   id: string, holders: number | null, keeps: string[], offline_until_at: string | null, withdrawn: boolean, withdrawn_until_at: string | null} | null} door
 * @property {{at: string, text: string}[]} history
 * @property {{id: string, version: number, points: MapPoint[]} | null} route
 *
 * @typedef {{lat: number, lon: number, label: string, current: boolean}} MapPoint
 *
 * @typedef {object} Job
 * @property {string} id
 * @property {string} kind
 * @property {"waiting" | "running" | "done" | "failed" | "cancelled"} state
 * @property {number} progress_ratio
 * @property {string | null} error_code
 * @property {boolean} cancel_requested
 * @property {{rebased?: boolean, visit_count: number, unallocated_count: number, district_count: number} | null} result
 * @property {string | null} unit_id
 * @property {string | null} day
 */
export {};
