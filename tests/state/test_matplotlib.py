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
