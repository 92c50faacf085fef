"""TopRung: hyperparameter optimization on Kubernetes."""
