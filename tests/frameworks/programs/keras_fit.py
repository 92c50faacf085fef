"""Train two epochs with Keras and its default progress bar."""

import numpy as np
from keras import Input, Sequential, layers, utils

utils.set_random_seed(7)
x = np.random.default_rng(7).normal(size=(256, 4)).astype("float32")
y = (x.sum(axis=1) > 0).astype("float32")
model = Sequential([Input((4,)), layers.Dense(8, activation="relu"), layers.Dense(1, activation="sigmoid")])
model.compile(optimizer="adam", loss="binary_crossentropy", metrics=["accuracy"])
model.fit(x, y, epochs=2, batch_size=16, validation_split=0.25)
