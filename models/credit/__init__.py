"""Credit card clients: how likely is a default next month?"""
