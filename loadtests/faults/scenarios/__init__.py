"""One file a kind of fault, each with its scenarios."""
