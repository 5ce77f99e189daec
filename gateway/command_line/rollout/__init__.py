"""`sluice rollout`: start a rollout, watch it, approve it, take it back; and make the key that signs for all that."""
