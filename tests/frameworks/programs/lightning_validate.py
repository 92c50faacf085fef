"""Validate with Lightning, which prints a table of the metrics."""

import lightning
import torch
from torch.utils.data import DataLoader, TensorDataset


class Classifier(lightning.LightningModule):
    """A linear classifier that logs its validation loss."""

    def __init__(self):
        super().__init__()
        self.layer = torch.nn.Linear(4, 1)

    def validation_step(self, batch, _):
        """Log the validation loss."""
        x, y = batch
        self.log("val_loss", torch.nn.functional.binary_cross_entropy_with_logits(self.layer(x)[:, 0], y))


lightning.seed_everything(7, verbose=False)
x = torch.randn(64, 4)
data = DataLoader(TensorDataset(x, (x.sum(dim=1) > 0).float()), batch_size=16)
trainer = lightning.Trainer(accelerator="cpu", logger=False, enable_checkpointing=False)
trainer.validate(Classifier(), data)
