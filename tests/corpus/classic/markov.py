"""Text made from a chain of words; strings, tuples as keys, random choice."""
import random
from collections import defaultdict

random.seed(31)
WORDS = "the a of sea wind night ship sail old man boy star light dark cold sings sleeps falls rises waits".split()
text = [random.choice(WORDS) for _ in range(20000)]
chain = defaultdict(list)
for a, b, c in zip(text, text[1:], text[2:]):
    chain[a, b].append(c)


def sentence(length):
    pair = random.choice(sorted(chain))
    words = list(pair)
    while len(words) < length:
        following = chain.get(pair)
        if not following:
            pair = random.choice(sorted(chain))
            continue
        word = random.choice(following)
        words.append(word)
        pair = (pair[1], word)
    return " ".join(words).capitalize() + "."


letters = 0
with open("poem.txt", "w", encoding="utf-8") as poem:
    for verse in range(9000):
        line = sentence(random.randint(5, 12))
        letters += len(line)
        poem.write(line + "\n")
        if verse % 500 == 0:
            print(verse, line, letters)
print(letters)
