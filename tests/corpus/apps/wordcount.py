"""Count the words of a file that it first writes; read line by line, many passes, sorted keys."""
import collections
import random
import re
import sys


def write(name):
    rng = random.Random(99)
    syllables = ["ka", "to", "mi", "ren", "sol", "ur", "be", "lin"]
    with open(name, "w") as target:
        for _ in range(6000):
            words = ["".join(rng.choices(syllables, k=rng.randint(1, 3))) for _ in range(9)]
            target.write(" ".join(words) + ",\n")


def count(name):
    words = collections.Counter()
    with open(name) as source:
        for line in source:
            words.update(re.findall(r"[a-z]+", line))
            for word in line.split():
                words[len(word)] += 1
    return words


def main(name, option, how_many):
    assert option == "-n"
    write(name)
    everything = collections.Counter()
    for turn in range(34):
        words = count(name)
        everything += words
        common = sorted(words.items(), key=lambda item: (-item[1], str(item[0])))
        print(turn, common[: int(how_many)][turn % 12], len(words), flush=True)
        with open("counts.tsv", "a") as table:
            for word, n in common[turn:: 40]:
                table.write(f"{turn}\t{word}\t{n}\n")
    print(everything.total())


main(*sys.argv[1:])
