"""Pass-through deployments: any tensors to any model, with arms, budget, rollback and metrics, and no features."""
