"""Rules of the sources of volumes that few Pods have: claim templates, network disks and cloud disks."""

from collections.abc import Iterator, Mapping
from types import MappingProxyType

from podspec.findings import Finding, forbidden, invalid, required
from podspec.formats import SUBDOMAIN
from podspec.objects import Check, Object, at, dig, known
from podspec.resources import amounts

_BYTE = 255
_AZURE_DISKS = {"Managed": "/subscriptions/", "Dedicated": "https://", "Shared": "https://"}
"""Kind of a disk -> start of its URI."""


def _empty_dir(source: Object, path: str) -> Iterator[Finding]:
    limit = source.get("sizeLimit")
    if limit is not None and amounts({"size": limit}).get("size", 0) < 0:
        yield forbidden(at(path, "sizeLimit"), "SizeLimit field must be a valid resource quantity")


def _claim_template(template: Object, path: str) -> Iterator[Finding]:
    for field in template.get("metadata") or {}:
        if field not in ("annotations", "labels"):
            yield forbidden(at(path, f"metadata.{field}"), "cannot be set")


def _claim(claim: Object, path: str) -> Iterator[Finding]:
    modes = claim.get("accessModes") or []
    if "ReadWriteOncePod" in modes and len(set(modes)) > 1:
        yield forbidden(at(path, "accessModes"), "may not use ReadWriteOncePod with other access modes")
    requests, where = dig(claim, "resources", "requests") or {}, at(path, "resources.requests[storage]")
    if "storage" not in requests:
        yield required(where)
    elif amounts(requests).get("storage", 1) <= 0:
        yield invalid(where, requests["storage"], "must be greater than zero")


def _iscsi(source: Object, path: str) -> Iterator[Finding]:
    if (source.get("chapAuthDiscovery") or source.get("chapAuthSession")) and source.get("secretRef") is None:
        yield required(at(path, "secretRef"))


def _fibre_channel(source: Object, path: str) -> Iterator[Finding]:
    where, names, lun = at(path, "targetWWNs"), source.get("targetWWNs"), source.get("lun")
    if not names and not source.get("wwids"):
        yield required(where, "must specify either targetWWNs or wwids, but not both")
    elif names and source.get("wwids"):
        yield invalid(where, names, "targetWWNs and wwids can not be specified simultaneously")
    elif names and lun is None:
        yield required(at(path, "lun"), "lun is required if targetWWNs is specified")
    elif names and isinstance(lun, int) and not 0 <= lun <= _BYTE:
        yield invalid(at(path, "lun"), lun, f"must be between 0 and {_BYTE}, inclusive")


def _azure_disk(source: Object, path: str) -> Iterator[Finding]:
    uri, kind = source.get("diskURI"), source.get("kind") or "Shared"
    if known(uri) and not uri.startswith(start := _AZURE_DISKS.get(kind, "")):
        yield invalid(at(path, "diskURI"), uri, f"must start with {start} for a disk of the kind {kind}")


def _flex(source: Object, path: str) -> Iterator[Finding]:
    for key in source.get("options") or {}:
        domain = f".{key.split('/', maxsplit=1)[0].lower()}"
        if domain.endswith((".kubernetes.io", ".k8s.io")):
            yield invalid(f"{at(path, 'options')}[{key}]", key, "kubernetes.io and k8s.io namespaces are reserved")


def _flocker(source: Object, path: str) -> Iterator[Finding]:
    if "/" in (source.get("datasetName") or ""):
        yield invalid(at(path, "datasetName"), source["datasetName"], "must not contain '/'")


def _quobyte(source: Object, path: str) -> Iterator[Finding]:
    registry = source.get("registry")
    if known(registry) and not all(pair.count(":") == 1 or "]:" in pair for pair in registry.split(",")):
        yield invalid(at(path, "registry"), registry, "must be a host:port pair or multiple pairs separated by commas")


def _secret_name(field: str, *, formatted: bool = False) -> Check:
    """Return the check of a reference to a Secret."""

    def check(source: Object, path: str) -> Iterator[Finding]:
        reference, where = source.get(field), at(path, f"{field}.name")
        if reference is None:
            return
        if not reference.get("name"):
            yield required(where)
        elif formatted and known(reference["name"]) and not SUBDOMAIN.matches(reference["name"]):
            yield invalid(where, reference["name"], SUBDOMAIN.detail)

    return check


RULES: Mapping[str, tuple[Check, ...]] = MappingProxyType(
    {
        "AzureDiskVolumeSource": (_azure_disk,),
        "CSIVolumeSource": (_secret_name("nodePublishSecretRef", formatted=True),),
        "CinderVolumeSource": (_secret_name("secretRef"),),
        "EmptyDirVolumeSource": (_empty_dir,),
        "FCVolumeSource": (_fibre_channel,),
        "FlexVolumeSource": (_flex,),
        "FlockerVolumeSource": (_flocker,),
        "ISCSIVolumeSource": (_iscsi,),
        "PersistentVolumeClaimSpec": (_claim,),
        "PersistentVolumeClaimTemplate": (_claim_template,),
        "QuobyteVolumeSource": (_quobyte,),
        "StorageOSVolumeSource": (_secret_name("secretRef"),),
    }
)
