"""Show epochs as a bar with the epoch and the metric before it."""

import time

from tqdm import tqdm

bar = tqdm(range(1, 6))
for epoch in bar:
    time.sleep(0.15)
    bar.set_description(f"Epoch {epoch}, val_loss={1 / epoch:.3g}")
