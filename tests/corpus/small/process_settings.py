"""What a program asks of its process and its interpreter, and finds again after each statement."""

import faulthandler
import gc
import os
import resource
import shutil
import signal
import sys
import tracemalloc


class Finder:
    """Finds nothing, but is asked."""

    asked = 0

    def find_spec(self, name, path=None, target=None):
        type(self).asked += name == "no_such_module"
        return None


def on_collect(phase, info):
    phases.append(phase)


phases = []
sys.setrecursionlimit(700)
resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))
resource.setrlimit(resource.RLIMIT_NOFILE, (200, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
os.nice(2)
os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
gc.callbacks.append(on_collect)
gc.freeze()
faulthandler.enable()
tracemalloc.start(3)
sys.meta_path.insert(0, Finder())
signal.alarm(1000)
os.mkdir("gone")
os.chdir("gone")
shutil.rmtree("../gone")
print(sys.getrecursionlimit(), resource.getrlimit(resource.RLIMIT_NOFILE)[0])
print(resource.getrlimit(resource.RLIMIT_CORE)[0], os.nice(0) >= 2, len(os.sched_getaffinity(0)))
phases.clear()
gc.collect()
print(phases, gc.get_freeze_count() > 0, len(gc.callbacks))
print(faulthandler.is_enabled(), tracemalloc.get_traceback_limit())
try:
    import no_such_module
except ImportError:
    print(Finder.asked, type(sys.meta_path[0]).__name__)
try:
    os.getcwd()
except FileNotFoundError:
    print("the folder is gone")
print(900 < signal.alarm(0) <= 1000)
