"""Owns the list of what Feast registers: each object by name, as `feast apply` looks for them."""

from feast import Entity, FeatureService, FeatureView

from models.credit import features as of_credit
from models.fraud import features as of_fraud
from models.quotes import features as of_quotes

card_id, store_id = of_fraud.ENTITIES
card_history, store_history, card_frauds, store_frauds = of_fraud.VIEWS
pickup_zone, dropoff_zone = of_quotes.ENTITIES
pickup_history, dropoff_history, pair_history = of_quotes.VIEWS
(client_id,) = of_credit.ENTITIES
client_account, client_statements = of_credit.VIEWS
fraud, quotes, credit = of_fraud.SERVICE, of_quotes.SERVICE, of_credit.SERVICE

VIEWS = (*of_fraud.VIEWS, *of_quotes.VIEWS, *of_credit.VIEWS)
OBJECTS: tuple[Entity | FeatureView | FeatureService, ...] = (
    *of_fraud.ENTITIES,
    *of_quotes.ENTITIES,
    *of_credit.ENTITIES,
    *VIEWS,
    fraud,
    quotes,
    credit,
)
