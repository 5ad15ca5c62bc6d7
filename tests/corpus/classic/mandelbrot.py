"""A Mandelbrot set written row by row to a PGM file."""
def escape(c, limit=120):
    z = 0j
    for n in range(limit):
        z = z * z + c
        if abs(z) > 2.0:
            return n
    return limit


width, height = 360, 300
with open("set.pgm", "wb") as image:
    image.write(b"P5 %d %d 255\n" % (width, height))
    for y in range(height):
        row = bytes(2 * escape(complex(3 * x / width - 2.2, 2.4 * y / height - 1.2)) for x in range(width))
        image.write(row)
        if y % 20 == 0:
            print("row", y, sum(row))
print("written")
