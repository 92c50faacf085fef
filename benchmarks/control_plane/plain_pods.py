"""Measure the noise of a node without the operator: two rounds of two plain Pods next to plain noisy Pods.

It needs KUBECONFIG and kubectl, and shows how much of a delay in noisy_neighbours.py comes from the node. The times
include kubectl and an interval of 0.1 seconds between two checks.
"""

import itertools
import json
import subprocess
import time

import click
from workloads import Object, experiment, flood, many

NOISES = {"none": list, "flood": lambda: flood("'loss=0.5\\n' * 2000"), "experiments-150": lambda: many(150)}
PATIENCE = 120


def kubectl(*arguments: str, manifest: Object | None = None) -> str:
    """Run kubectl, and return its output."""
    text = json.dumps(manifest) if manifest is not None else None
    return subprocess.run(["kubectl", *arguments], input=text, text=True, check=True, stdout=subprocess.PIPE).stdout


def pods_of(body: Object, image: str, prefix: tuple[str, ...] = ()) -> list[Object]:
    """Return the Pods that an Experiment runs at the same time."""
    spec = body["spec"]["trialTemplate"]["template"]["spec"]
    (container,) = spec["containers"]
    command = [*prefix, *container["command"]]
    containers = [{**container, "command": command, "image": image, "imagePullPolicy": "IfNotPresent"}]
    return [
        {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": f"{body['metadata']['name']}-{index}"},
            "spec": {**spec, "restartPolicy": "Never", "containers": containers},
        }
        for index in range(body["spec"]["parallelTrialCount"])
    ]


def create(namespace: str, pods: list[Object]) -> None:
    """Create Pods."""
    kubectl("create", "-n", namespace, "-f", "-", manifest={"apiVersion": "v1", "kind": "List", "items": pods})


def rounds(namespace: str, name: str, image: str) -> float:
    """Return the seconds that two rounds of two Pods need, each of 1.5 seconds."""
    program = "for i in 1 2 3; do sleep 0.5; echo epoch=$i loss=0.$i; done"
    start = time.perf_counter()
    for number in range(2):
        body = experiment(f"{name}{number}", ["sh", "-c", program], parallelTrialCount=2)
        create(namespace, pods_of(body, image))
        while "1" in kubectl(
            "get", "pods", "-n", namespace, "-o", 'jsonpath={range .items[?(@.status.phase!="Succeeded")]}1{end}'
        ):
            if time.perf_counter() - start > PATIENCE:
                raise click.ClickException(f"the Pods did not end within {PATIENCE} s")
            time.sleep(0.1)
    return time.perf_counter() - start


@click.command()
@click.option("--image", default="localhost/local/py:1", show_default=True, help="Image with sh, nice and python3.")
def main(image: str) -> None:
    """Print the seconds next to each kind of noise."""
    suffix = itertools.count(time.time_ns() // 10**9 % 10**6)
    for noise, build in NOISES.items():
        noisy, healthy = (f"plain-{next(suffix)}" for _ in range(2))
        for namespace in (noisy, healthy):
            kubectl("create", "namespace", namespace)
            kubectl("wait", "-n", namespace, "--for=create", "serviceaccount/default", "--timeout=30s")
        rounds(healthy, "first", image)
        pods = [pod for body in build() for pod in pods_of(body, image, ("nice", "-n", "19"))]
        if pods:
            create(noisy, pods)
        time.sleep(4 if noise == "flood" else 0)
        click.echo(f"{noise}: {rounds(healthy, 'ok', image):.2f} s")
        kubectl("delete", "namespace", noisy, healthy, "--timeout=180s")


if __name__ == "__main__":
    main()
