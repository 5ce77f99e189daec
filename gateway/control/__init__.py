"""The control process: files that it watches, the fronts before its desk, and the loop of its leader."""
