// @ts-check
/**
 * What a planner does on the board: the panel, the dialogs, the visit in the hand and the way back. The first paint
 * needs none of it, so it is fetched when somebody first points at the board or comes to it with the keyboard.
 */
/** @typedef {import("./board.js").Board} Board */
/** @typedef {import("./grid.js").Grid} Grid */
/** @typedef {import("./types.js").MoveOrder} MoveOrder */
/** @typedef {import("./types.js").Moved} Moved */
/** @typedef {import("./types.js").Proposal} Proposal */
/** @typedef {import("./happened.js").Done} Done */
/**
 * @typedef {object} Page  what the page itself goes on doing
 * @property {(row: string, visit: string | null) => void} go  the keyboard's place in the grid
 * @property {() => void} repaint
 * @property {() => void} refetch
 * @property {() => void} ahead  the rest of the day looks different now
 */

import { move, Problem, wordsOf } from "./api.js";
import { CarerPanel } from "./carer_panel.js";
import { ClashDialog } from "./clash.js";
import { byId } from "./dom.js";
import { Drag } from "./drag.js";
import { Fits } from "./fits.js";
import { openHappening } from "./happened.js";
import { MoveDialog } from "./move.js";
import { Panel } from "./panel.js";
import { Undo } from "./undo.js";

export class Acts {
  /** @param {Board} board @param {Grid} grid @param {Page} page */
  constructor(board, grid, page) {
    this.board = board;
    this.grid = grid;
    this.page = page;
    /** @type {(answer: Moved, order: MoveOrder, undone?: boolean) => void} */
    const moved = (answer, order, undone) => this._moved(answer, order, undone);
    /** @type {(problem: Problem, order: MoveOrder) => void} */
    const clash = (problem, order) => this._clashed(problem, order);
    /** @type {import("./happened.js").Acts} */
    const happened = { day: () => board.day, units: () => board.units, done: (answer, back) => this._done(answer, back) };
    /** Say what has happened, beside the board. @type {(one: import("./happened.js").Happening, place: HTMLElement) => void} */
    this.open = (one, place) => openHappening(one, place, happened);
    const select = (/** @type {string} */ visit_id) => this.select(visit_id);
    grid.fits = new Fits(board, () => grid.refresh());
    this.dialog = new MoveDialog(board, grid.fits, { moved, clash });
    this.clash = new ClashDialog(board, { moved, reload: page.refetch });
    this.undo = new Undo(board, {
      moved,
      clash,
      change: (order) => this.dialog.open(order.visit_id, { to: order.to_carer_id, start_at: order.start_at }),
      lanesOf: (order) => this.dialog.lanesOf(order),
    });
    this.panel = new Panel(board, {
      move: (id) => this.dialog.open(id), take: (p, id, why) => void this._take(p, id, why), select, ...happened,
    });
    this.carers = new CarerPanel(board, { ...happened, said: (text) => this.undo.say(text), select });
    this.drag = new Drag(grid, grid.fits, {
      check: (visit_id, to_carer_id, start_at) => this._check(visit_id, to_carer_id, start_at),
      drop: (visit_id, to, start_at) => this.dialog.open(visit_id, { to, start_at }),
    });
  }

  /** @param {string} visit_id @param {boolean} [focus]  whether the keyboard goes along into the panel */
  select(visit_id, focus = false) {
    this.grid.selected = visit_id;
    this.grid.refresh();
    void this.panel.show(visit_id);
    if (focus) /** @type {HTMLElement | null} */ (byId("panel-body").querySelector("h2"))?.focus();
  }

  /** Show a visit in the panel and bring its bar into view. @param {string} visit_id */
  reveal(visit_id) {
    const lane = this.board.places(visit_id)[0]?.lane;
    this.grid.layOut();
    this.page.go(lane ? `l:${lane.carer_id}` : "waiting", visit_id);
    this.select(visit_id);
  }

  /** Show a carer in the panel; `ill` asks at once what could be done. @param {string} carer_id @param {boolean} [ill] */
  carer(carer_id, ill = false) {
    this.close();
    void this.carers.show(carer_id, ill);
  }

  /** "Flyt til…" @param {string} visit_id */
  move(visit_id) {
    this.select(visit_id);
    this.dialog.open(visit_id);
  }

  close() {
    this.grid.selected = null;
    this.panel.close();
    this.grid.refresh();
  }

  /** The board was fetched anew, or events have changed it: what is shown beside it follows. */
  paint() {
    this.undo.paint();
    this.panel.follow();
  }

  /** An act with several routes stands, with the way back. @param {Done} answer @param {() => Promise<Done>} back */
  _done(answer, back) {
    this._stands(answer);
    this.undo.offerAct(answer.text, async () => {
      const undone = await back();
      this._stands(undone);
      return undone.text;
    });
  }

  /** Routes stand as the server says after an act; who is off the day has no lane. @param {Done} answer */
  _stands(answer) {
    this.board.applyLanes(answer.lanes, answer.unallocated);
    for (const carer_id of answer.gone) this.board.lanes.delete(carer_id);
    this.panel.close();
    this.page.repaint();
    this.page.refetch();
    this.page.ahead();
    requestAnimationFrame(() => this.page.go("waiting", null));
  }

  /** @param {Moved} answer @param {MoveOrder} order @param {boolean} [undone] */
  _moved(answer, order, undone = false) {
    this.board.applyLanes(answer.lanes, answer.unallocated);
    if (!undone) this.undo.offer(answer, order);
    this.page.repaint();
    this.page.refetch();
    // The visit keeps the focus in its new lane, wherever that is.
    requestAnimationFrame(() => this.reveal(order.visit_id));
  }

  /** @param {Problem} problem @param {MoveOrder} order */
  _clashed(problem, order) {
    this.clash.open(problem, order, (one) => this.dialog.lanesOf(one));
    this.page.repaint();
  }

  /** @param {Proposal} proposal @param {string} visit_id @param {string} reason */
  async _take(proposal, visit_id, reason) {
    /** @type {MoveOrder} */
    const order = { visit_id, to_carer_id: proposal.carer_id, start_at: proposal.start_at, reason };
    try {
      this._moved(await move(order, this.dialog.lanesOf(order), false, crypto.randomUUID()), order);
    } catch (error) {
      if (error instanceof Problem && error.status === 412) this._clashed(error, order);
      // A refusal is shown where the planner can change the order.
      else this.dialog.open(visit_id, { to: proposal.carer_id, start_at: proposal.start_at, reason });
    }
  }

  /** @param {string} visit_id @param {string | null} to_carer_id @param {string | null} start_at */
  async _check(visit_id, to_carer_id, start_at) {
    /** @type {MoveOrder} */
    const order = { visit_id, to_carer_id, start_at, reason: "other" };
    try {
      return await move(order, this.dialog.lanesOf(order), true);
    } catch (error) {
      return wordsOf(error);
    }
  }
}
