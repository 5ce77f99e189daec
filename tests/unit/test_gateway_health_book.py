"""What floors are told: runs, broken ones, deaths of the canary's host, strain, and the scores of either arm."""

from gateway.backends.host_death import Death, Reason
from gateway.backends.host_toll import Toll, waited_of
from gateway.errors import PredictionFailed
from gateway.health_book import HealthBook
from gateway.lane import Decided
from routing.window import NOTHING, Health, Spread


def decided(*scores: float) -> list[Decided]:
    return [Decided("approve", {"score": score}) for score in scores]


def test_what_was_counted_is_told_once() -> None:
    book = HealthBook()
    book.ran(canary=True)
    book.ran(canary=True)
    book.broke(canary=True)
    book.ran(canary=False)
    assert book.scored(True, decided(0.5, 0.25))
    assert book.scored(True, decided(0.75))
    assert book.scored(False, [*decided(1.0), PredictionFailed("NaN", contract=True)])
    assert not book.scored(False, [PredictionFailed("NaN", contract=True), None])
    assert book.take(1.0) == Health(2, 1, 1, 0, canary_scores=Spread(3, 0.25, 0.75), champion_scores=Spread(1, 1, 1))
    assert book.take(2.0) == NOTHING


def test_deaths_are_told_also_of_a_host_that_died_before_it_was_looked_after() -> None:
    toll, book = Toll(deaths=1), HealthBook()

    def tolled() -> Toll:
        return toll

    book.watch(tolled)
    assert book.take(1.0).host_deaths == 1
    toll = Toll(deaths=3, golden_wrong=1)
    book.watch(tolled)
    health = book.take(2.0)
    assert (health.host_deaths, health.golden_wrong) == (2, 1)
    book.watch(lambda: Toll(deaths=1))
    assert book.take(3.0).host_deaths == 1, "another host, another count"


def test_a_host_that_waits_for_a_processor_most_of_the_time_is_a_strain() -> None:
    waited, book = 5.0, HealthBook()
    book.watch(lambda: Toll(waited=waited))
    assert not book.take(10.0).strained, "over which time nobody knows"
    waited += 0.2
    assert not book.take(10.5).strained
    waited += 0.3
    assert book.take(11.0).strained
    assert not book.take(11.5).strained


def test_refused_calls_are_a_strain() -> None:
    book = HealthBook()
    book.strain()
    assert book.take(1.0).strained
    assert not book.take(2.0).strained


def test_only_its_own_deeds_are_a_bundles_deaths() -> None:
    toll = Toll()
    for reason in Reason:
        toll = toll.after(Death(reason, "", waited=1.0))
    assert (toll.deaths, toll.golden_wrong, toll.waited) == (5, 1, float(len(Reason)))
    assert toll.after(Death(Reason.SIGNAL, "", model=1)).deaths == 5, "it died of the run of another bundle"


def test_of_a_process_that_is_not_there_nothing_is_known() -> None:
    assert waited_of(2**22 + 1) == 0.0
