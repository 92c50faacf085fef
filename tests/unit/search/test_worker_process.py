"""The search process ends with the process that started it."""

import os
import signal
import subprocess
import sys
from pathlib import Path

from support.waiting import block_until

PARENT = """
import subprocess, sys, time
worker = subprocess.Popen(
    [sys.executable, "-m", "toprung.search.worker_process", "draws", "0"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
)
worker.stdout.read(1)
print(worker.pid, flush=True)
time.sleep(600)
"""


def test_a_stopped_search_process_ends_with_a_killed_operator():
    """It cannot read the end of its stdin."""
    parent = subprocess.Popen([sys.executable, "-c", PARENT], stdout=subprocess.PIPE, text=True)
    pid = int(parent.stdout.readline())
    os.kill(pid, signal.SIGSTOP)
    parent.kill()
    parent.wait()
    parent.stdout.close()
    block_until(lambda: state(pid) in ("", "Z"))


def state(pid: int) -> str:
    """Return the state of a process, or "" if it does not exist."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][:1]
    except FileNotFoundError:
        return ""
