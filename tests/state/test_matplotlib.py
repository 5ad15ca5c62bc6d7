# ruff: noqa: E501  (programs inside strings)
"""A drawing that is half done goes on with the pixels it has."""

import pytest

pytest.importorskip("matplotlib")


def test_a_renderer_keeps_its_pixels_and_what_the_drawing_set_on_it(round_trip):
    round_trip(
        """
        import matplotlib
        matplotlib.use("Agg")
        import numpy as np
        from matplotlib.backends.backend_agg import RendererAgg
        renderer = RendererAgg(40, 30, 72.0)
        np.asarray(renderer.buffer_rgba())[5:9] = 200
        renderer.close_group = "set by the drawing"
        clear, image = renderer._renderer.clear, renderer.draw_image
        """,
        """
        import numpy as np
        pixels = np.asarray(renderer.buffer_rgba())
        assert pixels.shape == (30, 40, 4) and (pixels[5:9] == 200).all()
        assert (renderer.dpi, renderer.close_group) == (72.0, "set by the drawing")
        assert image.__self__ is renderer._renderer
        clear()
        assert not (pixels[5:9] == 200).any()
        """,
    )


def test_images_of_pillow_and_what_draws_on_them_stay_together(round_trip):
    pytest.importorskip("PIL")
    round_trip(
        """
        from PIL import Image, ImageDraw, ImageFont
        font = ImageFont.load_default(20); width = font.getlength("text")
        image = Image.new("RGB", (20, 10), "white"); draw = ImageDraw.Draw(image, "RGBA"); points = image.load()
        draw.line([(0, 0), (19, 9)], fill=(255, 0, 0, 100)); points[3, 4] = (1, 2, 3); image.note = "kept"
        copy = image.convert("P", palette=Image.Palette.ADAPTIVE, colors=8); copy.info["transparency"] = 0
        others = [Image.linear_gradient("L").convert(mode) for mode in ("1", "L", "LA", "RGBA", "I", "F", "CMYK", "HSV", "I;16")]
        empty = Image.new("L", (0, 5))
        def shown(): return [one.tobytes() for one in (image, copy, empty, copy.convert("RGBA"), *others)]
        before = shown(); colours = copy.getpalette(); image.copy().save("a.png"); lazy = Image.open("a.png"); lazy.load()
        """,
        """
        assert shown() == before and copy.getpalette() == colours and image.note == "kept"
        assert draw._image is image and draw.im is image.im and points[3, 4] == (1, 2, 3) and empty.size == (0, 5)
        points[5, 5] = (9, 8, 7); draw.rectangle([0, 0, 2, 2], fill=(0, 0, 255, 128))
        assert image.getpixel((5, 5)) == (9, 8, 7) and image.getpixel((0, 2)) == (127, 127, 255)
        assert lazy.tobytes() == before[0] and font.getlength("text") == width
        """,
    )


def test_axes_that_share_their_limits_still_share_them(round_trip):
    round_trip(
        """
        import matplotlib
        matplotlib.use("Agg")
        import matplotlib.pyplot as plt
        from dartslurm.state.outside import libraries
        figure, axes = plt.subplots()
        twin = axes.twinx(); twin.plot([0, 5], [1, 2])
        outside = libraries.collect()
        """,
        """
        from dartslurm.state.outside import libraries
        libraries.restore({"matplotlib": outside["matplotlib"]})
        assert axes.get_shared_x_axes().joined(axes, twin)
        assert axes.get_xlim() == twin.get_xlim() == (-0.25, 5.25)
        """,
    )
