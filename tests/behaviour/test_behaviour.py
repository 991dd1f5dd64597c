"""Behaviour of the built-in model, as capabilities that its users can name (checklists in the sense of Ribeiro et al., ACL 2020).

A classifier errs, so each capability is asked of a share of its cases, stated beside them.
"""

from __future__ import annotations

import pytest
from capabilities import Capability, all_capabilities

from pactag import Tagger


@pytest.fixture(scope="module")
def built_in() -> Tagger:
    return Tagger.load()


@pytest.mark.parametrize("capability", [pytest.param(each, id=f"{each.family}: {each.name}") for each in all_capabilities()])
def test_the_built_in_model_is_capable_of(capability: Capability, built_in: Tagger) -> None:
    outcomes = capability.outcomes(built_in)
    wrong = [outcome.found for outcome in outcomes if not outcome.passed]
    assert 1 - len(wrong) / len(outcomes) >= capability.required, "\n".join(wrong)
