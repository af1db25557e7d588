import os
import subprocess
import sys
from pathlib import Path

from tests.documents import ROOT
from tests.reaper import VARIABLE, reaping
from tools.servers.waiting import wait_until

SECONDS = 30
# Starts, in a process of its own, a server that does not inherit our environment.
TOOL = """
import sys
from tools.servers.processes import private_processes
with private_processes() as processes:
    child = processes.start("sleep", ["sleep", "600"], processes.new_folder("sleep"))
    print(child.process.pid, processes.folder, flush=True)
    sys.stdin.read()
"""
TESTS = f"""
import subprocess, sys
from tests.reaper import reaping
with reaping() as folder:
    subprocess.run([sys.executable, "-c", {TOOL!r}])
"""


def test_tests_that_are_killed_leave_no_server_of_a_tool_and_none_of_its_data() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", TESTS], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as tests:
        assert tests.stdout
        pid, folder = tests.stdout.readline().split()
        assert Path(folder).is_dir()
        # While a process becomes another program, it has no command line.
        wait_until(lambda: "sleep" in Path(f"/proc/{pid}/cmdline").read_text(), within=SECONDS)
        tests.kill()

        wait_until(lambda: not Path(f"/proc/{pid}").exists(), within=SECONDS)
        wait_until(lambda: not Path(folder).exists(), within=SECONDS)


def test_what_starts_after_an_inner_block_still_ends_with_the_outer_one() -> None:
    with reaping():
        outer = os.environ[VARIABLE]
        with reaping():
            assert os.environ[VARIABLE] != outer
        assert os.environ[VARIABLE] == outer
