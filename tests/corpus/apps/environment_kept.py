"""Working directory, umask, environment, recursion limit, warnings, locale-free formats, time order."""
import os
import sys
import time
import warnings

os.makedirs("deep/er", exist_ok=True)
os.chdir("deep/er")
os.environ["MY_MODE"] = "fast"
os.umask(0o027)
sys.setrecursionlimit(2500)
warnings.simplefilter("ignore", UserWarning)
sys.path.append("plugins")
began, ticks, steps = time.monotonic(), time.perf_counter(), 0
for n in range(6000000):
    steps = (steps * 31 + n) % 1000003
    if n % 200000 == 0:
        warnings.warn("not shown", UserWarning)
        with open("steps.txt", "a") as f:
            f.write(f"{n} {steps}\n")
        mode = oct(os.stat("steps.txt").st_mode & 0o777)
        print(n, steps, mode, os.environ["MY_MODE"], sys.getrecursionlimit(), sys.path[-1], os.path.basename(os.getcwd()), flush=True)
print(0 <= time.monotonic() - began < 100, 0 <= time.perf_counter() - ticks < 100)
