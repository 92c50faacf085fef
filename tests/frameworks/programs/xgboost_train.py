"""Boost five rounds with XGBoost, evaluating two data sets."""

import numpy as np
import xgboost

x = np.random.default_rng(7).normal(size=(200, 4))
y = (x.sum(axis=1) > 0).astype(int)
train, valid = xgboost.DMatrix(x[:150], y[:150]), xgboost.DMatrix(x[150:], y[150:])
settings = {"objective": "binary:logistic", "eval_metric": ["logloss", "auc"], "max_depth": 2, "nthread": 1}
xgboost.train(settings, train, num_boost_round=5, evals=[(train, "train"), (valid, "validation")])
