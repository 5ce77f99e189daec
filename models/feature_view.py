"""Owns how a history becomes a Feast feature view: Float64 features, Int64 keys, a parquet file under .sluice/feast.

Every stored feature is a double: homogeneous columns decode fastest in the gateway, and whole numbers stay exact.
"""

from collections.abc import Sequence

from feast import Entity, FeatureService, FeatureView, Field, FileSource, ValueType
from feast.types import Float64, Int64

from models.history import CREATED, EVENT_TIMESTAMP, History
from models.places import table_path


def entity(name: str, description: str) -> Entity:
    """An entity known by one whole-number join key of the same name."""
    return Entity(name=name, join_keys=[name], value_type=ValueType.INT64, description=description)


def feature_view(history: History, entities: Sequence[Entity]) -> FeatureView:
    """The Feast view of a history, over those of the entities that its keys name."""
    schema = [Field(name=key, dtype=Int64) for key in history.keys]
    schema += [Field(name=name, dtype=Float64) for name in history.features]
    return FeatureView(
        name=history.view,
        entities=[entity for entity in entities if entity.name in history.keys],
        ttl=history.ttl,
        schema=schema,
        source=FileSource(
            name=f"{history.view}_file",
            path=str(table_path(history.view)),
            timestamp_field=EVENT_TIMESTAMP,
            created_timestamp_column=CREATED,
        ),
    )


def feature_service(deployment: str, views: Sequence[FeatureView]) -> FeatureService:
    """Everything that a deployment reads, under its name."""
    return FeatureService(name=deployment, features=list(views))
