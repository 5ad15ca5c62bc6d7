"""Count slowly: a line a step into a CSV file, a digest of all steps at the end.

python counter.py STEPS FILE [SECONDS_A_STEP]
"""

import hashlib
import sys
import time


def mix(digest, number):
    return hashlib.sha256(digest + str(number).encode()).digest()


def main(steps, path, pause):
    digest = b""
    with open(path, "w") as table:
        table.write("step,digest\n")
        for step in range(steps):
            digest = mix(digest, step)
            table.write(f"{step},{digest.hex()[:16]}\n")
            table.flush()
            if step % 100 == 0:
                print(f"step {step}", flush=True)
            time.sleep(pause)
    print(f"done {digest.hex()}")


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2], float(sys.argv[3]) if len(sys.argv) > 3 else 0.02)
