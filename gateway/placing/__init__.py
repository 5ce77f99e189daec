"""Says where a model should run, and whether its scores should be computed ahead: the work of `sluice place`."""
