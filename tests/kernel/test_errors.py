"""Errors: a stable code, words in both languages, the same facts in both."""

import importlib
import pkgutil
from string import Formatter
from typing import ClassVar

import pytest

import devices
import gateway
import kernel
import metrics
import scheduling
from kernel.errors import DomainError, ErrorKind, ErrorText, KernelError


def _whole_catalogue() -> dict[str, ErrorText]:
    """Every module that declares errors is imported first."""
    for package in (kernel, devices, scheduling, metrics, gateway):
        for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if not found.name.endswith(("__main__", ".env")) and ".migrations." not in found.name:
                importlib.import_module(found.name)
    return dict(DomainError.catalogue())


CATALOGUE = _whole_catalogue()


def _placeholders(template: str, language: str) -> set[str]:
    """The facts of a sentence; one that is a word itself comes once a language (``aid_da``, ``aid_en``)."""
    return {name.removesuffix(f"_{language}") for _, name, _, _ in Formatter().parse(template) if name}


def test_there_are_codes_of_every_domain() -> None:
    for code in ("not_found", "route_stale", "topic_malformed", "proof_other_key", "broker_away", "quarantine_settled"):
        assert code in CATALOGUE


@pytest.mark.parametrize("code", sorted(CATALOGUE))
def test_every_code_has_a_sentence_in_both_languages_with_the_same_facts(code: str) -> None:
    text = CATALOGUE[code]

    assert code == code.lower().replace("-", "_").replace(" ", "_")
    assert text.da.strip()
    assert text.en.strip()
    assert text.da != text.en
    assert text.da.rstrip().endswith((".", "?", "!", "}"))
    assert text.en.rstrip().endswith((".", "?", "!", "}"))
    assert _placeholders(text.da, "da") == _placeholders(text.en, "en")
    assert isinstance(text.kind, ErrorKind)


def test_a_code_nobody_declared_cannot_be_raised() -> None:
    with pytest.raises(ValueError, match="declared error code"):
        KernelError("coffee_empty")


def test_two_meanings_for_one_code_cannot_be_declared() -> None:
    with pytest.raises(ValueError, match="one meaning per error code"):

        class OtherError(DomainError):
            texts: ClassVar = {"not_found": ErrorText(ErrorKind.CONFLICT, "Noget andet.", "Something else.")}


def test_facts_fill_the_sentence_and_a_missing_one_does_not_hide_it() -> None:
    assert KernelError("not_found", what="Dagen").text() == "Dagen findes ikke."
    assert KernelError("not_found", what="The day").text("en") == "The day does not exist."
    assert KernelError("not_found").text() == "? findes ikke."
    assert str(KernelError("not_found", what="x")) == "not_found: x does not exist."
    assert KernelError("not_found").kind is ErrorKind.NOT_FOUND
