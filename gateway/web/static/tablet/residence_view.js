// @ts-check
// The middle of the page in a residence: who lives here, what they are lifted with, and what was moved today.

import { h, icon, tag } from "../shared/dom.js";
import { clock } from "../shared/formats.js";
import { t } from "../shared/messages.js";
import { button } from "./bar.js";

/**
 * @param {object} view
 * @param {any} view.house by residence.js
 * @param {boolean} view.on_shift whether she can say that she is at a device
 * @param {(device: any, name: string) => void} view.stand
 */
export function residenceView({ house, on_shift, stand }) {
  return [
    h("h1.house-name", {}, house.unit.name),
    house.residents.length === 0 && h("p.empty", {}, t("transfer.no_residents")),
    h("ul.residents", {}, house.residents.map((/** @type {any} */ resident) => residentCard(resident, house, on_shift, stand))),
    movedToday(house.transfers),
  ];
}

/** @param {any} resident @param {any} house @param {boolean} on_shift @param {(device: any, name: string) => void} stand */
function residentCard(resident, house, on_shift, stand) {
  return h("li.resident", {},
    h("p.resident-who", {}, h("span.stop-name", {}, resident.name), h("span.muted", {}, resident.room)),
    resident.devices.length === 0 && h("p.muted", {}, t("transfer.no_devices")),
    resident.devices.map((/** @type {any} */ device) => deviceRow(device, resident, house.present, on_shift, stand)));
}

/** @param {any} device @param {any} resident @param {any} present @param {boolean} on_shift @param {(device: any, name: string) => void} stand */
function deviceRow(device, resident, present, on_shift, stand) {
  const here = present?.device_id === device.device_id;
  return h("div.device", { "data-device": device.device_id },
    h("p.device-words", {},
      h("span.device-name", {}, t(`transfer.kind.${device.kind}`)),
      device.alone ? tag(t("transfer.alone"), "person", "ok") : tag(t("transfer.not_alone"), "own-two-persons", "warn"),
      !device.online && tag(t("transfer.offline"), "own-cloud-off", "warn")),
    !device.alone && h("p.note", {}, icon("info"), t(`transfer.no_course.${device.kind}`)),
    here
      ? h("p.device-here", { role: "status" }, tag(t("transfer.here_since", { at: clock(present.since_at) }), "location", "info"))
      : on_shift && hereButton(device, resident, stand));
}

/** Each button says whose device it is, to an ear as well. @param {any} device @param {any} resident @param {(device: any, name: string) => void} stand */
function hereButton(device, resident, stand) {
  const made = button(t(`transfer.here.${device.kind}`), "location", () => stand(device, resident.name), { key: `here-${device.device_id}` });
  made.setAttribute("aria-label", `${t(`transfer.here.${device.kind}`)}: ${resident.name}`);
  return made;
}

/** @param {any[]} transfers */
function movedToday(transfers) {
  if (!transfers.length) return h("p.muted.moved-none", {}, t("transfer.none_today"));
  return h("details.done", {},
    h("summary", { "data-key": "moved" }, icon("chevron-down"), t("transfer.today", { n: transfers.length })),
    h("ol.route", {}, transfers.map((moved) => h("li.stop.stop-done", {},
      h("span.stop-time", {}, clock(moved.ended_at)),
      h("span.stop-who", {}, h("span.stop-name", {}, moved.citizen_name ?? t("transfer.nobodys")),
        h("span.muted", {}, t(`transfer.kind.${moved.kind}`))),
      h("span.stop-tags", {}, howMany(moved))))));
}

/** @param {any} moved */
function howMany(moved) {
  if (moved.fault) return tag(t("transfer.fault"), "warning", "warn");
  if (moved.carers === null) return tag(t("transfer.unanswered"), "help", "warn");
  return tag(t(moved.carers === 1 ? "transfer.alone" : "transfer.both"), moved.carers === 1 ? "person" : "own-two-persons");
}
