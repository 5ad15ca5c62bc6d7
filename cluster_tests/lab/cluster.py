"""A real Slurm of three nodes for one user on one machine, for the time of a test session.

Takes a folder; gives a running cluster (munged, slurmctld, three slurmd with their own host
names where the kernel allows it) and the environment that its clients need. Keeps: everything is
on loopback, on ports that were free, under that folder; `stop` ends every process of the cluster.

Works as root and as an ordinary user. As root with control groups at hand the cluster tracks
processes by cgroup, as real clusters do: then only the process that Slurm started itself is ever
signalled.

    python cluster_tests/lab/cluster.py start DIR     prints the environment to use
    python cluster_tests/lab/cluster.py stop DIR
"""

from __future__ import annotations

import getpass
import json
import os
import random
import shutil
import signal
import socket
import string
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

NODE_COUNT = 3
PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "scontrol", "squeue", "srun")
SEARCH = os.environ.get("PATH", "") + ":/usr/sbin:/usr/bin:/sbin:/bin"

CONF = """\
ClusterName=dartlab
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={ports[0]}
SlurmUser={user}
SlurmdUser={user}
AuthType=auth/munge
AuthInfo=socket={root}/run/munge.sock,cred_expire=5
CredType=cred/munge
ProctrackType=proctrack/{proctrack}
TaskPlugin=task/none
MpiDefault=none
ReturnToService=2
SlurmdParameters=config_overrides
SlurmctldParameters=preempt_send_user_signal
PropagateResourceLimits=NONE
StateSaveLocation={root}/state
SlurmdSpoolDir={root}/spool/%n
SlurmctldPidFile={root}/run/slurmctld.pid
SlurmdPidFile={root}/run/slurmd-%n.pid
SlurmctldLogFile={root}/log/slurmctld.log
SlurmdLogFile={root}/log/slurmd-%n.log
MailProg=/bin/true
KillWait=5
SlurmdTimeout=20
MessageTimeout=10
MinJobAge=3600
JobRequeue=1
SchedulerParameters=sched_interval=2,bf_interval=2,batch_sched_delay=1
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
{nodes}
PartitionName=debug Nodes=ALL Default=YES MaxTime=UNLIMITED DefaultTime=5 PriorityTier=10 \
PreemptMode=OFF
PartitionName=low Nodes=ALL MaxTime=UNLIMITED DefaultTime=5 PriorityTier=1 PreemptMode=REQUEUE
PartitionName=urgent Nodes=ALL MaxTime=UNLIMITED DefaultTime=5 PriorityTier=99 PreemptMode=OFF
"""


def missing_programs() -> list[str]:
    """Name the programs of Slurm that this machine lacks."""
    return [name for name in PROGRAMS if shutil.which(name, path=SEARCH) is None]


@dataclass
class Cluster:
    """One cluster under one folder."""

    root: Path
    nodes: tuple[str, ...] = ()
    pids: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Name the nodes: control groups are named after them, so two labs must not share names."""
        if not self.nodes:
            tag = "".join(random.choices(string.ascii_lowercase, k=2))
            self.nodes = tuple(f"{tag}{number}" for number in range(1, NODE_COUNT + 1))

    @property
    def environ(self) -> dict[str, str]:
        """What a client of this cluster has in its environment besides its own."""
        return {"SLURM_CONF": str(self.root / "slurm.conf"), "PATH": SEARCH}

    def start(self, wait_seconds: float = 40.0) -> None:
        """Write the configuration, start all daemons and wait until every node is idle."""
        self.root.mkdir(parents=True, exist_ok=True)
        self.root.chmod(0o755)  # munge wants everybody to reach its socket
        for name in ("state", "spool", "run", "log"):
            (self.root / name).mkdir(parents=True, exist_ok=True)
        key = self.root / "munge.key"
        key.touch(mode=0o600)
        key.write_bytes(os.urandom(1024))
        self._configure()
        self._start_munge()
        self._spawn("slurmctld", ["slurmctld", "-D"])
        for node in self.nodes:
            self._spawn(node, [*_own_host_name(node), "slurmd", "-D", "-N", node])
        record = {"pids": self.pids, "nodes": self.nodes}
        (self.root / "lab.json").write_text(json.dumps(record))
        self._wait_idle(wait_seconds)

    def stop(self) -> None:
        """End the jobs, the daemons and whatever process the jobs have left behind."""
        if not self.pids and (self.root / "lab.json").exists():
            record = json.loads((self.root / "lab.json").read_text())
            self.pids, self.nodes = record["pids"], tuple(record["nodes"])
        self.run(["scancel", "--me", "-s", "KILL"], check=False)
        for sign in (signal.SIGTERM, signal.SIGKILL):
            for pid in self._ours():
                _signal(pid, sign)
            ends = time.monotonic() + 5
            while self._ours() and time.monotonic() < ends:
                time.sleep(0.05)
        _remove_cgroups(self.nodes)

    def run(self, argv: list[str], *, check: bool = True) -> str:
        """Run one client command and give its standard output."""
        done = subprocess.run(
            argv,
            env={**os.environ, **self.environ},
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        if check and done.returncode:
            raise RuntimeError(f"{argv}: {done.returncode} {done.stderr}")
        return done.stdout

    def kill_node(self, node: str) -> None:
        """Let a node die at once: its daemon and everything that its jobs run there."""
        _signal(self.pids[node], signal.SIGKILL)
        theirs = f"SLURMD_NODENAME={node}\0".encode()
        jobs = [
            pid for pid, environ in _environs() if self._mark() in environ and theirs in environ
        ]
        for pid in [*{_step_daemon(pid) for pid in jobs}, *jobs]:  # nobody is left to report
            _signal(pid, signal.SIGKILL)

    def revive_node(self, node: str) -> None:
        """Start the daemon of a node again."""
        self._spawn(node, [*_own_host_name(node), "slurmd", "-D", "-N", node])

    def _configure(self) -> None:
        host, ports = socket.gethostname().split(".")[0], _free_ports(1 + NODE_COUNT)
        nodes = "\n".join(
            f"NodeName={node} NodeHostname={host} NodeAddr=127.0.0.1 Port={port} CPUs=8 "
            "RealMemory=4000"
            for node, port in zip(self.nodes, ports[1:], strict=True)
        )
        tracking = "cgroup" if _has_cgroups() else "linuxproc"
        (self.root / "slurm.conf").write_text(
            CONF.format(
                host=host,
                ports=ports,
                user=getpass.getuser(),
                root=self.root,
                proctrack=tracking,
                nodes=nodes,
            )
        )
        (self.root / "cgroup.conf").write_text("CgroupAutomount=no\n")

    def _start_munge(self) -> None:
        run = self.root / "run"
        argv = ["munged", "--foreground", f"--socket={run}/munge.sock", "--num-threads=2"]
        argv += [f"--key-file={self.root}/munge.key", f"--pid-file={run}/munged.pid"]
        argv += [f"--log-file={self.root}/log/munged.log", f"--seed-file={run}/munge.seed"]
        self._spawn("munged", argv)
        ends = time.monotonic() + 10
        while not (run / "munge.sock").exists() and time.monotonic() < ends:
            time.sleep(0.02)
        if not (run / "munge.sock").exists():
            raise RuntimeError(f"munged did not start; see {self.root}/log/munged.out")

    def _spawn(self, name: str, argv: list[str]) -> None:
        with (self.root / "log" / f"{name}.out").open("ab") as log:
            process = subprocess.Popen(
                argv,
                env={**os.environ, **self.environ},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self.pids[name] = process.pid

    def _wait_idle(self, wait_seconds: float) -> None:
        ends = time.monotonic() + wait_seconds
        while True:
            idle = self.run(
                ["sinfo", "-h", "-N", "-p", "debug", "-t", "idle", "-o", "%N"], check=False
            )
            if len(idle.split()) == NODE_COUNT:
                return
            if time.monotonic() > ends:
                self.stop()
                raise RuntimeError(f"the cluster did not start; see {self.root}/log")
            time.sleep(0.1)

    def _mark(self) -> bytes:
        return f"SLURM_CONF={self.root}/slurm.conf\0".encode()

    def _ours(self) -> list[int]:
        """Processes of this cluster: started here, or with its configuration in their start."""
        mine = os.getpid()
        return [pid for pid, environ in _environs() if pid != mine and self._mark() in environ]


def _environs() -> list[tuple[int, bytes]]:
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                stat = (entry / "stat").read_text()
                environ = (entry / "environ").read_bytes()
            except OSError:
                continue
            if stat.rpartition(")")[2].split()[0] != "Z":
                found.append((int(entry.name), environ + b"\0"))
    return found


def _step_daemon(pid: int) -> int:
    """The slurmstepd above a process of a job; the process itself if it has none."""
    above = pid
    while above > 1:
        try:
            stat = Path(f"/proc/{above}/stat").read_text()
        except OSError:
            break
        if "(slurmstepd)" in stat:
            return above
        above = int(stat.rpartition(")")[2].split()[1])
    return pid


def _signal(pid: int, sign: int) -> None:
    try:
        os.kill(pid, sign)
    except ProcessLookupError:
        pass


def _free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    for each in sockets:
        each.bind(("127.0.0.1", 0))
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


def _own_host_name(node: str) -> list[str]:
    """A command prefix that gives a node its own host name, where the kernel allows that."""
    space, rest = ["unshare", "--uts"], ""
    if os.geteuid():  # slurmd as root fails in a user namespace, and needs none
        space = ["unshare", "--user", "--map-current-user", "--keep-caps", "--uts"]
        rest = "setpriv --ambient-caps=-all --inh-caps=-all "  # jobs must not write everywhere
    prefix = [*space, "sh", "-c", f'hostname {node} && exec {rest}"$@"', "sh"]
    tried = subprocess.run([*prefix, "true"], capture_output=True, check=False)
    return prefix if tried.returncode == 0 else []


def _has_cgroups() -> bool:
    freezer = Path("/sys/fs/cgroup/freezer")
    return os.geteuid() == 0 and freezer.is_dir() and os.access(freezer, os.W_OK)


def _remove_cgroups(nodes: tuple[str, ...]) -> None:
    for node in nodes:
        top = Path(f"/sys/fs/cgroup/freezer/slurm_{node}")
        for folder, _, _ in os.walk(top, topdown=False):
            try:
                os.rmdir(folder)
            except OSError:
                pass


def main(argv: list[str]) -> int:
    """Start or stop a cluster from a shell."""
    if len(argv) != 2 or argv[0] not in ("start", "stop"):
        sys.stderr.write("usage: cluster.py start|stop DIR\n")
        return 2
    cluster = Cluster(Path(argv[1]).absolute())
    if argv[0] == "stop":
        cluster.stop()
        return 0
    if lacking := missing_programs():
        sys.stderr.write(f"cluster.py: not installed: {' '.join(lacking)}; run install-slurm.sh\n")
        return 10
    cluster.start()
    sys.stdout.write(f"export SLURM_CONF={cluster.environ['SLURM_CONF']}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
