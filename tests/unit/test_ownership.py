"""Who may work on a partition: epochs, what is in hand, and the races around a loss."""

from __future__ import annotations

import threading

from streams.ownership import Ownership, Place

TOPICS = ("a", "b")
BOTH: list[Place] = [("a", 0), ("b", 0)]


def owned(numbers: int = 1) -> Ownership[str]:
    """Owns partitions 0 … numbers - 1 of both topics, with a state each."""
    ownership: Ownership[str] = Ownership(TOPICS)
    places = [(topic, n) for n in range(numbers) for topic in TOPICS]
    ownership.gain(places, {n: f"state {n}" for n in range(numbers)})
    return ownership


def test_a_partition_is_whole_only_in_every_topic() -> None:
    """A number that is owned in one topic of two may not be worked on."""
    ownership: Ownership[str] = Ownership(TOPICS)
    assert ownership.whole({("a", 0), ("b", 0), ("a", 1)}) == {0}


def test_what_is_owned_is_handed_out_with_its_state() -> None:
    """A batch gets the states of the partitions that it was read under."""
    ownership = owned(2)
    with ownership.hand(ownership.epochs) as hand:
        assert hand.states == {0: "state 0", 1: "state 1"}


def test_what_was_read_before_a_loss_is_not_handed_out_after_it() -> None:
    """A partition that was lost and gained again has another epoch: old batches get nothing of it."""
    ownership = owned()
    before = ownership.epochs
    ownership.lose(BOTH)
    ownership.gain(BOTH, {0: "anew"})
    with ownership.hand(before) as hand:
        assert not hand.states
    with ownership.hand(ownership.epochs) as hand:
        assert hand.states == {0: "anew"}


def test_losing_one_topic_of_a_partition_drops_its_state() -> None:
    """A number that is no longer whole is not worked on, though the other topic is still owned."""
    ownership = owned()
    ownership.lose([("a", 0)])
    with ownership.hand(ownership.epochs) as hand:
        assert not hand.states


def test_a_partition_that_gets_whole_again_has_a_new_epoch_in_every_topic() -> None:
    """The topic that was kept is read again from the commit, so what was read of it before does not count."""
    ownership = owned()
    before = ownership.epochs
    ownership.lose([("a", 0)])
    ownership.gain([("a", 0)], {0: "anew"})
    assert ownership.epochs["b", 0] != before["b", 0]


def test_nothing_is_committed_of_what_was_lost() -> None:
    """Only offsets of places that are owned as they were when the batch was read are written."""
    ownership = owned(2)
    before, written = ownership.epochs, dict[Place, int]()
    ownership.lose(BOTH)
    assert ownership.commit(before, {("a", 0): 5, ("a", 1): 7}, written.update)
    assert written == {("a", 1): 7}
    assert not ownership.commit(before, {("a", 0): 5}, written.update)


def test_a_revocation_waits_for_what_is_in_hand() -> None:
    """Closing returns once the batch is given back, and hands nothing more out meanwhile."""
    ownership, closed = owned(2), threading.Event()

    def revoke() -> None:
        assert ownership.close({0}, 10)
        closed.set()

    with ownership.hand(ownership.epochs):
        thread = threading.Thread(target=revoke)
        thread.start()
        assert not closed.wait(0.1)
    assert closed.wait(10)
    thread.join()
    with ownership.hand(ownership.epochs) as hand:
        assert hand.states == {1: "state 1"}


def test_a_revocation_does_not_wait_for_ever() -> None:
    """A batch that is not given back within the patience is said to be abandoned."""
    ownership = owned()
    with ownership.hand(ownership.epochs):
        assert not ownership.close({0}, 0.01)


def test_a_held_batch_lets_go_of_what_is_being_revoked() -> None:
    """A stage that waits gives the partition back untouched and goes on with the others."""
    ownership, closed = owned(2), threading.Event()

    def revoke() -> None:
        ownership.close({0}, 10)
        closed.set()

    with ownership.hand(ownership.epochs) as hand:
        thread = threading.Thread(target=revoke)
        thread.start()
        while not closed.wait(0.01):
            assert hand.let_go()
        assert hand.states == {1: "state 1"}
    thread.join()


def test_a_state_that_is_none_is_let_go_of_too() -> None:
    """Stages without memory keep None for each partition: it is the epoch that tells, not the state."""
    ownership: Ownership[None] = Ownership(TOPICS)
    ownership.gain(BOTH, {0: None})
    with ownership.hand(ownership.epochs) as hand:
        ownership.lose(BOTH)
        assert not hand.let_go()


def test_a_stopping_source_hands_nothing_out() -> None:
    """After the stop every further batch gets nothing, so nothing of it is committed."""
    ownership = owned()
    assert ownership.stop(1)
    with ownership.hand(ownership.epochs) as hand:
        assert not hand.states


def test_what_was_kept_for_a_lost_partition_is_given_back() -> None:
    """So that what is under way for it can be called off; each state once, of whole partitions alone."""
    ownership = owned(2)
    assert ownership.lose([("a", 1)]) == {1: "state 1"}
    assert ownership.lose([("b", 1)]) == {}
    assert ownership.lose(BOTH) == {0: "state 0"}
