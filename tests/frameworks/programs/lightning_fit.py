"""Train two epochs with Lightning and its default progress bar."""

import lightning
import torch
from torch.utils.data import DataLoader, TensorDataset


class Classifier(lightning.LightningModule):
    """A linear classifier that logs its losses to the progress bar."""

    def __init__(self):
        super().__init__()
        self.layer = torch.nn.Linear(4, 1)

    def training_step(self, batch, _):
        """Log the loss of a batch."""
        loss = self._loss(batch)
        self.log("train_loss", loss, prog_bar=True)
        return loss

    def validation_step(self, batch, _):
        """Log the validation loss."""
        self.log("val_loss", self._loss(batch), prog_bar=True)

    def configure_optimizers(self):
        """Use plain gradient descent."""
        return torch.optim.SGD(self.parameters(), lr=0.1)

    def _loss(self, batch):
        x, y = batch
        return torch.nn.functional.binary_cross_entropy_with_logits(self.layer(x)[:, 0], y)


lightning.seed_everything(7, verbose=False)
x = torch.randn(64, 4)
data = DataLoader(TensorDataset(x, (x.sum(dim=1) > 0).float()), batch_size=16)
trainer = lightning.Trainer(max_epochs=2, accelerator="cpu", logger=False, enable_checkpointing=False)
trainer.fit(Classifier(), data, data)
