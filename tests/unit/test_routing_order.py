"""Calls come in the order of admission, from all workers, and none before those that are still on their way."""

from hypothesis import given
from hypothesis import strategies as st

from routing.order import Order, Settled


def call(admitted: float, unit: int = 1) -> Settled:
    return Settled(admitted, unit, False, 0, 500, 0)


def test_nothing_is_ready_before_every_worker_has_settled_it() -> None:
    order = Order()
    order.join("a", 0.0)
    order.join("b", 0.0)
    order.put("a", [call(2.0), call(1.0)], until=3.0)
    assert order.ready() == []
    order.put("b", [call(1.5)], until=1.8)
    assert [one.admitted for one in order.ready()] == [1.0, 1.5]
    order.put("b", [], until=3.0)
    assert [one.admitted for one in order.ready()] == [2.0]
    assert order.ready() == []


def test_a_dead_worker_holds_nobody_back() -> None:
    order = Order()
    order.join("dead", 0.0)
    order.put("a", [call(1.0)], until=2.0)
    assert order.ready() == []
    order.leave("dead")
    assert len(order.ready()) == 1


def test_without_workers_nothing_moves() -> None:
    order = Order()
    assert order.ready() == []
    order.put("a", [call(1.0)], until=0.5)
    order.leave("a")
    assert order.ready() == []
    assert order.watermark == float("-inf")


def test_what_comes_behind_the_watermark_is_dropped_and_counted() -> None:
    order = Order()
    order.put("a", [], until=5.0)
    order.ready()
    order.put("a", [call(4.0), call(6.0)], until=7.0)
    assert [one.admitted for one in order.ready()] == [6.0]
    assert order.dropped == 1


def test_a_worker_that_joins_late_does_not_turn_time_back() -> None:
    order = Order()
    order.put("a", [call(1.0)], until=5.0)
    order.ready()
    order.join("b", 2.0)
    assert order.watermark == 5.0
    order.put("a", [call(6.0)], until=9.0)
    assert order.ready() == [], "b has not said so yet"


def test_a_clock_that_is_set_back_makes_nothing_late() -> None:
    order = Order()
    for worker in ("a", "b"):
        order.put(worker, [call(99.0)], until=100.0)
    assert len(order.ready()) == 2
    order.put("a", [call(39.5)], until=40.0)
    order.put("b", [call(39.6)], until=40.1)
    assert [one.admitted for one in order.ready()] == [39.5, 39.6]
    order.put("a", [call(40.05)], until=40.5)
    order.put("b", [], until=40.5)
    assert [one.admitted for one in order.ready()] == [40.05]
    assert order.dropped == 0
    order.put("a", [call(40.2)], until=39.5)
    assert order.dropped == 1, "a little earlier is no other clock"


@given(st.lists(st.tuples(st.sampled_from("ab"), st.lists(st.floats(0, 100)), st.floats(0, 100))))
def test_whatever_is_flushed_comes_in_order_and_once(flushes: list[tuple[str, list[float], float]]) -> None:
    order, seen, put = Order(), list[float](), 0
    order.join("a", 0.0)
    order.join("b", 0.0)
    settled = {"a": 0.0, "b": 0.0}
    for worker, moments, until in flushes:
        settled[worker] = max(settled[worker], until)
        order.put(worker, map(call, moments), settled[worker])
        put += len(moments)
        seen += [one.admitted for one in order.ready()]
    assert seen == sorted(seen)
    assert len(seen) + order.dropped <= put
