// @ts-check
/** The planner's page: fetches the day, wires the parts, keeps time. What is done with the day is fetched later. */

import { fetchBoard, Problem, wordsOf } from "./api.js";
import { Away } from "./away.js";
import { Board } from "./board.js";
import { Changes } from "./changes.js";
import { byId, inFrame, throttled } from "./dom.js";
import { Emergencies } from "./emergencies.js";
import { Filters } from "./filters.js";
import { Foresight } from "./foresight.js";
import { Grid } from "./grid.js";
import { Keys } from "./keys.js";
import { fetched, onceNarrow, onceOpened, styled } from "./later.js";
import { Live } from "./live.js";
import { printable } from "./print.js";
import { Scale } from "./scale.js";
import { Tasks } from "./tasks.js";
import { clock, t } from "./text.js";
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
    // A board on which nothing has happened has nothing new beside it either: its tag is that of the whole log.
    if (answer) for (const one of [tasks, emergencies, away, changes]) void one.load();
  } catch (error) {
    if (error instanceof Problem && error.status === 401) {
      // The session ended: only signing in helps.
      window.location.assign(`/log-ind?til=${encodeURIComponent(window.location.pathname)}`);
      return;
    }
    complain(t("planner.error.board"), error);
  } finally {
    fetching = false;
    byId("board-loading").hidden = board.loaded || !byId("board-error").hidden;
    if (again) {
      again = false;
      refetch();
    }
  }
}

/** What could not be fetched is said above the board, which stays as it is. @param {string} what @param {unknown} error */
function complain(what, error) {
  byId("board-error").hidden = false;
  const since = board.loaded ? t("planner.error.since", { at: clock(fetched_ms) }) : "";
  byId("board-error-words").textContent = [what, wordsOf(error), since].filter(Boolean).join(" ");
}

const refetch = throttled(REFETCH_EVERY_MS, () => void load());
const refetchLater = throttled(REFETCH_COUNTS_MS, () => void load());

function refresh() {
  grid.refresh();
  inFrame("elsewhere", () => {
    phone.here?.paint();
    town.here?.paint();
    acts.here?.paint();
  });
}

function repaint() {
  inFrame("filters", () => {
    filters.paint();
    choice.here?.paint();
  });
  refresh();
}

/** A part could not be fetched: it is asked for again with the next touch. @param {unknown} error */
const missing = (error) => complain(t("planner.error.part"), error);

const acts = fetched(
  () => import("./acts.js"),
  ({ Acts }) => new Acts(board, grid, { go: (row, visit) => keys.go(row, visit), repaint, refetch, ahead: () => void foresight.load() }),
  missing,
);
const phone = fetched(() => import("./phone.js"), ({ Phone }) => new Phone(board), missing);
const choice = fetched(() => import("./choice.js"), ({ Choice }) => new Choice(board, refresh), missing);
const plan = fetched(() => import("./plan.js"), ({ PlanDialog }) => new PlanDialog(board, { done: () => void load(), say }), missing);
const town = fetched(
  async () => (await Promise.all([import("./town.js"), styled(new URL("./town.css", import.meta.url))]))[0],
  ({ Town }) => new Town(board, { select, carer: (carer_id) => acts.use((one) => one.carer(carer_id)) }),
  missing,
);

/** One sentence beside the board, without a way back. @param {string} words */
function say(words) {
  acts.use((one) => one.undo.say(words));
}

/** @param {string} visit_id */
function select(visit_id) {
  // The bar is marked at once; the panel follows when it is there.
  grid.selected = visit_id;
  grid.refresh();
  acts.use((one) => one.select(visit_id));
}

/** @param {string} unit_id */
function toggle(unit_id) {
  if (!board.collapsed.delete(unit_id)) board.collapsed.add(unit_id);
  grid.refresh();
}

const changes = new Changes(board, (visit_id) => acts.use((one) => one.reveal(visit_id)));
const tasks = new Tasks({ select });
const emergencies = new Emergencies();
const foresight = new Foresight(board, day, { select, changed: refresh });
const away = new Away({ open: (happening, place) => acts.use((one) => one.open(happening, place)) });
const filters = new Filters(board, refresh, () => keys.found());
const zoom = new Zoom(scale, () => grid.refresh());
const keys = new Keys(grid, {
  open: (visit_id) => acts.use((one) => one.select(visit_id, true)),
  move: (visit_id) => acts.use((one) => one.move(visit_id)),
  carer: (carer_id, ill) => acts.use((one) => one.carer(carer_id, ill)),
  undo: () => acts.use((one) => void one.undo.back()),
  close: () => acts.use((one) => one.close()),
  toggle,
  zoom: (by) => zoom.by(by),
});
printable(grid);
onceNarrow(() => phone.use((one) => one.paint()));
onceOpened(byId("choice"), () => choice.use((one) => one.paint()));

for (const button of document.querySelectorAll("[data-plan]")) {
  button.addEventListener("click", () => plan.use((one) => one.open()));
}
for (const button of document.querySelectorAll("[data-view]")) {
  button.addEventListener("click", () => {
    const map = /** @type {HTMLElement} */ (button).dataset.view === "map";
    town.use((one) => void one.show(map, grid.selected));
  });
}

// Who comes to the board, with the pointer or the keyboard, is about to do something with it.
for (const event of ["pointerover", "focusin"]) grid.root.addEventListener(event, () => acts.use(() => {}), { once: true });

grid.root.addEventListener("pointerdown", (down) => {
  if (acts.here) return;
  let latest = down;
  let held = true;
  const follow = (/** @type {PointerEvent} */ event) => (latest = event);
  window.addEventListener("pointermove", follow);
  window.addEventListener("pointerup", () => (held = false), { once: true });
  acts.use(({ drag }) => {
    window.removeEventListener("pointermove", follow);
    if (held) drag.resume(down, latest);
  });
});

grid.root.addEventListener("click", (event) => {
  if (acts.here?.drag.justDropped) return;
  const target = /** @type {HTMLElement} */ (event.target);
  const bar = /** @type {HTMLElement | null} */ (target.closest("[data-visit]"));
  const unit = /** @type {HTMLElement | null} */ (target.closest(".row.unit"));
  const lane = /** @type {HTMLElement | null} */ (target.closest(".row.lane"));
  if (bar?.dataset.visit) {
    bar.focus({ preventScroll: true });
    select(bar.dataset.visit);
  } else if (unit?.dataset.row) toggle(unit.dataset.row.slice(2));
  else if (lane?.dataset.row && target.closest('[role="rowheader"], [data-aside]')) {
    const carer_id = lane.dataset.row.slice(2);
    acts.use((one) => one.carer(carer_id));
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
  job: (data) => plan.here?.heard(data),
});

let minute = "";
window.setInterval(() => {
  inFrame("now", () => {
    const text = clock(board.now());
    if (text !== minute) {
      minute = text;
      byId("world-clock").textContent = text;
      byId("now-label").textContent = text;
      if (!acts.here?.drag.active) grid.layOut();
    } else grid.paintNow();
  });
}, 1000);
window.setInterval(refetch, REFRESH_MS);

void load();
