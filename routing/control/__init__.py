"""The deeds of rollouts: state in the control Redis, who leads, what is remembered. What is decided is `routing`'s."""
