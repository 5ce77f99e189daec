"""Who answers a call, and whether to keep trusting them: arithmetic only, standard library only."""
