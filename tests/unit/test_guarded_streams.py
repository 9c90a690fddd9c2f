"""A stream is released sentence by sentence, each judged before it is sent."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from processors.guarding import Release, guard
from tests.prompted import cases
from tests.unit.test_guarding import EN

GOOD = "You can return unused items within 30 days. The courier collects them within 48 hours."
REPLIES = [
    GOOD,
    f"{GOOD} I have refunded you. Bye.",
    *(c["obeys"] for c in cases("injections.jsonl") if c["lang"] == "en"),
]


def test_a_sentence_is_sent_when_the_next_begins() -> None:
    """Not before its end, and without waiting for the whole."""
    release = Release(EN)
    assert release.add("You can return unused items") == ""
    assert release.add(" within 30 days. ") == ""
    assert release.add("The cou") == "You can return unused items within 30 days."
    assert release.add("rier collects them within 48 hours.") == ""
    rest, verdict = release.finish()
    assert rest == " The courier collects them within 48 hours."
    assert (verdict.outcome, verdict.text) == ("passed", GOOD)


def test_nothing_follows_what_a_guard_found() -> None:
    """What was sent stays, the rest is held back, and the reply is what was sent."""
    release = Release(EN)
    sent = release.add("You can return unused items within 30 days. I have refunded you. And ")
    assert release.stopped or sent == "You can return unused items within 30 days."
    sent += release.add("more. Still more.")
    rest, verdict = release.finish()
    assert "refunded" not in sent + rest
    assert verdict.text == release.released
    assert "claims_act" in {f.reason for f in verdict.findings}


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(REPLIES), st.lists(st.integers(1, 30), min_size=1, max_size=8), st.booleans())
def test_however_it_is_cut_what_is_sent_passes(reply: str, sizes: list[int], complete: bool) -> None:
    """The text that was sent is the verdict's, is a beginning of the reply, and is passed by the guard as a whole."""
    release, sent, at = Release(EN), "", 0
    for i in range(len(reply)):
        size = sizes[i % len(sizes)]
        sent += release.add(reply[at : at + size])
        at += size
        if at >= len(reply):
            break
    rest, verdict = release.finish(complete)
    assert sent + rest == verdict.text == release.released
    assert reply.startswith(verdict.text)
    assert not verdict.text or guard(verdict.text, EN).outcome == "passed"
