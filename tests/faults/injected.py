# ruff: noqa: E402  (the package is imported after its importer)
"""Run a program under a capture whose call sites fail, one after the other.

    injected.py KIND EVERY REPORT PROGRAM OPTIONS…

Every call in a function of ours has a number (see `sites.py`). While the program runs, versions
are asked for all the time; first the sites are learnt that every capture passes, then each is made
to raise KIND once (each EVERY-th site only). The program paces itself by the builtin ``pace``. This
file is ``__main__`` until the program takes its place, so it is no part of what is captured. REPORT
gets a JSON object.
"""

import builtins
import json
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
exec(compile((HERE / "sites.py").read_text(), str(HERE / "sites.py"), "exec"))
KINDS, ROOT, Finder, Sites = map(globals().__getitem__, ("KINDS", "ROOT", "Finder", "Sites"))
LEARN = 12
PATIENCE = 4
STALL_SECONDS = 30.0
MOST_SITES = 1 << 15

KIND, EVERY, REPORT = sys.argv[1], int(sys.argv[2]), Path(sys.argv[3])


class Campaign:
    """Which site fails next."""

    def __init__(self):
        self.asks = self.fired_asks = 0
        self.armed = -1
        self.plan = []
        self.at = 0
        self.fired, self.passed = [], []
        self.seen = bytearray(MOST_SITES)  # no set: it is captured too, and grows meanwhile
        self.first = []
        self.last_ask = time.monotonic()
        self.stalled = ""

    def site(self, number):
        if number == self.armed:
            self.armed = -1
            self.fired.append(number)
            with open(REPORT.with_suffix(".log"), "a") as log:
                print(Sites.names[number], file=log)
            raise KINDS[KIND]()  # noqa: RSE102  a function
        if self.asks <= LEARN:
            self.seen[number] = 1

    def seen_so_far(self):
        return [number for number, seen in enumerate(self.seen) if seen]

    def asked(self):
        """A version has been asked for: the fault before has had its effect."""
        self.asks += 1
        self.last_ask = time.monotonic()
        if self.asks == LEARN // 2:
            self.first, self.seen = self.seen_so_far(), bytearray(MOST_SITES)
        if self.asks == LEARN + 1:
            learnt = self.seen_so_far()
            self.first = [site for site in self.first if site not in learnt]
            self.plan = learnt[::EVERY]
        if self.asks <= LEARN:
            return
        if self.armed >= 0:  # not reached this time
            self.fired_asks += 1
            if self.fired_asks < PATIENCE:
                return
            self.passed.append(self.armed)
        self.fired_asks = 0
        self.armed = self.plan[self.at] if self.at < len(self.plan) else -1
        self.at += 1

    def pace(self, share):
        """Tell the program whether to stay where it is, ``share`` of its whole length."""
        if time.monotonic() - self.last_ask > STALL_SECONDS:
            last = Sites.names[self.fired[-1]] if self.fired else "?"
            self.stalled = self.stalled or f"no version is asked for any more after {last}"
        if self.stalled:
            return False
        return not self.plan or self.at < share * (len(self.plan) + 1)

    def report(self):
        names = Sites.names
        REPORT.write_text(
            json.dumps(
                {
                    "fired": [names[number] for number in self.fired],
                    "not_reached": [names[number] for number in self.passed],
                    "first_capture_only": [names[number] for number in self.first],
                    "stalled": self.stalled,
                    "asks": self.asks,
                }
            )
        )


own = str(ROOT / "dartslurm" / "site.py")  # an error from there is one of ours
Campaign.site.__code__ = Campaign.site.__code__.replace(co_filename=own)
campaign = Campaign()
builtins.__dart_site__ = campaign.site
sys.path.insert(0, str(ROOT))
sys.meta_path.insert(0, Finder)

from dartslurm.cli.run import entry
from dartslurm.safepoint.gate import Gate

ask = Gate.ask


def asked(gate, request):
    campaign.asked()
    return ask(gate, request)


def pace(share):
    waiting = campaign.pace(share)
    if not waiting and share >= 1.0:
        campaign.report()
    return waiting


Gate.ask = asked
builtins.pace = pace
__name__ = "dartslurm"  # an error from here must look like one of ours, not of the program's
sys.argv[1:] = [*sys.argv[5:], sys.argv[4]]
entry()
