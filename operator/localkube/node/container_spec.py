"""Resolution of a container's command, environment and working directory, with the references that the kubelet
resolves.

The image is ignored: the program is one of this machine and runs as in the shell that started the cluster. It inherits
that shell's variables (`host_environment`); the variables of its Pod override them. Without a workingDir it runs where
the cluster was started.
"""

from __future__ import annotations

import os
import re
import shutil
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import ROUND_CEILING
from pathlib import Path
from typing import Any

from localkube.apiserver.store import Store
from localkube.node.pod_status import ADDRESS
from localkube.node.volumes import ConfigError, Mounts, config_map, mounts, secret
from podspec import quantities

Object = Mapping[str, Any]

EXCLUDED = ("LOCALKUBE_", "KUBERNETES_", "KUBECONFIG", "PWD", "OLDPWD")
"""Variables, or prefixes of their names, that describe another container, another cluster or another directory."""
_ENVIRONMENTS = ("VIRTUAL_ENV", "CONDA_PREFIX")
"""Variables that an activated Python environment sets."""
_REFERENCE = re.compile(r"\$(?:\$|\((?P<name>[^()]*)\))")
_SUBSCRIPT = re.compile(r"^metadata\.(?P<map>labels|annotations)\['(?P<key>[^']*)'\]$")


@dataclass(frozen=True, slots=True)
class Resolved:
    """A program that is ready to execute."""

    argv: tuple[str, ...]
    env: dict[str, str]
    cwd: str


def expand(text: str, values: Mapping[str, str]) -> str:
    """Replace $(NAME) by its value. `$$` is a dollar sign; a name without a value is kept as written."""

    def value(match: re.Match[str]) -> str:
        if match["name"] is None:
            return "$"
        return values.get(match["name"], match[0])

    return _REFERENCE.sub(value, text)


def host_environment(*, excluded: tuple[str, ...] = (), command: str = "") -> dict[str, str]:
    """Return the environment that programs inherit from the shell that started this process.

    Variables in `EXCLUDED` and in `excluded`, names or prefixes of names, are omitted. PATH also contains the directory
    of this interpreter: last where an environment is activated or PATH contains `command`, the program that the user
    started. Otherwise that program was started by its path, without activation, and its `python` comes first.
    """
    inherited = {name: value for name, value in os.environ.items() if not name.startswith((*EXCLUDED, *excluded))}
    path, own = os.environ.get("PATH") or os.defpath, str(Path(sys.executable).parent)
    chosen = any(os.environ.get(name) for name in _ENVIRONMENTS) or (command and shutil.which(command, path=path))
    return inherited | {"PATH": os.pathsep.join((path, own) if chosen else (own, path))}


def resolve(
    pod: Object,
    container: Object,
    store: Store,
    volumes: Mapping[str, Path],
    *,
    inherited: Mapping[str, str],
    devices: Mapping[str, str],
) -> Resolved:
    """Return the program of one container.

    `inherited` are variables that the container's own override; `devices` are the variables that select its GPUs, which
    override both. Raises ConfigError.
    """
    given = _env(pod, container, store)
    paths = mounts(container, volumes, lambda text: expand(text, given))
    words = [*_command(pod, container), *(container.get("args") or ())]
    own = {name: paths.rewrite(text) for name, text in given.items()}
    env = {**inherited, "HOSTNAME": pod["metadata"]["name"], **own, **devices}
    argv = tuple(paths.rewrite(expand(word, given)) for word in words)
    return Resolved(argv, env, _folder(container, paths))


def _command(pod: Object, container: Object) -> list[str]:
    command: list[str] = container.get("command") or []
    if not command:
        kind = "initContainers" if container in (pod["spec"].get("initContainers") or ()) else "containers"
        at = pod["spec"][kind].index(container)
        raise ConfigError(
            f'container "{container["name"]}" has no command: the embedded cluster runs programs of this machine and '
            f"ignores the image, so it does not know the image's entrypoint. Write spec.{kind}[{at}].command, "
            'such as ["python", "train.py"]'
        )
    return command


def _folder(container: Object, paths: Mounts) -> str:
    folder = container.get("workingDir")
    return paths.rewrite(folder) if folder else str(Path.cwd())


def _env(pod: Object, container: Object, store: Store) -> dict[str, str]:
    """Return the container's own variables, in order, each expanded with those before it."""
    values = _env_from(pod, container, store)
    for variable in container.get("env") or ():
        if "valueFrom" in variable:
            value = _value_from(variable["valueFrom"], pod, container, store)
            if value is None:
                continue
        else:
            value = expand(variable.get("value") or "", values)
        values[variable["name"]] = value
    return values


def _env_from(pod: Object, container: Object, store: Store) -> dict[str, str]:
    values: dict[str, str] = {}
    namespace = pod["metadata"]["namespace"]
    for source in container.get("envFrom") or ():
        for key, read, kind in (("configMapRef", config_map, "configmap"), ("secretRef", secret, "secret")):
            if key in source:
                contents = _contents(read, store, namespace, source[key], kind) or {}
                prefix = source.get("prefix", "")
                values |= {prefix + name: data.decode(errors="replace") for name, data in contents.items()}
    return values


def _value_from(source: Object, pod: Object, container: Object, store: Store) -> str | None:
    """Return the value behind a reference, None where an optional one is missing."""
    namespace = pod["metadata"]["namespace"]
    if "configMapKeyRef" in source:
        return _key(config_map, store, namespace, source["configMapKeyRef"], "configmap")
    if "secretKeyRef" in source:
        return _key(secret, store, namespace, source["secretKeyRef"], "secret")
    if "fieldRef" in source:
        return _field(source["fieldRef"]["fieldPath"], pod)
    if "resourceFieldRef" in source:
        return _resource(source["resourceFieldRef"], pod, container)
    raise ConfigError(
        f"valueFrom {', '.join(source)} is not served by the embedded cluster; "
        "write configMapKeyRef, secretKeyRef, fieldRef or resourceFieldRef"
    )


Reader = Callable[[Store, str, str], dict[str, bytes] | None]


def _contents(read: Reader, store: Store, namespace: str, ref: Object, kind: str) -> dict[str, bytes] | None:
    name = ref.get("name", "")
    contents = read(store, namespace, name)
    if contents is None and not ref.get("optional"):
        raise ConfigError(f'{kind} "{name}" not found')
    return contents


def _key(read: Reader, store: Store, namespace: str, ref: Object, kind: str) -> str | None:
    contents = _contents(read, store, namespace, ref, kind)
    if contents is not None and ref["key"] in contents:
        return contents[ref["key"]].decode(errors="replace")
    if ref.get("optional"):
        return None
    raise ConfigError(f"couldn't find key {ref['key']} in {kind} {namespace}/{ref.get('name', '')}")


def _field(path: str, pod: Object) -> str:
    metadata, spec = pod["metadata"], pod["spec"]
    plain = {
        "metadata.name": metadata["name"],
        "metadata.namespace": metadata["namespace"],
        "metadata.uid": metadata["uid"],
        "spec.nodeName": spec.get("nodeName", ""),
        "spec.serviceAccountName": spec.get("serviceAccountName", "default"),
        "status.hostIP": ADDRESS,
        "status.podIP": ADDRESS,
    }
    if path in plain:
        return str(plain[path])
    if match := _SUBSCRIPT.match(path):
        return str((metadata.get(match["map"]) or {}).get(match["key"], ""))
    raise ConfigError(f"fieldRef {path} is not served; write one of {', '.join(plain)}, metadata.labels['<key>']")


def _resource(ref: Object, pod: Object, container: Object) -> str:
    """Return a request or limit of a container in units of the divisor, rounded up as the kubelet does."""
    containers = {c["name"]: c for c in pod["spec"]["containers"]}
    resources = containers.get(ref.get("containerName", ""), container).get("resources") or {}
    kind, _, name = ref["resource"].partition(".")
    amount = (resources.get(kind) or {}).get(name, 0)
    units = quantities.parse(amount) / (quantities.parse(ref.get("divisor") or "1") or 1)
    return str(int(units.to_integral_value(rounding=ROUND_CEILING)))
