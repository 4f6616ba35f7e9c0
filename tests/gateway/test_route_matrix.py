"""Who may do what: every route, every role, one's own unit and another's, one's own home and another's.

Nothing is open by accident: a route or a socket without a sample here is a failure.
"""

import json
import time
from dataclasses import dataclass, field
from functools import cached_property
from itertools import product
from typing import Any

import pytest
from fastapi import APIRouter, FastAPI, WebSocket
from sqlmodel import col, select
from starlette.routing import WebSocketRoute
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from devices.inbox.model import Incoming
from devices.keys.emergency import NewEmergency, request_emergency
from devices.keys.vendors.swap import NewVendorLock, list_vendor_lock
from devices.registry.model import DeviceKind
from devices.registry.service import Enrolment, enrol
from gateway.app import create_app, routes_of, silent_routes
from gateway.auth import Role, cookie_of, declared_roles
from gateway.pins import hash_pin
from gateway.sessions import open_link_session
from gateway.tables import IdentityRow
from gateway.usecases.driving import VehicleMount, mount_vehicles
from gateway.wire import b64u
from kernel import jobs
from scheduling.register.tables import CitizenRow, ConsentRow
from scheduling.tables import VisitRow
from tests.gateway.calls import screen_visit_and_task
from tests.gateway.driving_day import missing_trip_and_claim
from tests.gateway.held_connections import HeldConnections
from tests.gateway.platform import Platform, lock_of
from tests.gateway.transfer_steps import transfer_asked_about
from tests.gateway.web import Answer, Person
from tests.gateway.work_order_steps import work_and_alarm

KEY = b64u(b"\x04" + bytes(64))
OWN, OTHER = "own", "other"
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
#: who sees one home, and no unit
AT_HOME = (Role.CITIZEN, Role.RELATIVE, Role.KIOSK)


@dataclass(frozen=True)
class Sample:
    """One request of a route. ``ok``: what a person who may gets; ``bound``: what limits it besides the role."""

    body: Any = None
    ok: tuple[int, ...] = (200,)
    #: "unit": another unit's people get nothing; "carer": another carer gets nothing; "open": the role is enough
    bound: str = "open"
    headers: dict[str, str] = field(default_factory=dict)


SAMPLES: dict[tuple[str, str], Sample] = {
    ("POST", "/api/v1/session"): Sample({"identity": "nobody", "pin": "0000"}, (401,)),
    ("GET", "/api/v1/session"): Sample(),
    ("DELETE", "/api/v1/session"): Sample(ok=(204,)),
    ("GET", "/api/v1/demo/identities"): Sample(),
    ("GET", "/api/v1/me/day"): Sample(),
    ("POST", "/api/v1/me/shift/start"): Sample({"place": "base", "holder_key": KEY}, (200, 409)),
    ("POST", "/api/v1/me/route/acknowledgement"): Sample({"version": 1}, (204,)),
    ("POST", "/api/v1/me/visits/{visit_id}/begin"): Sample({}, (200,), "carer"),
    ("POST", "/api/v1/me/visits/{visit_id}/end"): Sample({"outcome": "done"}, (200,), "carer"),
    ("POST", "/api/v1/me/facts"): Sample({"facts": [{"kind": "visit_begin", "key": "k", "visit_id": "nobody-s"}]}),
    ("POST", "/api/v1/me/visits/{screen_visit_id}/screen"): Sample(None, (201,), "carer"),
    ("GET", "/api/v1/me/visits/{screen_visit_id}/screen"): Sample(bound="carer"),
    ("POST", "/api/v1/me/visits/{screen_visit_id}/screen/hangup"): Sample(None, (200,), "carer"),
    ("POST", "/api/v1/me/visits/{screen_visit_id}/screen/outcome"): Sample({"outcome": "declined"}, (200,), "carer"),
    ("POST", "/api/v1/screen/redemption"): Sample({"token": "nobody's"}, (404,)),
    ("GET", "/api/v1/screen/room"): Sample(),
    ("POST", "/api/v1/screen/answer"): Sample({"action": "answer"}, (409,)),
    ("POST", "/api/v1/screen/hangup"): Sample(None, (409,)),
    ("POST", "/api/v1/screen/quality"): Sample(
        {"rtt_ms": 20, "jitter_buffer_ms": 40, "concealed_ratio": 0}, (404, 409)
    ),
    ("POST", "/api/v1/screen/feedback"): Sample({"trouble": True}, (202, 404, 409)),
    ("POST", "/api/v1/screen/precall"): Sample({"sdp": "none"}, (422,)),
    ("POST", "/api/v1/screen/call-me"): Sample(None, (202,)),
    ("GET", "/api/v1/kiosk"): Sample(),
    ("POST", "/api/v1/kiosk/call-me"): Sample(None, (202,)),
    ("GET", "/api/v1/tasks"): Sample(),
    ("POST", "/api/v1/tasks/{task_id}/settlement"): Sample({"how": "ringet"}, (200,), "unit"),
    ("GET", "/api/v1/me/grants"): Sample(),
    ("POST", "/api/v1/me/ferry"): Sample({"lock_id": "nobody-s", "messages": [{"name": "evt", "payload": "oA"}]}),
    ("GET", "/api/v1/me/ferry/{lock_id}"): Sample(bound="carer"),
    ("GET", "/api/v1/devices/{lock_id}/settings"): Sample(bound="unit"),
    ("PUT", "/api/v1/devices/{lock_id}/settings"): Sample({"ajar_s": 90}, bound="unit"),
    ("GET", "/api/v1/me/driving-log"): Sample(),
    ("POST", "/api/v1/me/vehicle"): Sample({"vehicle_id": "{vehicle_id}", "odometer_km": 48000}, (200,), "carer"),
    ("GET", "/api/v1/vehicles"): Sample(),
    ("GET", "/api/v1/driving-logs"): Sample(),
    ("GET", "/api/v1/driving-logs.csv"): Sample(),
    ("POST", "/api/v1/driving-logs/approval"): Sample({"week": "2026-W48", "unit": "{unit_id}"}, (409,), "unit"),
    ("GET", "/api/v1/driving-logs.pdf"): Sample(),
    ("POST", "/api/v1/driving-logs/unlocking"): Sample(
        {"week": "2026-W40", "unit": "{unit_id}", "reason": "prøve"}, (409,), "unit"
    ),
    ("POST", "/api/v1/driving-logs/trips/{trip_id}/correction"): Sample(
        {"purpose": "private", "reason": "prøve"}, (200,), "unit"
    ),
    ("GET", "/api/v1/driving-logs/trips/{trip_id}/corrections"): Sample(bound="unit"),
    ("GET", "/api/v1/visits/{visit_id}/nearest"): Sample(bound="unit"),
    ("POST", "/api/v1/vehicles/{vehicle_id}/tracks?odometer_km=1"): Sample({"no": "track"}, (422,), "unit"),
    ("GET", "/api/v1/me/mileage"): Sample(),
    ("POST", "/api/v1/me/mileage"): Sample({"day": "2026-11-25", "vehicle": "boat"}, (422,)),
    ("GET", "/api/v1/mileage-claims"): Sample(),
    ("GET", "/api/v1/mileage-claims.csv"): Sample(),
    ("GET", "/api/v1/mileage-claims.pdf"): Sample(),
    ("POST", "/api/v1/mileage-claims/{claim_id}/decision"): Sample({"approved": True}, (200, 409), "unit"),
    ("GET", "/koerselsbilag"): Sample(),
    ("GET", "/koerebog"): Sample(),
    ("GET", "/api/v1/me/residence"): Sample(),
    ("POST", "/api/v1/me/transfers/presence"): Sample({"device_id": "{lift_id}"}, (200,), "carer"),
    ("POST", "/api/v1/me/transfers/{transfer_id}/carers"): Sample({"carers": 1}, (200, 409), "carer"),
    ("GET", "/api/v1/transfers"): Sample(),
    ("POST", "/api/v1/doors/{door_id}/openings"): Sample({"visit_id": "{ended_visit_id}"}, (201,), "door"),
    ("POST", "/api/v1/openings/{opening_id}/proof"): Sample(
        {"token": "AA", "public_key": KEY, "signature": "AA"}, (202,), "carer"
    ),
    ("GET", "/api/v1/openings/{opening_id}"): Sample(bound="carer"),
    ("POST", "/api/v1/openings/{opening_id}/observation"): Sample({"seen": "locked"}, (200,), "carer"),
    # After all that needs a begun shift.
    ("POST", "/api/v1/me/shift/end"): Sample({"place": "base"}),
    ("GET", "/api/v1/board"): Sample(),
    ("GET", "/api/v1/board/map"): Sample(),
    ("GET", "/api/v1/board/changes"): Sample(),
    ("GET", "/api/v1/visits/{visit_id}"): Sample(bound="unit"),
    ("GET", "/api/v1/visits/{free_visit_id}/proposals"): Sample(bound="unit"),
    ("GET", "/api/v1/visits/{free_visit_id}/fits"): Sample(bound="unit"),
    ("POST", "/api/v1/visits/{free_visit_id}/move"): Sample({"preview": True}, (200,), "unit"),
    ("POST", "/api/v1/reassignments/preview"): Sample(
        {"happened": {"kind": "swap", "visit_id": "{free_visit_id}"}}, (200,), "unit"
    ),
    ("POST", "/api/v1/reassignments"): Sample(
        {"happened": {"kind": "swap", "visit_id": "{free_visit_id}"}, "routes": {}, "reason": " "}, (422,), "unit"
    ),
    ("GET", "/api/v1/reassignments"): Sample(),
    ("POST", "/api/v1/reassignments/{reassignment_id}/undo"): Sample(None, (404,)),
    ("GET", "/api/v1/visits/{free_visit_id}/screen-criteria"): Sample(bound="unit"),
    ("GET", "/api/v1/visits/{free_visit_id}/why"): Sample(bound="unit"),
    ("GET", "/api/v1/visits/{free_visit_id}/offers"): Sample(bound="unit"),
    ("POST", "/api/v1/visits/{free_visit_id}/offers"): Sample(
        {"carer_ids": ["nobody"], "reason": "illness"}, (422,), "unit"
    ),
    ("POST", "/api/v1/visits/{free_visit_id}/offers/{offer_id}/withdrawal"): Sample(None, (204,), "unit"),
    ("GET", "/api/v1/me/offers"): Sample(),
    ("POST", "/api/v1/me/offers/{offer_id}/acceptance"): Sample(None, (409,)),
    ("GET", "/api/v1/me/visits/{visit_id}/why"): Sample(bound="carer"),
    ("GET", "/api/v1/foresight"): Sample(),
    ("POST", "/api/v1/jobs"): Sample(
        {"kind": "plan-day", "day": "2026-11-24", "unit_id": "{unit_id}", "moves": 0}, (202,), "unit"
    ),
    ("GET", "/api/v1/jobs"): Sample(),
    ("GET", "/api/v1/jobs/{job_id}"): Sample(bound="unit"),
    ("POST", "/api/v1/jobs/{job_id}/cancel"): Sample(ok=(200, 409), bound="unit"),
    ("GET", "/api/v1/operations/quarantine"): Sample(),
    ("POST", "/api/v1/operations/quarantine/{quarantine_id}/replay"): Sample(ok=(200, 409), bound="unit"),
    ("POST", "/api/v1/operations/quarantine/{quarantine_id}/dismiss"): Sample(ok=(200, 409), bound="unit"),
    ("GET", "/api/v1/operations/quarantine/{quarantine_id}"): Sample(bound="unit"),
    ("POST", "/api/v1/operations/quarantine/{quarantine_id}/correction"): Sample(
        {"format": "hex", "content": "00"}, (200, 409, 422), "unit"
    ),
    ("POST", "/api/v1/operations/quarantine/replays"): Sample({"reason": "wrong_version"}),
    ("GET", "/api/v1/operations/devices"): Sample(),
    ("GET", "/api/v1/operations/parts"): Sample(),
    ("GET", "/api/v1/stream"): Sample(),
    ("GET", "/api/v1/citizen/visits"): Sample(),
    ("GET", "/api/v1/citizen/openings"): Sample(),
    ("GET", "/api/v1/citizen/access-log"): Sample(),
    ("GET", "/api/v1/citizen/consents"): Sample(),
    ("POST", "/api/v1/citizen/consents/{kind}/withdrawal"): Sample(ok=(200, 409)),
    ("POST", "/api/v1/citizen/consents/{kind}"): Sample(),
    ("GET", "/mit"): Sample(),
    ("GET", "/mit/doer"): Sample(),
    ("GET", "/mit/doer.csv"): Sample(),
    ("GET", "/mit/adgang"): Sample(),
    ("GET", "/mit/adgang.csv"): Sample(),
    ("GET", "/mit/samtykker"): Sample(),
    ("GET", "/mit/samtykker/{kind}"): Sample(ok=(200, 303)),
    ("POST", "/mit/samtykker/{kind}"): Sample(b"", (303, 409), headers=FORM),
    ("POST", "/mit/samtykker/{kind}/ja"): Sample(b"", (303,), headers=FORM),
    ("GET", "/api/v1/devices"): Sample(),
    ("GET", "/api/v1/devices/{device_id}"): Sample(bound="unit"),
    ("POST", "/api/v1/devices"): Sample({"kind": "lift", "unit_id": "{unit_id}", "work_order": "A-1"}, (422,), "unit"),
    ("POST", "/api/v1/devices/{device_id}/replacement"): Sample({"work_order": "A-1"}, (409, 422), "unit"),
    ("POST", "/tekniker/enhed/{device_id}/skift"): Sample(b"work_order=A-1", (409, 422), "unit", FORM),
    ("GET", "/api/v1/work-orders"): Sample(),
    ("POST", "/api/v1/work-orders"): Sample({"task": "mount", "kind": "lift", "unit_id": "{unit_id}"}, (201,), "unit"),
    ("POST", "/api/v1/work-orders/{order_id}/cancellation"): Sample(ok=(200, 409), bound="unit"),
    ("POST", "/api/v1/work-orders/{order_id}/completion"): Sample({"note": "skiftet"}, (200, 409), "unit"),
    ("GET", "/planlaegger/arbejdsordrer"): Sample(),
    ("POST", "/planlaegger/arbejdsordrer"): Sample(b"task=mount", (422,), headers=FORM),
    ("POST", "/planlaegger/arbejdsordrer/annullering"): Sample(b"order_id={order_id}", (303, 409), "unit", FORM),
    ("GET", "/tekniker/ordrer"): Sample(),
    ("POST", "/tekniker/ordrer"): Sample(b"order_id={order_id}&note=ok", (303, 409), "unit", FORM),
    ("GET", "/api/v1/alarms"): Sample(),
    ("POST", "/api/v1/alarms/{alarm_id}/acknowledgement"): Sample(bound="unit"),
    ("POST", "/api/v1/alarms/{alarm_id}/owner"): Sample({"over": True}, (200,), "unit"),
    ("POST", "/api/v1/alarms/{alarm_id}/clearance"): Sample({"note": " "}, (422,), "unit"),
    ("GET", "/tekniker/alarmer"): Sample(),
    ("POST", "/tekniker/alarmer"): Sample(b"alarm_id={alarm_id}&act=seen", (303,), "unit", FORM),
    ("GET", "/planlaegger/alarmer"): Sample(),
    ("POST", "/planlaegger/alarmer"): Sample(b"alarm_id={alarm_id}&act=seen", (303,), "unit", FORM),
    ("GET", "/api/v1/aids"): Sample(),
    ("POST", "/api/v1/aids/{lift_id}/inspections"): Sample(
        {"on": "2099-01-01", "passed": True, "note": "for tidligt"}, (422,), "unit"
    ),
    ("GET", "/tekniker/hjaelpemidler"): Sample(),
    ("POST", "/tekniker/enhed/{lift_id}/eftersyn"): Sample(b"on=2099-01-01&result=passed&note=x", (422,), "unit", FORM),
    ("GET", "/api/v1/competences"): Sample(),
    ("POST", "/api/v1/carers/{lost_carer_id}/competences"): Sample(
        {"code": "transfer_lift", "acquired_on": "2026-01-05"}, (201,), "unit"
    ),
    ("DELETE", "/api/v1/carers/{lost_carer_id}/competences/{code}"): Sample(ok=(200, 422), bound="unit"),
    ("GET", "/planlaegger/kompetencer"): Sample(),
    ("POST", "/planlaegger/kompetencer"): Sample(
        b"unit={unit_id}&carer_id={lost_carer_id}&code=transfer_lift&acquired_on=2026-01-05", (303,), "unit", FORM
    ),
    ("GET", "/api/v1/transfer-plans"): Sample(),
    ("GET", "/api/v1/transfer-plans.csv"): Sample(),
    ("POST", "/api/v1/transfer-plans"): Sample(
        {"unit_id": "{unit_id}", "citizen_number": 999999, "situation": "bath", "aid": "lift", "times_per_day": 1},
        (422,),
        "unit",
    ),
    ("POST", "/api/v1/transfer-plans/{plan_id}/carers"): Sample({"carers": 2}, (200,), "unit"),
    ("GET", "/planlaegger/forflytninger"): Sample(),
    ("POST", "/planlaegger/forflytninger"): Sample(b"unit_id={unit_id}", (422,), headers=FORM),
    ("POST", "/planlaegger/forflytninger/antal"): Sample(b"plan_id={plan_id}&carers=2", (303,), "unit", FORM),
    ("GET", "/tekniker"): Sample(),
    ("GET", "/tekniker/opret"): Sample(),
    ("POST", "/tekniker/opret"): Sample(b"kind=lock", (422,), headers=FORM),
    ("GET", "/tekniker/enhed/{device_id}"): Sample(bound="unit"),
    ("POST", "/tekniker/enhed/{device_id}/udtag"): Sample(b"", (422,), "unit", FORM),
    ("POST", "/api/v1/devices/{device_id}/retirement"): Sample({"reason": "broken"}, (200, 409), "unit"),
    ("POST", "/api/v1/carers/{lost_carer_id}/tablet-lost"): Sample({"reason": "glemt i bussen"}, (200,), "unit"),
    # an ordinary tablet is told that it is none of those
    ("POST", "/api/v1/me/prepared"): Sample({}, (403,)),
    ("POST", "/api/v1/carers/{lost_carer_id}/offline-tablet"): Sample({"designated": True}, (200,), "unit"),
    ("GET", "/api/v1/carers/{lost_carer_id}/withdrawn-doors"): Sample(bound="unit"),
    ("GET", "/planlaegger/beredskab"): Sample(),
    ("GET", "/planlaegger/noedliste"): Sample(),
    ("GET", "/planlaegger/grundplan"): Sample(),
    ("POST", "/planlaegger/grundplan"): Sample(b"unit={unit_id}", (422,), headers=FORM),
    ("POST", "/planlaegger/grundplan/stop"): Sample(
        b"unit={unit_id}&series=none&last_on=2026-12-01", (404,), "unit", FORM
    ),
    ("POST", "/planlaegger/grundplan/dag"): Sample(b"unit={unit_id}&day=2026-12-24", (303,), "unit", FORM),
    ("GET", "/planlaegger/indlaesning"): Sample(),
    ("POST", "/planlaegger/indlaesning"): Sample(b"", (422,), headers=FORM),
    ("GET", "/planlaegger/fravaer"): Sample(),
    ("POST", "/planlaegger/fravaer"): Sample(
        b"carer_id={lost_carer_id}&kind=holiday&from_on=2027-01-04&to_on=2027-01-05", (303,), "unit", FORM
    ),
    ("POST", "/planlaegger/fravaer/slet"): Sample(
        b"carer_id={lost_carer_id}&from_on=2027-01-04&to_on=2027-01-05", (303, 404), "unit", FORM
    ),
    ("POST", "/planlaegger/fravaer/borger"): Sample(
        b"citizen_number=999999999&kind=away&from_on=2027-01-04", (404,), headers=FORM
    ),
    ("POST", "/planlaegger/fravaer/hjemme"): Sample(b"citizen_id={home_id}", (303, 409), "unit", FORM),
    ("GET", "/api/v1/visit-patterns?unit={unit_id}"): Sample(bound="unit"),
    ("POST", "/api/v1/visit-patterns"): Sample({"unit_id": "{unit_id}"}, (422,)),
    ("PUT", "/api/v1/visit-patterns/{series_id}"): Sample({"unit_id": "{unit_id}"}, (422,)),
    ("POST", "/api/v1/visit-patterns/{series_id}/end"): Sample({"last_on": "2026-12-01"}, (404,)),
    ("POST", "/api/v1/days/2026-12-24/generation"): Sample({"unit_id": "{unit_id}"}, bound="unit"),
    ("POST", "/api/v1/visit-imports"): Sample(b"nothing", (422,)),
    ("GET", "/api/v1/visit-imports"): Sample(),
    ("GET", "/api/v1/absences"): Sample(),
    ("POST", "/api/v1/carers/{lost_carer_id}/absences"): Sample(
        {"from_on": "2026-12-24", "to_on": "2026-12-26"}, (201,), "unit"
    ),
    ("POST", "/api/v1/carers/{lost_carer_id}/absences/cancellation"): Sample(
        {"from_on": "2026-12-24", "to_on": "2026-12-26"}, (200, 404), "unit"
    ),
    ("GET", "/api/v1/fhir/Appointment?date=2026-11-25&_count=1"): Sample(),
    ("GET", "/api/v1/fhir/Encounter?date=2026-11-25&_count=1"): Sample(),
    ("GET", "/api/v1/visit-imports/{import_id}/file"): Sample(ok=(404,)),
    ("GET", "/api/v1/route-lists"): Sample(),
    ("GET", "/api/v1/route-lists.pdf?unit={unit_id}"): Sample(bound="unit"),
    ("GET", "/api/v1/doors/{door_id}"): Sample(bound="unit"),
    ("POST", "/api/v1/doors/{door_id}/vendor"): Sample({"vendor": "native"}, (200,), "unit"),
    ("POST", "/api/v1/vendor-locks"): Sample(
        {"unit_id": "{unit_id}", "citizen_number": 1, "lock_ref": "V-1"}, (409,), "unit"
    ),
    ("POST", "/api/v1/vendor-locks/{vendor_lock_id}/retirement"): Sample(bound="unit", ok=(200, 404)),
    ("POST", "/api/v1/vendors/{vendor}/events"): Sample({"entries": []}, (404,)),
    ("GET", "/tekniker/doer/{door_id}"): Sample(bound="unit"),
    ("POST", "/tekniker/doer/{door_id}"): Sample(b"vendor=native", (303,), "unit", FORM),
    ("GET", "/tekniker/doere"): Sample(),
    ("POST", "/tekniker/doere"): Sample(b"unit_id={unit_id}&citizen_number=1&lock_ref=V-1", (409,), "unit", FORM),
    ("POST", "/api/v1/me/emergencies/search"): Sample({"text": "a"}, (200, 409)),
    ("POST", "/api/v1/me/emergencies"): Sample({"citizen_id": "nobody", "reason": "fall"}, (403, 409)),
    ("GET", "/api/v1/emergencies"): Sample(),
    ("POST", "/api/v1/emergencies/{emergency_id}/review"): Sample({"outcome": "ok"}, (200, 409), "unit"),
    ("GET", "/leder/noedaabninger"): Sample(),
    ("GET", "/planlaegger/noedaabninger"): Sample(),
    ("POST", "/leder/noedaabninger"): Sample(b"emergency_id={emergency_id}&outcome=ok", (303, 409), "unit", FORM),
    ("POST", "/planlaegger/noedaabninger"): Sample(b"emergency_id={emergency_id}&outcome=ok", (303, 409), "unit", FORM),
    ("PUT", "/api/v1/doors/{door_id}/stairwell"): Sample({"stairwell_id": None}, (200,), "unit"),
    ("PUT", "/api/v1/devices/{device_id}/issuers"): Sample({"message": "AA"}, (404,), "unit"),
    ("POST", "/api/v1/devices/{device_id}/issuer-epoch"): Sample({"issuer": "nabo"}, (404,), "unit"),
    ("POST", "/api/v1/doors/{door_id}/holders"): Sample({"holders": 1}, (200,), "unit"),
    ("GET", "/api/v1/citizen-absences"): Sample(),
    ("POST", "/api/v1/citizens/{home_id}/absence"): Sample({"kind": "away"}, (201, 409), "unit"),
    ("POST", "/api/v1/citizens/{home_id}/return"): Sample(None, (200, 409), "unit"),
    ("GET", "/api/v1/citizens/{home_id}/door-log?purpose=inspection"): Sample(bound="unit"),
    ("POST", "/api/v1/carers/{leaver_id}/leaving"): Sample({"reason": "stoppet"}, (200, 409), "unit"),
    ("GET", "/leder/doerlog"): Sample(),
    ("POST", "/leder/doerlog"): Sample(b"borger=1&formaal=inspection", (200,), headers=FORM),
    ("GET", "/mit/doer.json"): Sample(),
    ("GET", "/log-ind/oidc"): Sample(ok=(404,)),
    ("GET", "/log-ind/oidc/svar"): Sample(ok=(404,)),
    ("POST", "/log-ud"): Sample(b"", (200,), headers=FORM),
    ("GET", "/api/v1/demo"): Sample(),
    ("POST", "/api/v1/demo/speed"): Sample({"speed": 0}),
    ("GET", "/healthz"): Sample(),
    ("GET", "/readyz"): Sample(),
    ("GET", "/metrics"): Sample(),
    ("GET", "/tilgaengelighed"): Sample(),
    ("GET", "/leder"): Sample(),
    ("GET", "/leder/oekonomi"): Sample(),
    ("GET", "/leder/maaneder"): Sample(),
    ("POST", "/leder/maaneder"): Sample(b"maaned=2099-01", (403, 409), headers=FORM),
    ("GET", "/leder/evaluering"): Sample(),
    ("POST", "/leder/evaluering"): Sample(b"", (422,), headers=FORM),
    ("GET", "/leder/evaluering.csv"): Sample(ok=(200, 404)),
    ("GET", "/leder/evaluering.xlsx"): Sample(ok=(200, 404)),
    ("GET", "/leder/evaluering/skema.csv"): Sample(ok=(404,)),
    ("GET", "/leder/rapport"): Sample(),
    ("POST", "/leder/rapport"): Sample(
        b"maaned=2026-10&teknologi=keys&center={unit_id}&tekst=ja", (404, 422), "unit", FORM
    ),
    ("GET", "/leder/rapport.csv"): Sample(ok=(200, 404)),
    ("GET", "/leder/rapport.xlsx"): Sample(ok=(200, 404)),
    ("GET", "/leder/rapport.pdf"): Sample(ok=(200, 404)),
    ("GET", "/leder/udtraek.csv"): Sample(),
    ("GET", "/leder/udtraek.xlsx"): Sample(),
    ("POST", "/leder/formaal"): Sample(
        b"formaal=tilsyn", (303,), headers={"Content-Type": "application/x-www-form-urlencoded"}
    ),
    ("GET", "/leder/post/{entry_id}"): Sample(ok=(200, 404)),
    ("GET", "/leder/{technology}/poster"): Sample(ok=(200, 404, 422)),
    ("GET", "/leder/{technology}"): Sample(ok=(200, 404)),
    ("GET", "/drift"): Sample(),
    ("GET", "/drift/belastning"): Sample(),
    ("GET", "/planlaegger"): Sample(),
    ("GET", "/log-ind"): Sample(),
    ("GET", "/sprog/{language}"): Sample(ok=(303, 302, 307)),
    ("GET", "/"): Sample(),
    ("GET", "/tablet"): Sample(),
    ("GET", "/skaerm"): Sample(),
    ("GET", "/skaerm/ord"): Sample(),
    ("GET", "/kiosk"): Sample(),
    ("GET", "/tablet/sw.js"): Sample(),
    ("GET", "/tablet/ord"): Sample(),
    ("GET", "/planlaegger/ord"): Sample(),
    ("GET", "/static/{version}/{name:path}"): Sample(ok=(404,)),
}
#: the path as a route has it, for samples that name another visit than the usual one
ROUTE_PATH = {
    **{
        f"/api/v1/me/visits/{{screen_visit_id}}/screen{end}": f"/api/v1/me/visits/{{visit_id}}/screen{end}"
        for end in ("", "/hangup", "/outcome")
    },
    "/api/v1/fhir/Appointment?date=2026-11-25&_count=1": "/api/v1/fhir/Appointment",
    "/api/v1/fhir/Encounter?date=2026-11-25&_count=1": "/api/v1/fhir/Encounter",
    "/api/v1/visit-patterns?unit={unit_id}": "/api/v1/visit-patterns",
    "/api/v1/days/2026-12-24/generation": "/api/v1/days/{day}/generation",
    "/api/v1/route-lists.pdf?unit={unit_id}": "/api/v1/route-lists.pdf",
    "/api/v1/vendor-locks/{vendor_lock_id}/retirement": "/api/v1/vendor-locks/{lock_id}/retirement",
    "/api/v1/carers/{lost_carer_id}/absences": "/api/v1/carers/{carer_id}/absences",
    "/api/v1/carers/{lost_carer_id}/absences/cancellation": "/api/v1/carers/{carer_id}/absences/cancellation",
    "/api/v1/carers/{lost_carer_id}/tablet-lost": "/api/v1/carers/{carer_id}/tablet-lost",
    "/api/v1/carers/{lost_carer_id}/offline-tablet": "/api/v1/carers/{carer_id}/offline-tablet",
    "/api/v1/carers/{lost_carer_id}/withdrawn-doors": "/api/v1/carers/{carer_id}/withdrawn-doors",
    "/api/v1/aids/{lift_id}/inspections": "/api/v1/aids/{device_id}/inspections",
    "/tekniker/enhed/{lift_id}/eftersyn": "/tekniker/enhed/{device_id}/eftersyn",
    "/api/v1/carers/{lost_carer_id}/competences": "/api/v1/carers/{carer_id}/competences",
    "/api/v1/carers/{lost_carer_id}/competences/{code}": "/api/v1/carers/{carer_id}/competences/{code}",
    "/api/v1/citizens/{home_id}/absence": "/api/v1/citizens/{citizen_id}/absence",
    "/api/v1/citizens/{home_id}/return": "/api/v1/citizens/{citizen_id}/return",
    "/api/v1/citizens/{home_id}/door-log?purpose=inspection": "/api/v1/citizens/{citizen_id}/door-log",
    "/api/v1/carers/{leaver_id}/leaving": "/api/v1/carers/{carer_id}/leaving",
    "/api/v1/vehicles/{vehicle_id}/tracks?odometer_km=1": "/api/v1/vehicles/{vehicle_id}/tracks",
    "/api/v1/visits/{free_visit_id}/proposals": "/api/v1/visits/{visit_id}/proposals",
    "/api/v1/visits/{free_visit_id}/fits": "/api/v1/visits/{visit_id}/fits",
    "/api/v1/visits/{free_visit_id}/move": "/api/v1/visits/{visit_id}/move",
    "/api/v1/visits/{free_visit_id}/screen-criteria": "/api/v1/visits/{visit_id}/screen-criteria",
    "/api/v1/visits/{free_visit_id}/why": "/api/v1/visits/{visit_id}/why",
    "/api/v1/visits/{free_visit_id}/offers": "/api/v1/visits/{visit_id}/offers",
    "/api/v1/visits/{free_visit_id}/offers/{offer_id}/withdrawal": (
        "/api/v1/visits/{visit_id}/offers/{offer_id}/withdrawal"
    ),
}


#: every WebSocket route: who may open it, and who of them needs no call of their own for it
SOCKETS: dict[str, tuple[set[Role], set[Role]]] = {
    "/api/v1/signalling": ({Role.CARER, Role.LINK, Role.KIOSK}, {Role.KIOSK})
}


@dataclass
class Town:
    """The people and the things of one unit, and people of another."""

    platform: Platform
    ids: dict[str, str]
    carers: dict[str, str]
    units: dict[str, str]
    #: one's own home, and one in the other unit: citizen ids
    homes: dict[str, str]
    held: HeldConnections
    _signed_in: dict[str, Person] = field(default_factory=dict)

    @cached_property
    def routes(self) -> list[Any]:
        """Every route of the application, as it is served."""
        return list(routes_of(create_app(self.platform.runtime.parts)))

    def person(self, role: Role, where: str) -> Person:
        """Somebody of this role, of one's own unit (home) or the other one."""
        identity = self.carers[where] if role is Role.CARER else f"{role.value}-{where}"
        if identity not in self._signed_in:
            self._signed_in[identity] = self._enter(role, where, identity)
        return self._signed_in[identity]

    def _enter(self, role: Role, where: str, identity: str) -> Person:
        if role is Role.LINK:
            return self._by_link(where)
        if role not in AT_HOME:
            return self.platform.signed_in(identity)
        person = self.platform.stranger("citizen")
        assert person.sign_in(identity).status == 200
        return person

    def _by_link(self, where: str) -> Person:
        with self.platform.runtime.units.begin() as work:
            token = open_link_session(
                work,
                room_id=f"room-{where}",
                citizen_id=self.homes[where],
                unit_id=self.units[where],
                expires_s=time.time() + 600,
            )
        person = self.platform.stranger("call")
        person.hold(cookie_of("call"), token)
        return person

    def ask(self, person: Person, method: str, path: str, sample: Sample) -> Answer:
        """Send a sample with the ids of one's own unit filled in."""
        filled, body = path, sample.body
        for name, value in self.ids.items():
            filled = filled.replace(f"{{{name}}}", value).replace(f"{{{name}:path}}", value)
            if isinstance(body, dict):
                body = json.loads(json.dumps(body).replace(f"{{{name}}}", value))
            elif isinstance(body, bytes):
                body = body.replace(f"{{{name}}}".encode(), value.encode())
        if path.endswith("/stream"):
            return person.peek(filled)
        if method == "POST" and body is None:
            body = {}
        return person.call(method, filled, body, **sample.headers)


@pytest.fixture(scope="module")
def town(office: Platform) -> Town:
    """Two units with somebody in every role, and one of each thing that belongs to the first."""
    own, other = _two_units(office)
    with office.runtime.units.begin() as work:
        homes = {where: _home_of(office, unit) for where, unit in ((OWN, own), (OTHER, other))}
        work.session.add_all(
            ConsentRow(citizen_id=home, kind=kind, given_on=office.day.on)
            for home, kind in product(homes.values(), ("relative", "auto_answer"))
        )
        (device_id,) = enrol(work, "demo", [Enrolment(DeviceKind.VEHICLE, own)])
        for role, (where, unit) in product(Role, ((OWN, own), (OTHER, other))):
            if role not in (Role.CARER, Role.LINK):
                work.session.add(
                    IdentityRow(
                        id=f"{role.value}-{where}",
                        role=role.value,
                        name=f"{role.value} {where}",
                        unit_ids=[unit],
                        citizen_id=homes[where] if role in AT_HOME else None,
                        pin_hash=hash_pin("1234"),
                        demo=True,
                    )
                )
        job = jobs.request(work, "plan-day", {"day": "2026-11-24", "unit_id": own, "moves": 0}, own)
        mount_vehicles(work, "demo", [VehicleMount("tracker-matrix", "MX 10 001", own)])
        driven = missing_trip_and_claim(work, "tracker-matrix", own)
        new_lock = NewVendorLock("cloud", "V-matrix", "vendor-door-matrix", own)
        vendor_lock_id, _ = list_vendor_lock(work, new_lock, "technician")
        emergency = request_emergency(
            work, NewEmergency("door-matrix", "citizen-matrix", own, "carer-matrix", "shift-matrix", "fall")
        )
    office.runtime.inbox.accept([_not_read(office, device_id)])
    carers = {where: _carer_of(office, unit) for where, unit in ((OWN, own), (OTHER, other))}
    lost, leaver = [str(c.id) for c in office.day.carers if c.unit_id == own and c.id not in carers.values()][:2]
    visited = {str(v.citizen_id) for v in office.day.visits}
    with office.runtime.database.reading() as session:
        in_unit = session.exec(select(CitizenRow.id).where(CitizenRow.unit_id == own).order_by(CitizenRow.id)).all()
    not_today = next((c for c in in_unit if c not in visited), in_unit[-1])
    for carer_id in carers.values():
        office.tablet(carer_id).start_shift("base")
    tablet = office.tablet(carers[OWN])
    stops = tablet.day()["route"]["stops"]
    doors = [s for s in stops if s["door"]]
    refused = tablet.call(
        "POST", f"/api/v1/doors/{doors[-1]['door']['id']}/openings", {"visit_id": doors[-1]["visit_id"]}
    )
    assert refused["opening"]["state"] == "refused"
    ids = (
        {
            "unit_id": own,
            "device_id": device_id,
            "lost_carer_id": lost,
            "leaver_id": leaver,
            "home_id": not_today,
            "emergency_id": emergency.emergency_id,
            "kind": "auto_answer",
            "visit_id": doors[0]["visit_id"],
            "free_visit_id": doors[-1]["visit_id"],
            "ended_visit_id": doors[-1]["visit_id"],
            "door_id": doors[-1]["door"]["id"],
            "lock_id": lock_of(office.day, doors[0]["visit_id"]),
            "vendor_lock_id": vendor_lock_id,
            "vendor": "cloud",
            "opening_id": refused["opening"]["id"],
            "job_id": job.id,
            "quarantine_id": "1",
            "vehicle_id": "tracker-matrix",
            "series_id": "no-pattern",
            "import_id": "no-import",
            "entry_id": "1",
            "technology": "electronic_key",
            "language": "da",
            "version": "0",
            "name": "nothing.css",
        }
        | driven
        | transfer_asked_about(office.runtime, "matrix-lift", own)
        | work_and_alarm(office.runtime, "matrix-lift", own, not_today)
    )
    ids |= screen_visit_and_task(office.runtime, stops[len(stops) // 2]["visit_id"])
    return Town(office, ids, carers, {OWN: own, OTHER: other}, homes, HeldConnections(office.runtime.database.engine))


def test_every_route_has_a_sample_in_this_matrix(town: Town) -> None:
    app = create_app(town.platform.runtime.parts)
    routes = {
        (method, str(route.path))
        for route in routes_of(app)
        for method in (route.methods or set()) - {"HEAD"}
        if route.path != app.openapi_url
    }
    sockets = {str(route.path) for route in routes_of(app) if isinstance(route.original_route, WebSocketRoute)}

    assert {(m, ROUTE_PATH.get(p, p)) for m, p in SAMPLES} == routes
    assert set(SOCKETS) == sockets


def test_an_application_with_a_route_that_declares_nobody_does_not_start(office: Platform) -> None:
    app = create_app(office.runtime.parts)
    assert silent_routes(app) == []
    forgotten = APIRouter(prefix="/api/v1/forgotten")
    forgotten.add_api_route("/secret", _nothing, methods=["GET"])
    app.include_router(forgotten)
    direct = FastAPI()
    direct.add_api_route("/also", _nothing, methods=["GET"])
    direct.add_api_websocket_route("/socket", _says_nothing)

    assert silent_routes(app) == ["/api/v1/forgotten/secret"]
    assert {"/also", "/socket"} <= set(silent_routes(direct))


def _nothing() -> dict[str, str]:
    return {}


async def _says_nothing(socket: WebSocket) -> None:
    await socket.accept()


def _declared(town: Town, method: str, path: str) -> set[Role] | None:
    """Roles that may, ``None`` for everybody."""
    for route in town.routes:
        if route.path == ROUTE_PATH.get(path, path) and method in (route.methods or {"WEBSOCKET"}):
            found = declared_roles(getattr(route.original_route, "dependant", None))
            sets = [roles for roles in found if roles is not None]
            return set(frozenset.intersection(*sets)) if sets else None
    raise AssertionError(f"Expected a route {method} {path}.")


@pytest.mark.parametrize(("method", "path"), [*SAMPLES], ids=str)
def test_only_those_a_route_declares_get_anything_from_it(town: Town, method: str, path: str) -> None:
    sample, allowed = SAMPLES[method, path], _declared(town, method, path)
    stranger = town.ask(town.platform.stranger(), method, path, sample)
    if allowed is None:
        assert stranger.status in sample.ok, stranger.content
        return
    if method == "GET" and not path.startswith("/api/"):
        assert stranger.status == 303
        assert stranger.headers["location"].startswith("/log-ind?til=/")
    else:
        assert (stranger.status, stranger.code) == (401, "not_signed_in"), stranger.content
    for role in sorted(set(Role) - allowed):
        for where in (OWN, OTHER):
            refused = town.ask(town.person(role, where), method, path, sample)
            assert (refused.status, refused.code) == (403, "not_allowed"), (role, where, refused.content)
    for role in sorted(allowed):
        other = town.ask(town.person(role, OTHER), method, path, sample)
        everywhere = ("/jobs", "/tablet-lost", "/withdrawn-doors", "/quarantine/")
        may_see_all = role is Role.OPERATIONS and any(n in path for n in everywhere)
        if sample.bound in ("unit", "carer") and not may_see_all:
            assert other.status in (403, 404), (role, other.status, other.content)
        elif sample.bound == "door":
            assert other.json["opening"]["code"] == "not_on_route"
        else:
            assert other.status in sample.ok, (role, other.status, other.content)
    for role in sorted(allowed):
        mine = town.ask(town.person(role, OWN), method, path, sample)
        assert mine.status in sample.ok, (role, mine.status, mine.content)


@pytest.mark.parametrize("path", SOCKETS)
def test_only_those_a_socket_declares_are_let_in(town: Town, path: str) -> None:
    allowed, standing = SOCKETS[path]

    assert _declared(town, "WEBSOCKET", path) == allowed
    assert _said_no(town, town.platform.stranger(), path) == "not_signed_in"
    for role, where in product(sorted(Role), (OWN, OTHER)):
        refused = _said_no(town, town.person(role, where), path)
        assert refused == ("" if role in standing else "not_allowed"), (role, where)


def _said_no(town: Town, person: Person, path: str) -> str:
    """The code of the first error somebody heard; empty if there was none."""
    cookies = "; ".join(f"{name}={value}" for name, value in person.cookies.items())
    address = f"ws://127.0.0.1:{town.platform.port}{path}?surface={person.surface}"
    try:
        with connect(
            address, additional_headers={"Cookie": cookies}, origin=f"http://127.0.0.1:{town.platform.port}"
        ) as line:
            while True:
                said = json.loads(line.recv(timeout=0.5))
                if said["type"] == "error":
                    return str(said["code"])
    except (TimeoutError, ConnectionClosed):
        return ""
    except InvalidStatus as err:
        return {401: "not_signed_in", 403: "not_allowed"}.get(err.response.status_code, "")


def test_who_sees_one_home_never_gets_anothers_data(town: Town) -> None:
    paths = ("visits", "openings", "access-log", "consents")
    for role in AT_HOME:
        mine, theirs = (
            {path: town.person(role, where).get(f"/api/v1/citizen/{path}").json for path in paths}
            for where in (OWN, OTHER)
        )
        assert mine["visits"]["visits"], role
        assert mine["visits"] != theirs["visits"], role
        pages = [town.person(role, where).get("/mit").content.decode() for where in (OWN, OTHER)]
        with town.platform.runtime.database.reading() as session:
            names = [session.get_one(CitizenRow, town.homes[where]).name for where in (OWN, OTHER)]
        assert [names[0] in pages[0], names[1] in pages[0]] == [True, names[1] == names[0]]
        assert [names[1] in pages[1], names[0] in pages[1]] == [True, names[1] == names[0]]


def test_a_technician_sees_devices_of_her_own_units_only(town: Town) -> None:
    for where in (OWN, OTHER):
        items = town.person(Role.TECHNICIAN, where).get("/api/v1/devices").json["items"]
        assert items
        assert {i["unit_id"] for i in items} == {town.units[where]}
        listed = town.person(Role.TECHNICIAN, where).get("/api/v1/operations/devices").json["items"]
        assert {i["unit_name"] for i in listed} == {i["unit_name"] for i in items}
    elsewhere = town.person(Role.TECHNICIAN, OTHER).get(f"/api/v1/devices?unit={town.units[OWN]}")
    assert (elsewhere.status, elsewhere.code) == (403, "other_unit")


def test_a_planners_board_shows_nothing_of_another_unit(town: Town) -> None:
    boards = {where: town.person(Role.PLANNER, where).get("/api/v1/board").json for where in (OWN, OTHER)}

    for where, board in boards.items():
        assert [u["id"] for u in board["units"]] == [town.units[where]]
        assert {lane["unit_id"] for lane in board["lanes"]} == {town.units[where]}
        assert {v["unit_id"] for v in board["unallocated"]} <= {town.units[where]}
    mine, theirs = ({v["id"] for lane in b["lanes"] for v in lane["visits"]} for b in boards.values())
    assert mine
    assert not mine & theirs


def test_a_planner_cannot_send_a_visit_into_another_unit_nor_fetch_one_from_it(town: Town) -> None:
    planner, other = town.person(Role.PLANNER, OWN), town.person(Role.PLANNER, OTHER)
    visit = town.ids["free_visit_id"]
    body = {"to_carer_id": town.carers[OTHER], "reason": "sygdom", "preview": False}

    sent = planner.post(f"/api/v1/visits/{visit}/move", body, If_Match='"x:1"')
    fetched = other.post(f"/api/v1/visits/{visit}/move", body, If_Match='"x:1"')

    assert [(a.status, a.code) for a in (sent, fetched)] == [(403, "other_unit")] * 2


def test_lists_of_jobs_show_ones_own_units_only(town: Town) -> None:
    own = town.person(Role.PLANNER, OWN).get("/api/v1/jobs").json["jobs"]
    other = town.person(Role.PLANNER, OTHER).get("/api/v1/jobs").json["jobs"]
    everything = town.person(Role.OPERATIONS, OTHER).get("/api/v1/jobs").json["jobs"]

    assert town.ids["job_id"] in {j["id"] for j in own}
    assert not [j for j in other if j["unit_id"] == town.units[OWN]]
    assert town.ids["job_id"] in {j["id"] for j in everything}


def test_a_manager_does_not_see_another_centres_figures(town: Town) -> None:
    refused = town.person(Role.MANAGER, OTHER).get(f"/leder?enhed={town.units[OWN]}")

    assert (refused.status, refused.code) == (403, "other_unit")


def _home_of(platform: Platform, unit_id: str) -> str:
    """Somebody of the unit who has a visit today."""
    with platform.runtime.database.reading() as session:
        query = select(VisitRow.citizen_id).where(VisitRow.day == platform.day.on, VisitRow.unit_id == unit_id)
        return session.exec(query.order_by(col(VisitRow.id))).first() or ""


def _two_units(platform: Platform) -> tuple[str, str]:
    units = sorted({str(c.unit_id) for c in platform.day.carers})
    return units[0], units[1]


def _carer_of(platform: Platform, unit_id: str) -> str:
    unit_of = {str(c.id): str(c.unit_id) for c in platform.day.carers}
    return next(c for c in platform.first_stops if unit_of[c] == unit_id)


def _not_read(platform: Platform, device_id: str) -> Incoming:
    return Incoming("demo", "vehicle", device_id, "birth", b"\xff", platform.clock.now())


def test_no_request_above_held_one_connection_while_it_took_another(town: Town) -> None:
    assert not town.held.taken_twice, town.held.taken_twice
