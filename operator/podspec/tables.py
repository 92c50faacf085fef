"""The tables of values: enumerations, ranges, formats and unions, by type and field."""

from collections.abc import Mapping
from types import MappingProxyType

from podspec import formats
from podspec.formats import Format
from podspec.types import fields_of

_PROFILES = ("Localhost", "RuntimeDefault", "Unconfined")
_OPERATORS = ("In", "NotIn", "Exists", "DoesNotExist")
_PULL_POLICIES = ("Always", "IfNotPresent", "Never")
_RESTART_POLICIES = ("Always", "Never", "OnFailure")
_INCLUSION = ("Honor", "Ignore")
ENUMS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "AppArmorProfile.type": _PROFILES,
        "AzureDiskVolumeSource.cachingMode": ("None", "ReadOnly", "ReadWrite"),
        "AzureDiskVolumeSource.kind": ("Dedicated", "Managed", "Shared"),
        "Container.imagePullPolicy": _PULL_POLICIES,
        "Container.restartPolicy": _RESTART_POLICIES,
        "Container.terminationMessagePolicy": ("File", "FallbackToLogsOnError"),
        "ContainerPort.protocol": ("TCP", "UDP", "SCTP"),
        "ContainerResizePolicy.resourceName": ("cpu", "memory"),
        "ContainerResizePolicy.restartPolicy": ("NotRequired", "RestartContainer"),
        "ContainerRestartRule.action": ("Restart", "RestartAllContainers"),
        "ContainerRestartRuleOnExitCodes.operator": ("In", "NotIn"),
        "HTTPGetAction.scheme": ("HTTP", "HTTPS"),
        "HostPathVolumeSource.type": (
            "DirectoryOrCreate", "Directory", "FileOrCreate", "File", "Socket", "CharDevice", "BlockDevice"
        ),
        "ImageVolumeSource.pullPolicy": _PULL_POLICIES,
        "LabelSelectorRequirement.operator": _OPERATORS,
        "NodeSelectorRequirement.operator": (*_OPERATORS, "Gt", "Lt"),
        "ObjectFieldSelector.apiVersion": ("v1",),
        "PersistentVolumeClaimSpec.accessModes": (
            "ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod"
        ),
        "PersistentVolumeClaimSpec.volumeMode": ("Block", "Filesystem"),
        "PodOS.name": ("linux", "windows"),
        "PodSecurityContext.fsGroupChangePolicy": ("Always", "OnRootMismatch"),
        "PodSecurityContext.seLinuxChangePolicy": ("MountOption", "Recursive"),
        "PodSecurityContext.supplementalGroupsPolicy": ("Merge", "Strict"),
        "PodSpec.dnsPolicy": ("ClusterFirstWithHostNet", "ClusterFirst", "Default", "None"),
        "PodSpec.preemptionPolicy": ("PreemptLowerPriority", "Never"),
        "PodSpec.restartPolicy": _RESTART_POLICIES,
        "SeccompProfile.type": _PROFILES,
        "SecurityContext.procMount": ("Default", "Unmasked"),
        "Toleration.effect": ("NoSchedule", "PreferNoSchedule", "NoExecute"),
        "Toleration.operator": ("Equal", "Exists", "Lt", "Gt"),
        "TopologySpreadConstraint.nodeAffinityPolicy": _INCLUSION,
        "TopologySpreadConstraint.nodeTaintsPolicy": _INCLUSION,
        "TopologySpreadConstraint.whenUnsatisfiable": ("DoNotSchedule", "ScheduleAnyway"),
        "VolumeMount.mountPropagation": ("None", "HostToContainer", "Bidirectional"),
        "VolumeMount.recursiveReadOnly": ("Disabled", "IfPossible", "Enabled"),
    }
)  # fmt: skip

_MAX = 2**31 - 1
_COUNT, _POSITIVE, _WEIGHT, _PORT, _BYTE, _MODE = (0, _MAX), (1, _MAX), (1, 100), (1, 65535), (0, 255), (0, 0o777)
RANGES: Mapping[str, tuple[int, int]] = MappingProxyType(
    {
        "AWSElasticBlockStoreVolumeSource.partition": _BYTE,
        "ConfigMapVolumeSource.defaultMode": _MODE,
        "ContainerPort.containerPort": _PORT,
        "ContainerPort.hostPort": (0, 65535),
        "DownwardAPIVolumeFile.mode": _MODE,
        "DownwardAPIVolumeSource.defaultMode": _MODE,
        "GCEPersistentDiskVolumeSource.partition": _BYTE,
        "GRPCAction.port": _PORT,
        "HTTPGetAction.port": _PORT,
        "ISCSIVolumeSource.lun": _BYTE,
        "KeyToPath.mode": _MODE,
        "PodSecurityContext.fsGroup": _COUNT,
        "PodSecurityContext.runAsGroup": _COUNT,
        "PodSecurityContext.runAsUser": _COUNT,
        "PodSecurityContext.supplementalGroups": _COUNT,
        "PodSpec.activeDeadlineSeconds": _POSITIVE,
        "PreferredSchedulingTerm.weight": _WEIGHT,
        "Probe.failureThreshold": _COUNT,
        "Probe.initialDelaySeconds": _COUNT,
        "Probe.periodSeconds": _COUNT,
        "Probe.successThreshold": _COUNT,
        "Probe.terminationGracePeriodSeconds": (1, 2**63 - 1),
        "Probe.timeoutSeconds": _COUNT,
        "ProjectedVolumeSource.defaultMode": _MODE,
        "SecretVolumeSource.defaultMode": _MODE,
        "SecurityContext.runAsGroup": _COUNT,
        "SecurityContext.runAsUser": _COUNT,
        "ServiceAccountTokenProjection.expirationSeconds": (600, 2**32),
        "TCPSocketAction.port": _PORT,
        "TopologySpreadConstraint.maxSkew": _POSITIVE,
        "TopologySpreadConstraint.minDomains": _POSITIVE,
        "WeightedPodAffinityTerm.weight": _WEIGHT,
    }
)

FORMATS: Mapping[str, Format] = MappingProxyType(
    {
        "AppArmorProfile.localhostProfile": formats.PADDED,
        "CSIVolumeSource.driver": formats.CSI_DRIVER,
        "ConfigMapEnvSource.name": formats.SUBDOMAIN,
        "ConfigMapKeySelector.key": formats.CONFIG_KEY,
        "ConfigMapKeySelector.name": formats.SUBDOMAIN,
        "Container.image": formats.IMAGE,
        "Container.name": formats.LABEL,
        "ContainerPort.name": formats.PORT_NAME,
        "DownwardAPIVolumeFile.path": formats.FILE_PATH,
        "EnvFromSource.prefix": formats.VARIABLE,
        "EnvVar.name": formats.VARIABLE,
        "FileKeySelector.key": formats.VARIABLE,
        "FileKeySelector.path": formats.NO_BACKSTEPS,
        "FileKeySelector.volumeName": formats.LABEL,
        "GitRepoVolumeSource.directory": formats.RELATIVE_PATH,
        "HTTPGetAction.port": formats.PORT_NAME,
        "HTTPHeader.name": formats.HEADER,
        "HostAlias.hostnames": formats.SUBDOMAIN,
        "HostPathVolumeSource.path": formats.NO_BACKSTEPS,
        "ISCSIVolumeSource.initiatorName": formats.IQN,
        "ISCSIVolumeSource.iqn": formats.IQN,
        "KeyToPath.path": formats.FILE_PATH,
        "LabelSelectorRequirement.key": formats.QUALIFIED_NAME,
        "LabelSelectorRequirement.values": formats.LABEL_VALUE,
        "NFSVolumeSource.path": formats.ABSOLUTE_PATH,
        "ObjectMeta.finalizers": formats.QUALIFIED_NAME,
        "PersistentVolumeClaimSpec.storageClassName": formats.SUBDOMAIN,
        "PersistentVolumeClaimSpec.volumeAttributesClassName": formats.SUBDOMAIN,
        "PodAffinityTerm.matchLabelKeys": formats.QUALIFIED_NAME,
        "PodAffinityTerm.mismatchLabelKeys": formats.QUALIFIED_NAME,
        "PodAffinityTerm.namespaces": formats.LABEL,
        "PodAffinityTerm.topologyKey": formats.QUALIFIED_NAME,
        "PodDNSConfig.searches": formats.SEARCH_DOMAIN,
        "PodReadinessGate.conditionType": formats.QUALIFIED_NAME,
        "PodResourceClaim.name": formats.LABEL,
        "PodResourceClaim.resourceClaimName": formats.SUBDOMAIN,
        "PodResourceClaim.resourceClaimTemplateName": formats.SUBDOMAIN,
        "PodSchedulingGate.name": formats.QUALIFIED_NAME,
        "PodSpec.hostname": formats.LABEL,
        "PodSpec.hostnameOverride": formats.SUBDOMAIN,
        "PodSpec.nodeName": formats.SUBDOMAIN,
        "PodSpec.runtimeClassName": formats.SUBDOMAIN,
        "PodSpec.serviceAccountName": formats.SUBDOMAIN,
        "PodSpec.subdomain": formats.LABEL,
        "ResourceClaim.request": formats.LABEL,
        "SeccompProfile.localhostProfile": formats.RELATIVE_PATH,
        "SecretEnvSource.name": formats.SUBDOMAIN,
        "SecretKeySelector.key": formats.CONFIG_KEY,
        "SecretKeySelector.name": formats.SUBDOMAIN,
        "ServiceAccountTokenProjection.path": formats.FILE_PATH,
        "StorageOSVolumeSource.volumeName": formats.LABEL,
        "StorageOSVolumeSource.volumeNamespace": formats.LABEL,
        "Sysctl.name": formats.SYSCTL,
        "TCPSocketAction.port": formats.PORT_NAME,
        "Toleration.key": formats.QUALIFIED_NAME,
        "TopologySpreadConstraint.matchLabelKeys": formats.QUALIFIED_NAME,
        "Volume.name": formats.LABEL,
        "VolumeDevice.devicePath": formats.NO_BACKSTEPS,
        "VolumeMount.subPath": formats.RELATIVE_PATH,
        "VolumeMount.subPathExpr": formats.RELATIVE_PATH,
        "WindowsSecurityContextOptions.gmsaCredentialSpecName": formats.SUBDOMAIN,
    }
)
"""Formats of strings."""

NEVER_EMPTY: frozenset[str] = frozenset(
    {
        "AzureDiskVolumeSource.cachingMode", "AzureDiskVolumeSource.kind", "Container.restartPolicy",
        "ISCSIVolumeSource.initiatorName", "PersistentVolumeClaimSpec.volumeMode",
        "PodResourceClaim.resourceClaimName", "PodResourceClaim.resourceClaimTemplateName",
        "PodSecurityContext.fsGroupChangePolicy", "PodSecurityContext.seLinuxChangePolicy",
        "PodSecurityContext.supplementalGroupsPolicy", "PodSpec.hostnameOverride", "SecurityContext.procMount",
        "TopologySpreadConstraint.nodeAffinityPolicy", "TopologySpreadConstraint.nodeTaintsPolicy",
        "VolumeMount.mountPropagation", "VolumeMount.recursiveReadOnly",
        "WindowsSecurityContextOptions.gmsaCredentialSpecName",
    }
)  # fmt: skip
"""Optional fields in which an empty string is a value. In all others it counts as absent."""

REQUIRED: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "ConfigMapEnvSource": ("name",),
        "ConfigMapKeySelector": ("name",),
        "ConfigMapProjection": ("name",),
        "ConfigMapVolumeSource": ("name",),
        "Container": ("image",),
        "ContainerRestartRule": ("exitCodes",),
        "EphemeralVolumeSource": ("volumeClaimTemplate",),
        "ExecAction": ("command",),
        "ImageVolumeSource": ("reference",),
        "PersistentVolumeClaimSpec": ("accessModes",),
        "PodDNSConfigOption": ("name",),
        "SecretEnvSource": ("name",),
        "SecretKeySelector": ("name",),
        "SecretProjection": ("name",),
        "SecretVolumeSource": ("secretName",),
        "StorageOSVolumeSource": ("volumeName",),
    }
)
"""Required fields that the schema has as optional."""

OPTIONAL: frozenset[str] = frozenset(
    {
        "HTTPHeader.value", "ISCSIVolumeSource.lun", "PreferredSchedulingTerm.preference", "SleepAction.seconds",
        "Sysctl.value",
    }
)  # fmt: skip
"""Optional fields that the schema has as required: their zero value is valid."""

UNIONS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "DownwardAPIVolumeFile": ("fieldRef", "resourceFieldRef"),
        "EnvFromSource": ("configMapRef", "secretRef"),
        "EnvVarSource": fields_of("EnvVarSource"),
        "FlockerVolumeSource": fields_of("FlockerVolumeSource"),
        "LifecycleHandler": ("exec", "httpGet", "sleep", "tcpSocket"),
        "PodResourceClaim": ("resourceClaimName", "resourceClaimTemplateName"),
        "Probe": ("exec", "grpc", "httpGet", "tcpSocket"),
    }
)
"""Types of which exactly one field must be set."""

OPTIONAL_UNIONS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "Volume": tuple(field for field in fields_of("Volume") if field != "name"),
        "VolumeProjection": fields_of("VolumeProjection"),
    }
)
"""Types of which at most one field must be set."""
