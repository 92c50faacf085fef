"""An embedded single-machine Kubernetes for laptops and tests (see README.md)."""

VERSION = "v1.37.0+localkube"
"""The version of Kubernetes that the API server and the node report."""
