"""Rules in an order: a section or a document that has one; what cannot be, or would take for ever, is said so."""

import pytest

from routing.control.rules_text import read_rules
from routing.control.signed import NoOrder
from routing.declared import read_rollout

SECTION = "alpha: 0.02\nguards:\n  row_faults: {tolerated: 2}\n"


def test_a_section_or_a_document_that_has_one() -> None:
    meant = read_rollout({"alpha": 0.02, "guards": {"row_faults": {"tolerated": 2}}}).rules
    assert read_rules(SECTION) == meant
    document = "deployment: fraud\nrollout:\n" + "".join(f"  {line}\n" for line in SECTION.splitlines())
    assert read_rules(document) == meant


@pytest.mark.parametrize(
    ("rules", "match"),
    [
        ("guards: {speed: {}}", "'speed' is unknown"),
        ("[", "rules: while parsing"),
        ("just words", "rules:"),
        ("a: &x [1]\nb: *x", "without YAML references"),
        ("[" * 5_000, "no more than 200 brackets"),
        ("- " * 5_000, "rules: maximum recursion depth"),
        ("rollout: 3", "rules: rollout: it is 3"),
        ("shadow: {pairs: .inf}", "rules: rollout: shadow: pairs is inf"),
        ('alpha: !!int ""', "rules: string index"),
        ("alpha: !!float 1" + ":1" * 400, "rules:"),
    ],
)
def test_what_cannot_be(rules: str, match: str) -> None:
    with pytest.raises(NoOrder, match=match):
        read_rules(rules)
