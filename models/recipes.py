"""Owns the list of recipes: adding a deployment adds a package and a line here."""

from models.credit.training import RECIPE as CREDIT
from models.fraud.training import RECIPE as FRAUD
from models.quotes.training import RECIPE as QUOTES
from models.recipe import Recipe

RECIPES: dict[str, Recipe] = {recipe.name: recipe for recipe in (FRAUD, QUOTES, CREDIT)}
