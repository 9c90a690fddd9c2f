"""Where stages begin that worked apart before, or chained; and whose lag is nobody's any more."""

from __future__ import annotations

from streams.positions import earliest, left_behind
from streams.topology import CHAINS, SPECS

CHAIN = CHAINS[0]
OWN = [SPECS[name].group for name in CHAIN.stages]
TOGETHER = [(group, CHAIN.group) for group in OWN]
PLACE, OTHER = ("chat.messages", 0), ("chat.messages", 1)


def test_a_chain_begins_at_the_earliest_of_its_stages() -> None:
    """Nothing is stepped over that one of them has not done."""
    found = {OWN[0]: {PLACE: 70}, OWN[1]: {PLACE: 50}, OWN[2]: {PLACE: 60}, CHAIN.group: {}}
    assert earliest(TOGETHER, found, [PLACE]) == {PLACE: 50}


def test_a_stage_that_never_worked_does_not_send_its_chain_to_the_beginning() -> None:
    """What the others have done is done; only where nobody stood the log's beginning is meant."""
    found = {OWN[0]: {PLACE: 70}, OWN[1]: {}, OWN[2]: {}, CHAIN.group: {}}
    assert earliest(TOGETHER, found, [PLACE, OTHER]) == {PLACE: 70}


def test_a_chain_goes_on_where_it_stood() -> None:
    """Offsets that the stages committed before they were chained no longer count."""
    found = {group: {PLACE: 50} for group in OWN} | {CHAIN.group: {PLACE: 900}}
    assert earliest(TOGETHER, found, [PLACE]) == {PLACE: 900}


def test_a_stage_by_itself_goes_on_where_its_chain_stood() -> None:
    """And where it stood itself, if that is further."""
    stages = [(OWN[0], CHAIN.group)]
    assert earliest(stages, {OWN[0]: {PLACE: 50}, CHAIN.group: {PLACE: 900}}, [PLACE]) == {PLACE: 900}
    assert earliest(stages, {OWN[0]: {PLACE: 950}, CHAIN.group: {PLACE: 900}}, [PLACE]) == {PLACE: 950}


def test_a_stage_that_was_halted_holds_its_chain_back_when_it_comes_again() -> None:
    """The others worked apart meanwhile; what the halted one left is done by all of them again, under the same ids."""
    found = {OWN[0]: {}, OWN[1]: {PLACE: 500}, OWN[2]: {PLACE: 480}, CHAIN.group: {PLACE: 100}}
    assert earliest(TOGETHER, found, [PLACE]) == {PLACE: 100}


def test_stages_that_are_chained_now_are_behind_with_nothing() -> None:
    """Their own groups stand where they were left, for ever."""
    found = {group: {PLACE: 50, OTHER: 3} for group in OWN} | {CHAIN.group: {PLACE: 900, OTHER: 3}}
    assert left_behind(found) == set(OWN)


def test_a_chain_whose_stages_work_apart_is_behind_with_nothing() -> None:
    """Unless one of them is behind the chain: then its work is still there to be done."""
    found = {group: {PLACE: 950} for group in OWN} | {CHAIN.group: {PLACE: 900}}
    assert left_behind(found) == {CHAIN.group}
    assert left_behind(found | {OWN[0]: {PLACE: 800}}) == {OWN[0]}
    assert left_behind({group: {PLACE: 950} for group in OWN}) == set()
