"""Where a worker's time goes, seen from outside: samples of its stack, its threads' processor time, its metrics."""
