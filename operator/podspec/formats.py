"""Formats of strings in Pods, with the wording of Kubernetes."""

import re
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Format:
    """A pattern of complete strings, and its description."""

    pattern: re.Pattern[str]
    detail: str

    def matches(self, text: str) -> bool:
        """Return whether a string has the format."""
        return self.pattern.fullmatch(text) is not None


def _format(pattern: str, detail: str) -> Format:
    return Format(re.compile(pattern, re.DOTALL), detail)


_PART = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_NAME = r"[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?"
_SYSCTL = r"[a-z0-9]([-_a-z0-9]*[a-z0-9])?"
LABEL = _format(
    r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?",
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', must start and end with an "
    "alphanumeric character, and must be no more than 63 characters",
)
SUBDOMAIN = _format(
    rf"(?=.{{1,253}}\Z){_PART}(\.{_PART})*",
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', must start and end "
    "with an alphanumeric character, and must be no more than 253 characters",
)
SEARCH_DOMAIN = _format(
    r"\.|(?=.{1,253}\.?\Z)[a-z0-9_]([-a-z0-9_]*[a-z0-9])?(\.[a-z0-9_]([-a-z0-9_]*[a-z0-9])?)*\.?",
    "a search domain must consist of lower case alphanumeric characters, '-', '_' or '.'",
)
QUALIFIED_NAME = _format(
    rf"((?=[^/]{{1,253}}/){_PART}(\.{_PART})*/)?{_NAME}",
    "name part must consist of alphanumeric characters, '-', '_' or '.', must start and end with an alphanumeric "
    "character, and must be no more than 63 characters, with an optional DNS subdomain prefix and '/' "
    "(e.g. 'example.com/MyName')",
)
LABEL_VALUE = _format(
    rf"({_NAME})?",
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', must start and end "
    "with an alphanumeric character, and must be no more than 63 characters",
)
PORT_NAME = _format(
    r"(?=.*[a-z])(?!.*--)[a-z0-9]([-a-z0-9]{0,13}[a-z0-9])?",
    "must be a number or a name of at most 15 of a-z, 0-9 and -, with at least one letter",
)
CONFIG_KEY = _format(
    r"(?!\.\.)(?!\.\Z)[-._a-zA-Z0-9]{1,253}",
    "a valid config key must consist of alphanumeric characters, '-', '_' or '.', and must not start with '..'",
)
VARIABLE = _format(
    r"[ -<>-~]+", "a valid environment variable name must consist only of printable ASCII characters other than '='"
)
HEADER = _format(r"[-A-Za-z0-9]+", "a valid HTTP header must consist of alphanumeric characters or '-'")
SYSCTL = _format(
    rf"(?=.{{1,253}}\Z)({_SYSCTL}[./])*{_SYSCTL}",
    "must have at most 253 characters, and consist of lower case alphanumeric characters, '-', '_', '.' or '/'",
)
IMAGE = _format(r"\S(.*\S)?", "must not have leading or trailing whitespace")
CSI_DRIVER = _format(
    rf"(?=.{{1,63}}\Z)(?i:{_PART}(\.{_PART})*)", "must be the name of a CSI driver, a DNS name of at most 63 characters"
)
ABSOLUTE_PATH = _format(r"/.*", "must be an absolute path")
NO_BACKSTEPS = _format(r"(?!(.*/)?\.\.(/|\Z))[^\0]*", "must not contain '..'")
RELATIVE_PATH = _format(r"(?!/)(?!(.*/)?\.\.(/|\Z))[^\0]*", "must be a relative path, and must not contain '..'")
FILE_PATH = _format(
    r"(?!/)(?!\.\.)(?!.*/\.\.(/|\Z))[^\0]*", "must be a relative path, and must not contain or start with '..'"
)
IQN = _format(
    r"iqn\.\d{4}-\d{2}\.([a-zA-Z\d.-]+)(:[^,;*&$|\s]+)|eui\.[a-zA-Z\d]{16}|naa\.[a-zA-Z\d]{32}",
    "must be a valid format starting with iqn, eui, or naa",
)
PADDED = _format(r"(?!\s)(.*\S)?", "must not be padded with whitespace")
INTEGER = _format(r"0|-?[1-9]\d{0,17}", "must be a decimal integer of 64 bits")

_OBJECT_PATH = (
    r"metadata\.(name|namespace|uid)"
    rf"|metadata\.labels\['{QUALIFIED_NAME.pattern.pattern}'\]"
    rf"|metadata\.annotations\['{QUALIFIED_NAME.pattern.pattern.replace('a-z', 'A-Za-z')}'\]"
)
VARIABLE_FIELD = _format(
    rf"{_OBJECT_PATH}|spec\.(nodeName|serviceAccountName)|status\.(hostIPs?|podIPs?)",
    "supported values: metadata.name, metadata.namespace, metadata.uid, metadata.labels['KEY'], "
    "metadata.annotations['KEY'], spec.nodeName, spec.serviceAccountName, status.hostIP, status.hostIPs, status.podIP, "
    "status.podIPs",
)
FILE_FIELD = _format(
    rf"{_OBJECT_PATH}|metadata\.(labels|annotations)",
    "supported values: metadata.name, metadata.namespace, metadata.uid, metadata.labels, metadata.annotations",
)
RESOURCE_FIELD = _format(
    r"(limits|requests)\.(cpu|memory|ephemeral-storage|hugepages-.*)",
    "supported values: limits or requests of cpu, memory, ephemeral-storage or hugepages-SIZE",
)
