"""The resources of a Pod that are accelerators, and their number."""

import pytest

from toprung.api.v1alpha1.template_rules import validate_pod_template
from toprung.objects.devices import count_devices, parse_accelerators, parse_count


def limited(name: str, amount: object, **fields: object) -> dict:
    return {"name": "c", "resources": {"limits": {name: amount}}, **fields}


@pytest.mark.parametrize(
    ("name", "counts"),
    [
        pytest.param("nvidia.com/gpu", True, id="GPU"),
        pytest.param("nvidia.com/mig-1g.10gb", True, id="MIG"),
        pytest.param("amd.com/gpu", True, id="AMD"),
        pytest.param("gpu.intel.com/xe", True, id="Intel"),
        pytest.param("google.com/tpu", True, id="TPU"),
        pytest.param("aws.amazon.com/neuroncore", True, id="Neuron"),
        pytest.param("habana.ai/gaudi", True, id="Gaudi"),
        pytest.param("huawei.com/Ascend910", True, id="Ascend"),
        pytest.param("nvidia.com/gpumem", False, id="GPU memory"),
        pytest.param("nvidia.com/gpucores", False, id="GPU cores"),
        pytest.param("vpc.amazonaws.com/efa", False, id="EFA"),
        pytest.param("rdma/hca_shared", False, id="RDMA"),
        pytest.param("example.com/widget", False, id="unknown"),
        pytest.param("cpu", False, id="CPU"),
        pytest.param("hugepages-2Mi", False, id="huge pages"),
    ],
)
def test_accelerators_are_those_of_the_list(name: str, counts: bool):
    """Helper resources of an accelerator are no devices."""
    assert count_devices({"containers": [limited(name, "3")]}) == ({name: 3} if counts else {})


def test_the_list_is_a_setting():
    """An administrator can list other resources."""
    spec = {"containers": [limited("example.com/widget", "2k"), limited("nvidia.com/gpu", 1)]}
    assert count_devices(spec, ("example.com/*",)) == {"example.com/widget": 2000}


@pytest.mark.parametrize(
    ("quantity", "count"),
    [
        pytest.param(2, 2, id="number"),
        pytest.param("2", 2, id="string"),
        pytest.param("2k", 2000, id="thousands"),
        pytest.param("1Ki", 1024, id="binary"),
        pytest.param("1e1", 10, id="exponent"),
        pytest.param("2.0", 2, id="point"),
        pytest.param("500m", 1, id="fraction"),
        pytest.param("4000m", 4, id="thousandths"),
        pytest.param("+1", 1, id="sign"),
        pytest.param("2.", 2, id="point at the end"),
        pytest.param("2G", 10**9, id="more than any Pod has"),
        pytest.param("1E", 10**9, id="exa"),
        pytest.param("1e99", 10**9, id="large exponent"),
        pytest.param("1e999999999", 10**9, id="absurd exponent"),
    ],
)
def test_counts_are_quantities(quantity: object, count: int):
    """All forms of Kubernetes quantities are read."""
    assert parse_count(quantity) == count


@pytest.mark.parametrize("quantity", ["", "x", "-1", "9" * 100_000, "1 k", "1kk", None, "1Ee", True, "++1", "1\n"])
def test_invalid_counts_are_rejected(quantity: object):
    """Parsing takes bounded time for any quantity."""
    with pytest.raises(ValueError, match="is not a quantity of devices"):
        parse_count(quantity)


@pytest.mark.parametrize("quantity", ["+1", "2G", "1E", "1e99", "-1", "1Ee", "9" * 100_000, 2, "1.", "0x1", " 1"])
def test_every_valid_quantity_is_counted(quantity: object):
    """The Pod of any valid template can be read."""
    limits = {"limits": {"nvidia.com/gpu": quantity}}
    main = {"name": "c", "image": "x", "resources": limits}
    valid = not list(validate_pod_template({"spec": {"containers": [main]}}, []))
    try:
        counted = parse_count(quantity) > 0
    except ValueError:
        counted = False
    assert counted == valid


@pytest.mark.parametrize(
    ("spec", "count"),
    [
        pytest.param({"containers": [limited("nvidia.com/gpu", 1), limited("nvidia.com/gpu", 2)]}, 3, id="sum"),
        pytest.param(
            {"containers": [limited("nvidia.com/gpu", 1)], "initContainers": [limited("nvidia.com/gpu", 2)]},
            2,
            id="init container, before the others",
        ),
        pytest.param(
            {
                "containers": [limited("nvidia.com/gpu", 1)],
                "initContainers": [limited("nvidia.com/gpu", 2, restartPolicy="Always")],
            },
            3,
            id="native sidecar, beside the others",
        ),
        pytest.param({"containers": [{"name": "c"}], "initContainers": None}, 0, id="none"),
        pytest.param({"containers": [{"name": "c", "resources": {"limits": None}}]}, 0, id="null"),
        pytest.param({"containers": [limited("nvidia.com/gpu", "0")]}, 0, id="zero"),
    ],
)
def test_a_pod_counts_the_devices_that_its_containers_use_at_one_time(spec: dict, count: int):
    """Init containers run one by one before the others. Native sidecars run beside them."""
    assert sum(count_devices(spec).values()) == count


def test_a_resource_claim_is_a_device():
    """It belongs to Dynamic Resource Allocation, and has the name of its template."""
    claims = [{"name": "a", "resourceClaimTemplateName": "h100"}, {"name": "b", "resourceClaimName": "shared"}]
    assert count_devices({"containers": [{"name": "c"}], "resourceClaims": claims}) == {"h100": 1, "shared": 1}


def test_the_setting_is_parsed():
    """Commas separate the names."""
    assert parse_accelerators(" nvidia.com/gpu, example.com/*,") == ("nvidia.com/gpu", "example.com/*")


@pytest.mark.parametrize("text", ["gpu", "nvidia.com/[a-z]", "a/b/c", "*"])
def test_an_invalid_setting_is_rejected(text: str):
    """A name needs a domain, and the only pattern is *."""
    with pytest.raises(ValueError, match="Invalid value"):
        parse_accelerators(text)
