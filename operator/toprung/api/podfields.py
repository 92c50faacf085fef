"""The fields of a Pod template, as Kubernetes 1.37 has them: to tell a misspelt one, and to compare templates.

A schema that names a field makes CEL compare it exactly. Of fields that it does not name, a real API server (seen with
1.36) compares the values only: it takes `{command: x}` for equal to `{args: x}`.
"""

from difflib import get_close_matches

METADATA_FIELDS = ("annotations", "labels")
"""What of the template's metadata a trial Pod gets."""

CONTAINER_FIELDS = (
    *("args", "command", "env", "envFrom", "image", "imagePullPolicy", "lifecycle", "livenessProbe", "name", "ports"),
    *("readinessProbe", "resizePolicy", "resources", "restartPolicy", "restartPolicyRules", "securityContext"),
    *("startupProbe", "stdin", "stdinOnce", "terminationMessagePath", "terminationMessagePolicy", "tty"),
    *("volumeDevices", "volumeMounts", "workingDir"),
)

POD_FIELDS = (
    *("activeDeadlineSeconds", "affinity", "automountServiceAccountToken", "containers", "dnsConfig", "dnsPolicy"),
    *("enableServiceLinks", "ephemeralContainers", "evictionResponders", "hostAliases", "hostIPC", "hostNetwork"),
    *("hostPID", "hostUsers", "hostname", "hostnameOverride", "imagePullSecrets", "initContainers", "nodeName"),
    *("nodeSelector", "os", "overhead", "preemptionPolicy", "priority", "priorityClassName", "readinessGates"),
    *("resourceClaims", "resources", "restartPolicy", "runtimeClassName", "schedulerName", "schedulingGates"),
    *("schedulingGroup", "securityContext", "serviceAccount", "serviceAccountName", "setHostnameAsFQDN"),
    *("shareProcessNamespace", "subdomain", "terminationGracePeriodSeconds", "tolerations"),
    *("topologySpreadConstraints", "volumes"),
)

_NEAR = 0.85
"""How alike (difflib's ratio) an unknown field must be to a known one to be a slip: newer fields are let through."""


def misspelt(field: str, known: tuple[str, ...]) -> str | None:
    """Give the field that was meant, None where there is no doubt."""
    if field in known:
        return None
    return next(iter(get_close_matches(field, known, n=1, cutoff=_NEAR)), None)
