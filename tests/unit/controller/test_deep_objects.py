"""Objects that are nested as deeply as an API server allows."""

import subprocess
import sys

PROGRAM = """
import copy, json, logging
from toprung.controller.kopf_adapter import DEEPEST, allow_deep_objects
logging.basicConfig()
allow_deep_objects()
copy.deepcopy(json.loads('{"a":' * DEEPEST + "1" + "}" * DEEPEST))
print("decoded and copied")
"""


def test_the_operator_decodes_and_copies_the_deepest_objects():
    """Kopf decodes and copies each Experiment. An exception there would end the operator for all namespaces."""
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("decoded and copied\n", "")
