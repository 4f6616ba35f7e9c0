"""A process does not carry the libraries of what it does not do."""

import subprocess
import sys

#: what prints papers, writes workbooks and draws from distributions: 20 to 60 MB each
HEAVY = ("fpdf", "openpyxl", "scipy.stats", "statsmodels", "fakeredis", "locust", "aiortc")
_SAYS = """
import sys, gateway.cli, gateway.runtime
heavy = {heavy!r}
print([name for name in (*heavy, "gateway.app") if name in sys.modules])
import gateway.app, gateway.pages
import importlib, pkgutil
for module in pkgutil.iter_modules(gateway.pages.__path__):
    importlib.import_module("gateway.pages." + module.name)
print([name for name in heavy if name in sys.modules])
"""


def test_neither_ingest_nor_serve_loads_what_only_a_report_needs() -> None:
    said = subprocess.run(
        [sys.executable, "-c", _SAYS.format(heavy=HEAVY)], capture_output=True, text=True, check=True, timeout=120
    )
    assert said.stdout.split("\n")[:2] == ["[]", "[]"]
