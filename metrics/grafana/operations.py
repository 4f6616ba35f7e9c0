"""The dashboard of operations: is everything heard, does anything wait, do the devices and the screen visits work."""

from metrics import catalogue
from metrics.grafana.model import Dashboard, Panel, Query, Row

_SCREEN_FAILURES = "municipality:omsorgstid_screen_visits_failed_per_ended:ratio"
_OFFLINE_SHARE = "kind:omsorgstid_devices_offline_per_enrolled:ratio"

UNDERLYING = Row(
    "Det, tallene hviler på",
    (
        Panel("Skærmbesøg, seneste døgn", "barchart", "none", (Query(catalogue.SCREEN_VISITS.name, "{{outcome}}"),)),
        Panel("Mislykkede skærmbesøg", "stat", "percentunit", (Query(_SCREEN_FAILURES, "mislykket"),)),
        Panel("Låsenes batterier", "bargauge", "none", (Query(catalogue.LOCK_BATTERIES.name, "{{level}}"),)),
        Panel(
            "Enheder uden forbindelse",
            "stat",
            "none",
            (Query(catalogue.DEVICES_OFFLINE.name, "{{kind}}"),),
        ),
        Panel("Enheder i brug", "stat", "none", (Query(catalogue.DEVICES_ENROLLED.name, "{{kind}}"),)),
        Panel(
            "Sidst hørt fra en enhed",
            "stat",
            "s",
            (Query(f"time() - {catalogue.LAST_MESSAGE.name}", "siden"),),
        ),
        Panel("Beskeder sat til side", "stat", "none", (Query(catalogue.QUARANTINE_OPEN.name, "åbne"),)),
    ),
)
_INTAKE = Row(
    "Modtagelse",
    (
        Panel("Sidst hørt fra en enhed", "stat", "s", (Query(f"time() - {catalogue.LAST_MESSAGE.name}", "siden"),)),
        Panel(
            "Ældste besked, der venter på at blive gemt",
            "timeseries",
            "s",
            (Query(catalogue.OLDEST_MESSAGE.name, "venter"),),
        ),
        Panel("Beskeder sat til side", "timeseries", "none", (Query(catalogue.QUARANTINE_OPEN.name, "åbne"),)),
    ),
)
_DEVICES = Row(
    "Enheder",
    (
        Panel("Enheder i brug", "stat", "none", (Query(catalogue.DEVICES_ENROLLED.name, "{{kind}}"),)),
        Panel("Andel uden forbindelse", "timeseries", "percentunit", (Query(_OFFLINE_SHARE, "{{kind}}"),)),
        Panel("Låsenes batterier", "bargauge", "none", (Query(catalogue.LOCK_BATTERIES.name, "{{level}}"),)),
    ),
)
_SCREEN = Row(
    "Skærmbesøg",
    (
        Panel("Seneste døgn efter udfald", "barchart", "none", (Query(catalogue.SCREEN_VISITS.name, "{{outcome}}"),)),
        Panel("Andel mislykkede", "timeseries", "percentunit", (Query(_SCREEN_FAILURES, "mislykket"),)),
    ),
)
_LEDGER = Row(
    "Gevinstregnskabet",
    (
        Panel(
            "Regnskabets alder",
            "timeseries",
            "s",
            (Query(f"time() - {catalogue.LEDGER_LAST_UPDATE.name}", "alder"),),
        ),
        Panel("Hændelser, der ikke er læst", "timeseries", "none", (Query(catalogue.LEDGER_LAG.name, "ulæste"),)),
        Panel(
            "Nulpunktsmålinger, der mangler",
            "stat",
            "none",
            (Query(catalogue.BASELINES_MISSING.name, "{{technology}}"),),
        ),
    ),
)
OPERATIONS = Dashboard(
    file_name="operations.json",
    uid="omsorgstid-operations",
    title_da="Omsorgstid: drift",
    rows=(_INTAKE, _DEVICES, _SCREEN, _LEDGER),
    tags=("omsorgstid", "drift"),
    from_time="now-24h",
)
