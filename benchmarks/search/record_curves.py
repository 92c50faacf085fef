"""Records learning curves for the simulator: trains every configuration to the last epoch.

    python benchmarks/search/record_curves.py mnist
    python benchmarks/search/record_curves.py digits
    python benchmarks/search/record_curves.py digits-grid

The configurations are random draws from the space of the Experiment in benchmarks/data/NAME.yaml, or all of
a finite space. The curves go to NAME.csv.gz beside it. Seconds are CPU time in one thread, so other work on the
machine does not distort them. The configurations are distributed over all cores.
"""

import csv
import gzip
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import cache, partial
from io import StringIO
from pathlib import Path
from time import process_time
from typing import Any

import click
import numpy as np
import torch
import yaml
from rich.progress import track
from torch import Tensor, nn
from torch.nn import functional

from toprung.api.loader import load_experiment
from toprung.search.samplers.random import draw
from toprung.search.space import Space
from toprung.seeds import trial_seed
from toprung_trial.examples.train_mnist import mnist

TABLES = Path(__file__).parents[1] / "data"
MNIST_TRAINING = 2000
DIGITS_TRAINING = 600

Configuration = dict[str, Any]
Training = Callable[[Configuration], Iterator[float]]
"""Trains a configuration; yields the validation accuracy after each epoch, without end."""


def mnist_training() -> Training:
    """Train a convolutional network of one or two layers on images of 14 x 14."""
    torch.set_num_threads(1)
    first, second = mnist(torch.device("cpu"))
    images = functional.avg_pool2d(torch.cat([first[0], second[0]]), 2)
    labels = torch.cat([first[1], second[1]])
    validation = images[MNIST_TRAINING:], labels[MNIST_TRAINING:]

    def train(configuration: Configuration) -> Iterator[float]:
        torch.manual_seed(0)
        network, optimizer = build(configuration)
        while True:
            network.train()
            for chosen in torch.randperm(MNIST_TRAINING).split(configuration["batch"]):
                loss = functional.cross_entropy(network(images[chosen]), labels[chosen])
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
            yield accuracy(network, *validation)

    return train


def build(configuration: Configuration) -> tuple[nn.Sequential, torch.optim.Optimizer]:
    """Return the network and the optimizer of a configuration."""
    layers: list[nn.Module] = []
    inputs, size = 1, 14
    for depth in range(configuration["layers"]):
        outputs = configuration["channels"] * 2**depth
        layers += [nn.Conv2d(inputs, outputs, kernel_size=3, padding=1), nn.ReLU(), nn.MaxPool2d(2)]
        inputs, size = outputs, size // 2
    network = nn.Sequential(
        *layers, nn.Flatten(), nn.Dropout(configuration["dropout"]), nn.Linear(inputs * size**2, 10)
    )
    settings = {"lr": configuration["lr"], "weight_decay": configuration["weight_decay"]}
    if configuration["opt"] == "adam":
        return network, torch.optim.Adam(network.parameters(), **settings)
    return network, torch.optim.SGD(network.parameters(), momentum=configuration["momentum"], **settings)


@torch.no_grad()
def accuracy(network: nn.Module, images: Tensor, labels: Tensor) -> float:
    """Return the fraction of images that the network classifies correctly."""
    network.eval()
    return (network(images).argmax(1) == labels).float().mean().item()


def digits_training() -> Training:
    """Train scikit-learn's multilayer perceptron, an epoch at a time."""
    from sklearn.datasets import load_digits  # noqa: PLC0415 - only for this table
    from sklearn.neural_network import MLPClassifier  # noqa: PLC0415 - only for this table

    data = load_digits()
    order = np.random.default_rng(0).permutation(len(data.target))
    images, labels = data.data[order] / 16, data.target[order]
    training = images[:DIGITS_TRAINING], labels[:DIGITS_TRAINING]
    validation = images[DIGITS_TRAINING:], labels[DIGITS_TRAINING:]

    def train(configuration: Configuration) -> Iterator[float]:
        perceptron = MLPClassifier(
            (configuration["width"],) * configuration["layers"],
            activation=configuration["activation"],
            solver=configuration["opt"],
            learning_rate_init=configuration["lr"],
            batch_size=configuration["batch"],
            alpha=configuration.get("alpha", 1e-4),
            momentum=configuration.get("momentum", 0.0),
            random_state=0,
        )
        classes = np.arange(10)
        while True:
            perceptron.partial_fit(*training, classes=classes)
            yield float(perceptron.score(*validation))

    return train


TRAININGS = {"mnist": mnist_training, "digits": digits_training, "digits-grid": digits_training}


@cache
def training_of(name: str, first: tuple[tuple[str, Any], ...]) -> Training:
    """Load a training once per process. Its first epoch includes the imports of the libraries."""
    warnings.simplefilter("ignore")  # weights of hopeless configurations overflow
    train = TRAININGS[name]()
    next(train(dict(first)))
    return train


def trained(name: str, space: Space, epochs: int, index: int) -> tuple[Configuration, list[tuple[float, float]]]:
    """Train configuration `index` of the space."""
    drawn = draw(space, trial_seed(0, index)) if space.size is None else space.combination(index)
    configuration = dict(drawn)
    return configuration, curve(training_of(name, tuple(draw(space, 0).items()))(configuration), epochs)


def curve(training: Iterator[float], epochs: int) -> list[tuple[float, float]]:
    """Return (accuracy, seconds) of each epoch; after an error of the training, NaN."""
    points: list[tuple[float, float]] = []
    for _ in range(epochs):
        start = process_time()
        try:
            value = next(training)
        except (ValueError, StopIteration):  # scikit-learn rejects non-finite weights
            value = float("nan")
        points.append((value, process_time() - start))
    seconds = [spent for value, spent in points if value == value] or [1e-3]  # noqa: PLR0124 - NaN
    return [(value, spent if value == value else float(np.mean(seconds))) for value, spent in points]  # noqa: PLR0124


@click.command()
@click.argument("name", type=click.Choice(list(TRAININGS)))
@click.option(
    "--configurations",
    default=400,
    show_default=True,
    help="Configurations to draw and train; a finite space is trained whole.",
)
def main(name: str, configurations: int) -> None:
    """Record the table NAME."""
    spec = load_experiment(yaml.safe_load((TABLES / f"{name}.yaml").read_text())).spec
    assert spec.early_stopping is not None
    assert spec.early_stopping.asha is not None
    epochs, space = spec.early_stopping.asha.max_resource, Space.of(spec.parameters)
    names = [parameter.name for parameter in spec.parameters]
    lines = StringIO()
    writer = csv.writer(lines, lineterminator="\n")
    writer.writerow(["configuration", *names, "step", spec.primary_objective.metric, "seconds"])
    with ProcessPoolExecutor() as pool:
        total = space.size or configurations
        all_trained = pool.map(partial(trained, name, space, epochs), range(total))
        for index, (configuration, points) in enumerate(track(all_trained, name, total=total)):
            shown = [_shown(configuration.get(each)) for each in names]
            for epoch, (value, seconds) in enumerate(points, start=1):
                writer.writerow([index, *shown, epoch, f"{value:.5g}", f"{seconds:.3g}"])
    (TABLES / f"{name}.csv.gz").write_bytes(gzip.compress(lines.getvalue().encode(), mtime=0))


def _shown(value: object) -> object:
    return "" if value is None else f"{value:.6g}" if isinstance(value, float) else value


if __name__ == "__main__":
    main()
