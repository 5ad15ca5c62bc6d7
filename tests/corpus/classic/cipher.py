"""A Feistel block cipher in counter mode, and SHA-like mixing; ints, bytes, shifts."""
import hashlib
import struct


class Cipher:
    def __init__(self, key):
        self.keys = [int.from_bytes(hashlib.sha256(key + bytes([i])).digest()[:4], "big") for i in range(16)]
        self.box = self.make_box(key)

    @staticmethod
    def make_box(key):
        box, j = list(range(256)), 0
        for i in range(256):
            j = (j + box[i] + key[i % len(key)]) % 256
            box[i], box[j] = box[j], box[i]
        return box

    def mix(self, half, key):
        x = half ^ key
        out = 0
        for shift in (0, 8, 16, 24):
            out |= self.box[x >> shift & 255] << (24 - shift)
        return (out << 3 | out >> 29) & 0xFFFFFFFF

    def block(self, left, right):
        for key in self.keys:
            left, right = right, left ^ self.mix(right, key)
        return right, left

    def stream(self, nonce):
        counter = 0
        while True:
            yield struct.pack(">II", *self.block(nonce, counter))
            counter += 1

    def apply(self, data, nonce):
        out = bytearray()
        for start, pad in zip(range(0, len(data), 8), self.stream(nonce)):
            out += bytes(a ^ b for a, b in zip(data[start:start + 8], pad))
        return bytes(out)


cipher = Cipher(b"a key of some length")
text = bytes(i * 7 % 251 for i in range(12000))
running = hashlib.sha1()
for nonce in range(36):
    secret = cipher.apply(text, nonce)
    running.update(secret)
    print(nonce, secret[:8].hex(), running.hexdigest(), cipher.apply(secret, nonce) == text, flush=True)
    running = hashlib.sha1(running.digest())
