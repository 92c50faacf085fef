"""Cross-validate five rounds with LightGBM, logging the mean of each."""

import lightgbm
import numpy as np

x = np.random.default_rng(7).normal(size=(200, 4))
data = lightgbm.Dataset(x, (x.sum(axis=1) > 0).astype(int))
settings = {"objective": "binary", "metric": ["auc", "binary_logloss"], "num_threads": 1, "min_data_in_leaf": 5}
lightgbm.cv(settings, data, num_boost_round=5, nfold=3, seed=7, callbacks=[lightgbm.log_evaluation(1)])
