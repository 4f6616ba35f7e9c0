// @ts-check
/** The planner's page: fetches the day, wires the parts, keeps time. */
/** @typedef {import("./types.js").MoveOrder} MoveOrder */
/** @typedef {import("./types.js").Moved} Moved */
/** @typedef {import("./types.js").Proposal} Proposal */

import { fetchBoard, move, Problem } from "./api.js";
import { Away } from "./away.js";
import { Board } from "./board.js";
import { Choice } from "./choice.js";
import { CarerPanel } from "./carer_panel.js";
import { Changes } from "./changes.js";
import { ClashDialog } from "./clash.js";
import { byId, inFrame, throttled } from "./dom.js";
import { Drag } from "./drag.js";
import { Emergencies } from "./emergencies.js";
import { Filters } from "./filters.js";
import { Foresight } from "./foresight.js";
import { Grid } from "./grid.js";
import { Keys } from "./keys.js";
import { Live } from "./live.js";
import { MoveDialog } from "./move.js";
import { Panel, wordsOf } from "./panel.js";
import { Phone } from "./phone.js";
import { PlanDialog } from "./plan.js";
import { printable } from "./print.js";
import { Scale } from "./scale.js";
import { clock, t } from "./text.js";
import { Tasks } from "./tasks.js";
import { Undo } from "./undo.js";
import { Zoom } from "./zoom.js";

const REFETCH_EVERY_MS = 1000;
const REFETCH_COUNTS_MS = 5000;
const REFRESH_MS = 30_000;

const day = byId("board").dataset.day ?? "";
const board = new Board();
const scale = new Scale(board);
const grid = new Grid(board, scale);
let fetched_ms = 0;
let fetching = false;
let again = false;

async function load() {
  if (fetching) {
    again = true;
    return;
  }
  fetching = true;
  try {
    const answer = await fetchBoard(day);
    if (answer) board.load(answer);
    fetched_ms = board.now();
    byId("board-error").hidden = true;
    repaint();
    void tasks.load();
    void emergencies.load();
    void away.load();
    void changes.load();
  } catch (error) {
    byId("board-error").hidden = false;
    const since = board.loaded ? t("planner.error.since", { at: clock(fetched_ms) }) : "";
    if (error instanceof Problem && error.status === 401) {
      // The session ended: only signing in helps.
      window.location.assign(`/log-ind?til=${encodeURIComponent(window.location.pathname)}`);
      return;
    }
    byId("board-error-words").textContent = [t("planner.error.board"), wordsOf(error), since].filter(Boolean).join(" ");
  } finally {
    fetching = false;
    byId("board-loading").hidden = board.loaded || !byId("board-error").hidden;
    if (again) {
      again = false;
      refetch();
    }
  }
}

const refetch = throttled(REFETCH_EVERY_MS, () => void load());
const refetchLater = throttled(REFETCH_COUNTS_MS, () => void load());

function refresh() {
  grid.refresh();
  inFrame("elsewhere", () => {
    phone.paint();
    town?.paint();
  });
}

function repaint() {
  inFrame("filters", () => {
    filters.paint();
    choice.paint();
  });
  inFrame("undo", () => undo.paint());
  refresh();
}

/** @param {string} visit_id */
function select(visit_id) {
  grid.selected = visit_id;
  grid.refresh();
  void panel.show(visit_id);
}

/** Show a visit in the panel and bring its bar into view. @param {string} visit_id */
function reveal(visit_id) {
  const lane = board.places(visit_id)[0]?.lane;
  grid.layOut();
  keys.go(lane ? `l:${lane.carer_id}` : "waiting", visit_id);
  select(visit_id);
}

/** Show a carer in the panel; `ill` asks at once what could be done. @param {string} carer_id @param {boolean} [ill] */
function selectCarer(carer_id, ill = false) {
  grid.selected = null;
  panel.close();
  grid.refresh();
  void carers.show(carer_id, ill);
}

/** Routes stand as the server says after an act; who is off the day has no lane. @param {import("./happened.js").Done} answer */
function stands(answer) {
  board.applyLanes(answer.lanes, answer.unallocated);
  for (const carer_id of answer.gone) board.lanes.delete(carer_id);
  panel.close();
  repaint();
  refetch();
  void foresight.load();
  requestAnimationFrame(() => keys.go("waiting", null));
}

/** @type {import("./happened.js").Acts} */
const happened = {
  units: () => board.units,
  done: (answer, back) => {
    stands(answer);
    undo.offerAct(answer.text, async () => {
      const undone = await back();
      stands(undone);
      return undone.text;
    });
  },
};

/** @param {Moved} answer @param {MoveOrder} order @param {boolean} [undone] */
function moved(answer, order, undone = false) {
  board.applyLanes(answer.lanes, answer.unallocated);
  if (!undone) undo.offer(answer, order);
  repaint();
  refetch();
  // The visit keeps the focus in its new lane, wherever that is.
  requestAnimationFrame(() => {
    grid.layOut();
    const row = order.to_carer_id === null ? "waiting" : `l:${order.to_carer_id}`;
    keys.go(row, order.visit_id);
    select(order.visit_id);
  });
}

/** @param {Problem} problem @param {MoveOrder} order */
function clashed(problem, order) {
  clash.open(problem, order, (one) => dialog.lanesOf(one));
  repaint();
}

/** @param {Proposal} proposal @param {string} visit_id @param {string} reason */
async function take(proposal, visit_id, reason) {
  /** @type {MoveOrder} */
  const order = { visit_id, to_carer_id: proposal.carer_id, start_at: proposal.start_at, reason };
  try {
    moved(await move(order, dialog.lanesOf(order), false, crypto.randomUUID()), order);
  } catch (error) {
    if (error instanceof Problem && error.status === 412) clashed(error, order);
    // A refusal is shown where the planner can change the order.
    else dialog.open(visit_id, { to: proposal.carer_id, start_at: proposal.start_at, reason });
  }
}

const dialog = new MoveDialog(board, grid.fits, { moved, clash: clashed });
const clash = new ClashDialog(board, { moved, reload: () => refetch() });
const panel = new Panel(board, { move: (id) => dialog.open(id), take: (p, id, why) => void take(p, id, why), select, ...happened });
const carers = new CarerPanel(board, { ...happened, said: (text) => undo.say(text), select });
const changes = new Changes(board, (visit_id) => reveal(visit_id));
const tasks = new Tasks({ select });
const emergencies = new Emergencies();
const foresight = new Foresight(day, { select });
const away = new Away((text) => undo.say(text));
const undo = new Undo(board, {
  moved,
  clash: clashed,
  change: (order) => dialog.open(order.visit_id, { to: order.to_carer_id, start_at: order.start_at }),
  lanesOf: (order) => dialog.lanesOf(order),
});
printable(grid);
const phone = new Phone(board);
/** @type {import("./town.js").Town | null} the map is fetched when somebody first looks at it */
let town = null;
const filters = new Filters(board, refresh, () => keys.found());
const choice = new Choice(board, refresh);
const zoom = new Zoom(scale, () => grid.refresh());
const plan = new PlanDialog(board, { done: () => void load() });
const drag = new Drag(grid, {
  check: async (visit_id, to_carer_id, start_at) => {
    /** @type {MoveOrder} */
    const order = { visit_id, to_carer_id, start_at, reason: "other" };
    try {
      return await move(order, dialog.lanesOf(order), true);
    } catch (error) {
      return wordsOf(error);
    }
  },
  drop: (visit_id, to, start_at) => dialog.open(visit_id, { to, start_at }),
});
const keys = new Keys(grid, {
  open: (visit_id) => {
    select(visit_id);
    /** @type {HTMLElement | null} */ (byId("panel-body").querySelector("h2"))?.focus();
  },
  move: (visit_id) => {
    select(visit_id);
    dialog.open(visit_id);
  },
  carer: (carer_id, ill) => selectCarer(carer_id, ill),
  undo: () => void undo.back(),
  close: () => {
    grid.selected = null;
    panel.close();
    grid.refresh();
  },
  toggle,
  zoom: (by) => zoom.by(by),
});

/** @param {string} unit_id */
function toggle(unit_id) {
  if (!board.collapsed.delete(unit_id)) board.collapsed.add(unit_id);
  grid.refresh();
}

for (const button of document.querySelectorAll("[data-view]")) {
  button.addEventListener("click", async () => {
    const { Town } = await import("./town.js");
    town ??= new Town(board, { select, carer: (carer_id) => selectCarer(carer_id) });
    await town.show(/** @type {HTMLElement} */ (button).dataset.view === "map", grid.selected);
  });
}

grid.root.addEventListener("click", (event) => {
  if (drag.justDropped) return;
  const target = /** @type {HTMLElement} */ (event.target);
  const bar = /** @type {HTMLElement | null} */ (target.closest("[data-visit]"));
  const unit = /** @type {HTMLElement | null} */ (target.closest(".row.unit"));
  if (bar?.dataset.visit) {
    bar.focus({ preventScroll: true });
    select(bar.dataset.visit);
  } else if (unit?.dataset.row) toggle(unit.dataset.row.slice(2));
  else {
    const lane = /** @type {HTMLElement | null} */ (target.closest(".row.lane"));
    if (lane?.dataset.row && target.closest('[role="rowheader"]')) selectCarer(lane.dataset.row.slice(2));
  }
});

byId("panel-body").addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  const { row, visit } = grid.focus;
  keys.go(row, visit);
});

byId("board-retry").addEventListener("click", () => void load());

new Live(board, {
  changed: refresh,
  refetch,
  refetchLater,
  tasks: () => void tasks.load(),
  emergencies: () => void emergencies.load(),
  job: (data) => plan.heard(data),
});

let minute = "";
window.setInterval(() => {
  inFrame("now", () => {
    const text = clock(board.now());
    if (text !== minute) {
      minute = text;
      byId("world-clock").textContent = text;
      byId("now-label").textContent = text;
      if (!drag.active) grid.layOut();
    } else grid.paintNow();
  });
}, 1000);
window.setInterval(refetch, REFRESH_MS);

void load();
