"""Boost five rounds with LightGBM, logging the evaluation of each."""

import lightgbm
import numpy as np

x = np.random.default_rng(7).normal(size=(200, 4))
y = (x.sum(axis=1) > 0).astype(int)
train = lightgbm.Dataset(x[:150], y[:150])
valid = lightgbm.Dataset(x[150:], y[150:], reference=train)
settings = {"objective": "binary", "metric": ["auc", "binary_logloss"], "num_threads": 1, "min_data_in_leaf": 5}
lightgbm.train(settings, train, num_boost_round=5, valid_sets=[valid], callbacks=[lightgbm.log_evaluation(1)])
