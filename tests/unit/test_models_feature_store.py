"""The Feast store: addresses in Feast's own form, definitions that `feast apply` would find."""

import pytest
from feast import Entity, FeatureService, FeatureView

from models.errors import AddressError
from models.feature_repo import definitions
from models.feature_store import connection_string, open_store


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("redis://127.0.0.1:6399", "127.0.0.1:6399"),
        ("redis://redis.internal", "redis.internal:6379"),
        ("redis://cache:6400/5", "cache:6400,db=5"),
        ("rediss://me:p%40ss@cache:6400/1", "cache:6400,username=me,password=p@ss,db=1,ssl=true"),
    ],
)
def test_an_address_becomes_feasts_connection_string(url: str, expected: str) -> None:
    assert connection_string(url) == expected


@pytest.mark.parametrize("url", ["127.0.0.1:6399", "http://cache", "redis://", "redis://me:a,b@cache"])
def test_an_address_that_feast_cannot_carry_is_refused(url: str) -> None:
    with pytest.raises(AddressError):
        connection_string(url)


def test_the_store_is_the_one_in_the_file_at_the_address_that_is_given() -> None:
    config = open_store("redis://127.0.0.1:6400").config
    assert (config.project, config.entity_key_serialization_version) == ("sluice", 3)
    assert (config.offline_store.type, config.online_store.type) == ("duckdb", "redis")
    assert config.online_store.connection_string == "127.0.0.1:6400"


def test_feast_apply_finds_by_name_all_that_the_pipeline_registers() -> None:
    named = [value for value in vars(definitions).values() if isinstance(value, Entity | FeatureView | FeatureService)]
    assert {value.name for value in named} == {value.name for value in definitions.OBJECTS}
    assert len(named) == len(definitions.OBJECTS)
