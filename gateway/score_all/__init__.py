"""Computes the scores of all entities of a deployment ahead: the work of `sluice score-all`."""
