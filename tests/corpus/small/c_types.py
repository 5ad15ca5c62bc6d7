"""Structures, unions, arrays, pointers and callbacks of ctypes."""

import ctypes


class Point(ctypes.Structure):
    """A point."""

    _fields_ = [("x", ctypes.c_int), ("y", ctypes.c_double)]
    scale = 3

    def norm(self):
        r = self.x + self.y
        return r * self.scale

    def __repr__(self):
        return f"Point({self.x}, {self.y})"


class Bits(ctypes.Structure):
    _pack_ = 1
    _fields_ = [("a", ctypes.c_uint8, 3), ("b", ctypes.c_uint8, 5), ("c", ctypes.c_uint16)]


class U(ctypes.Union):
    _fields_ = [("i", ctypes.c_uint32), ("b", ctypes.c_uint8 * 4)]


class Anon(ctypes.Structure):
    _anonymous_ = ("u",)
    _fields_ = [("u", U), ("pts", Point * 2)]


class Node(ctypes.Structure):
    pass


Node._fields_ = [("v", ctypes.c_int), ("next", ctypes.POINTER(Node))]


class MyInt(ctypes.c_int):
    def twice(self):
        return self.value * 2


p = Point(1, 2.5)
p.y += 1
print(p, p.norm(), Point.__doc__)
b = Bits(5, 17, 999)
b.a = 2
print(b.a, b.b, b.c, ctypes.sizeof(Bits), bytes(b))
a = Anon()
a.i = 0x01020304
a.pts[1].x = 8
print(list(a.b), a.pts[1], a.u.i)
n = Node(3)
print(n.v, bool(n.next), ctypes.sizeof(Node))
m = MyInt(21)
print(m.twice())
arr = (ctypes.c_int * 4)(1, 2, 3)
mat = ((ctypes.c_double * 2) * 2)()
mat[1][0] = 4.5
arr[3] = 9
print(list(arr), [list(r) for r in mat], ctypes.sizeof(arr))
CB = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_int), ctypes.POINTER(ctypes.c_int))


def compare(x, y):
    r = x[0] - y[0]
    return r


cb = CB(compare)
libc = ctypes.CDLL(None)
libc.qsort(arr, 4, 4, cb)
print(list(arr))
libc.abs.restype = ctypes.c_int
print(libc.abs(-4), cb(ctypes.pointer(ctypes.c_int(5)), ctypes.pointer(ctypes.c_int(3))))
x = ctypes.c_int(5)
q = ctypes.pointer(x)
q[0] = 9
print(x.value, q.contents, type(q) is ctypes.POINTER(ctypes.c_int))
pts = (Point * 2)((1, 2), (3, 4))
for pt in pts:
    pt.x *= 2
    print(pt)
view = memoryview(pts).cast("B")
print(len(view), isinstance(pts[0], Point), type(arr) is ctypes.c_int * 4)
buf = ctypes.create_string_buffer(b"abc", 8)
buf[1] = b"X"
print(buf.value, buf.raw)
s = ctypes.c_char_p(b"hello")
print(s.value)
w = ctypes.create_unicode_buffer("häl", 6)
print(w.value)
