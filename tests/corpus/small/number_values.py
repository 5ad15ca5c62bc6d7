"""Floats, ints, complex, bytes, strings: values that must keep every bit."""
import cmath
import math

x = 0.1
tiny, huge = 5e-324, 1.7976931348623157e308
nan, inf = math.nan, -math.inf
big = 1
text = "\ud83d\ude00é\x00".encode("utf-16", "surrogatepass").decode("utf-16")
raw = bytearray(b"abc")
for i in range(1, 5):
    x = x * 3.7 * (1 - x)
    big = big * 10 ** 30 + i
    raw += bytes([i * 50])
    text += chr(0x1F600 + i)
    print(x.hex(), big, raw.hex(), text.encode().hex(), cmath.sqrt(-i))
print(tiny.hex(), huge.hex(), nan != nan, inf, -0.0, 1e16 + 1, (0.1).as_integer_ratio(), ~5, 7 ^ 3)
print(f"{x:.3e} {big:,} {255:#06x} {0.5:%} {text!a}", "%5.2f|%-5s|" % (x, "ab"), "a,b,,c".split(","))
